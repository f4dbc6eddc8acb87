"""The one settings file. Everything that differs between sites comes from the environment or from `.env`."""

import logging
import sys
from datetime import timedelta
from pathlib import Path

import environ

from gradebridge import environment, logs
from gradebridge.environment import read
from gradebridge.headers import CONTENT_SECURITY_POLICY  # noqa: F401  a setting as well
from gradebridge.unfold import UNFOLD  # noqa: F401  a setting as well

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

# The site
DEBUG = read("DEBUG", environment.boolean, default="false")
SECRET_KEY = read("SECRET_KEY", environment.secret_key(is_debug=DEBUG))
ALLOWED_HOSTS = read("ALLOWED_HOSTS", environment.hosts(is_debug=DEBUG), default="localhost,127.0.0.1,[::1]")
INSECURE_HTTP = read("INSECURE_HTTP", environment.boolean, default="false")
CSRF_TRUSTED_ORIGINS = read("CSRF_TRUSTED_ORIGINS", environment.origins, default="")
ADMINISTRATORS_MAY_INTEGRATE = read("ADMINISTRATORS_MAY_INTEGRATE", environment.boolean, default="false")
TRUSTED_PROXIES = read("TRUSTED_PROXIES", environment.networks, default="")
METRICS_NETWORKS = read("METRICS_NETWORKS", environment.networks, default="")
TIME_ZONE = read("TIME_ZONE", environment.time_zone, default="UTC")
IS_WATCHED = DEBUG or (sys.stderr is not None and sys.stderr.isatty())  # by a person, and not by a program
LOG_FORMAT = read("LOG_FORMAT", environment.one_of(*logs.RENDERERS), default="line" if IS_WATCHED else "json")

# Learn. Times are seconds.
LEARN_URL = read("LEARN_URL", environment.learn_url)
LEARN_KEY = read("LEARN_KEY", environment.text)
LEARN_SECRET = read("LEARN_SECRET", environment.text)
LEARN_TIMEOUT = read("LEARN_TIMEOUT", environment.seconds(least=0.1, most=600), default="20")
LEARN_BATCH_SIZE = read("LEARN_BATCH_SIZE", environment.whole(least=1, most=10_000), default="500")
LEARN_CONCURRENCY = read("LEARN_CONCURRENCY", environment.whole(least=1, most=32), default="4")
LEARN_DAILY_CALLS = read("LEARN_DAILY_CALLS", environment.whole(least=1, most=10_000_000), default="10000")

# The export endpoint
EXPORT_DEADLINE = read("EXPORT_DEADLINE", environment.seconds(least=1, most=3600), default="45")
EXPORT_MAX_BYTES = read("EXPORT_MAX_BYTES", environment.whole(least=1, most=1_000_000_000), default="8000000")
EXPORT_MAX_PARTICIPANTS = read("EXPORT_MAX_PARTICIPANTS", environment.whole(least=1, most=1_000_000), default="50000")
UNKNOWN_FLOWS = read("UNKNOWN_FLOWS", environment.one_of("store", "refuse"), default="store")
CLIENT_CALLS_PER_MINUTE = read("CLIENT_CALLS_PER_MINUTE", environment.whole(least=0, most=10_000_000), default="30000")
WRONG_KEYS_PER_MINUTE = read("WRONG_KEYS_PER_MINUTE", environment.whole(least=0, most=1_000_000), default="60")
EXPECT_WITHIN = read("EXPECT_WITHIN", environment.whole(least=0, most=8760), default="24")  # hours after the end

# Proof from Learn's gradebook
PROVE_AFTER = read("PROVE_AFTER", environment.minutes_or_never, default="10")  # minutes after an export; None: never
PROVE_DAYS = read("PROVE_DAYS", environment.whole(least=0, most=3650), default="30")
PROVE_SHARE = read("PROVE_SHARE", environment.share, default="0.2")  # of Learn's calls of a day

# How long old data is kept, in days; None: for ever
RETENTION_DAYS = read("RETENTION_DAYS", environment.days_or_for_ever, default="")
RETENTION_LOG_DAYS = read("RETENTION_LOG_DAYS", environment.days_or_for_ever, default="")

# WISEflow's own API; without an address it is not read, and pages do not offer it
WISEFLOW_URL = read("WISEFLOW_URL", environment.wiseflow_url, default="")
WISEFLOW_CLIENT_ID = read("WISEFLOW_CLIENT_ID", environment.text, default="")
WISEFLOW_CLIENT_SECRET = read("WISEFLOW_CLIENT_SECRET", environment.text, default="")
WISEFLOW_API_KEY = read("WISEFLOW_API_KEY", environment.text, default="")
WISEFLOW_EXTERNAL_ID = read("WISEFLOW_EXTERNAL_ID", environment.text, default="")
environment.complete_wiseflow(
    url=WISEFLOW_URL,
    client_id=WISEFLOW_CLIENT_ID,
    client_secret=WISEFLOW_CLIENT_SECRET,
    api_key=WISEFLOW_API_KEY,
    external_id=WISEFLOW_EXTERNAL_ID,
)

# Signing in. With an issuer the university's provider does it; without one, names and passwords of this site.
OIDC_ISSUER = read("OIDC_ISSUER", environment.issuer, default="")
OIDC_RP_CLIENT_ID = read("OIDC_CLIENT_ID", environment.text, default="")
OIDC_RP_CLIENT_SECRET = read("OIDC_CLIENT_SECRET", environment.text, default="")
OIDC_GROUPS_CLAIM = read("OIDC_GROUPS_CLAIM", environment.text_or("groups"), default="")
OIDC_ROLES = read("OIDC_ROLES", environment.roles, default="")
OIDC_NAME = read("OIDC_NAME", environment.text_or("single sign-on"), default="")
environment.complete_provider(OIDC_ISSUER, OIDC_RP_CLIENT_ID, OIDC_RP_CLIENT_SECRET, OIDC_ROLES)
LOCAL_SIGN_IN = read("LOCAL_SIGN_IN", environment.local_sign_in(has_provider=bool(OIDC_ISSUER)), default="")
SECOND_FACTOR = read("SECOND_FACTOR", environment.one_of("off", "optional", "required"), default="optional")
SESSION_IDLE_MINUTES = read("SESSION_IDLE_MINUTES", environment.whole(least=1, most=1440), default="30")
SESSION_HOURS = read("SESSION_HOURS", environment.whole(least=1, most=168), default="8")
REAUTHENTICATE_MINUTES = read("REAUTHENTICATE_MINUTES", environment.whole(least=1, most=1440), default="5")
LOCKOUT_MINUTES = read("LOCKOUT_MINUTES", environment.whole(least=1, most=1440), default="15")

# E-mail and webhooks
vars().update(read("EMAIL_URL", environment.mail, default=""))
EMAIL_TIMEOUT = 10  # seconds of silence
DEFAULT_SENDER = None if "EMAIL_HOST" in vars() else "gradebridge@localhost"  # a mail server needs a real one
DEFAULT_FROM_EMAIL = read("DEFAULT_FROM_EMAIL", environment.sender, default=DEFAULT_SENDER)
WEBHOOK_NETWORKS = read("WEBHOOK_NETWORKS", environment.networks, default="127.0.0.0/8,::1" if DEBUG else "")

DATABASES = {"default": read("DATABASE_URL", environment.database, default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What processes count together is in a table of the database. All else that is cached is a process's own.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}

INSTALLED_APPS = [
    "csp",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django_tasks",
    "django_tasks_db",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
    "gradebridge",
    "common",
    "courses",
    "exports",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gradebridge.headers.HeadersMiddleware",
    "exports.api.flood.WrongKeysMiddleware",  # a flood has a line in the log now and then, and not one a request
    "gradebridge.watching.requests.RequestMiddleware",  # around all others, so that each answer has its id
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "common.signing_in.sessions.SessionsMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "gradebridge.middleware.DatabaseFailureMiddleware",
    "gradebridge.middleware.NoNulMiddleware",
    "gradebridge.middleware.SignedOutMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "gradebridge.urls"
WSGI_APPLICATION = "gradebridge.wsgi.application"
APPEND_SLASH = False  # every API address is routed with and without its slash; a redirect would lose a POST's body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("da", "Dansk"), ("fr", "Français")]  # a further one: docs/architecture.md
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "gradebridge.formats"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # serves from the packages themselves: nothing to collect before the first start

# A flow's mapping and a translation's table are on one page: six fields a line, and Django saves up to 2,000 lines of a
# page. Without a bound anybody, signed in or not, could have millions of fields read.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000 * 6 + 100

# Security. TLS ends at the proxy in front, which also redirects http to https.
BEHIND_TLS = environment.is_behind_tls(ALLOWED_HOSTS, is_debug=DEBUG, is_insecure=INSECURE_HTTP)
SITE_URL = environment.site_url(CSRF_TRUSTED_ORIGINS, ALLOWED_HOSTS, is_behind_tls=BEHIND_TLS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # the redirect to https belongs to the proxy
SESSION_COOKIE_AGE = SESSION_HOURS * 60 * 60
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: while someone is locked out, no password is checked
    "common.signing_in.ways.PasswordBackend",
    "common.signing_in.provider_backend.ProviderBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AXES_HANDLER = "common.signing_in.lockout.Lockout"
AXES_USERNAME_CALLABLE = "common.signing_in.lockout.counted_name"
AXES_CLIENT_IP_CALLABLE = "common.signing_in.lockout.counted_address"
AXES_LOCKOUT_CALLABLE = "common.signing_in.lockout.locked_page"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # and what the handler adds
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=LOCKOUT_MINUTES)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # a lock that each try makes longer would never end
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # sign-ins are in the log of the site
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next", "code"]

OTP_TOTP_ISSUER = "GradeBridge"

OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid profile email"
OIDC_USE_PKCE = True
OIDC_AUTHENTICATION_CALLBACK_URL = "sign-in-callback"

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "ENQUEUE_ON_COMMIT": False}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "exports.api.authentication.ApiKeyAuthentication",
        "exports.api.authentication.BasicAuthentication",
        "exports.api.authentication.BearerAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["exports.api.authentication.IsAllowedClient"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "exports.api.negotiation.OneFormNegotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "exports.api.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "UNICODE_JSON": False,  # a lone surrogate in a user id is echoed as it came; as UTF-8 it could not be
}

VERSION = "1.3.0"  # of GradeBridge, as in pyproject.toml; CHANGELOG.md has a heading for each

SPECTACULAR_SETTINGS = {
    "TITLE": "GradeBridge",
    "DESCRIPTION": "Receives WISEflow's exports, delivers them to Blackboard Learn and answers with the verdicts.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH is the same export as a POST: what is required of one is of the other
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "exports.api.schema.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

logs.configure(TIME_ZONE)
LOGGING = logs.logging_config(LOG_FORMAT, TIME_ZONE)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # ours knows which proxies to believe
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
