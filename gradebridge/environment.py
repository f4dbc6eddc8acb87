"""Reads environment variables, and stops the start with one clear line when a value is missing or makes no sense."""

import ipaddress
import os
import re
import zoneinfo
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ

from courses.learn_http.addresses import is_loopback

T = TypeVar("T")

MAX_FILE_BYTES = 64 * 1024  # of a file that holds a value

# Keys that earlier releases have shown to everyone.
PUBLISHED_KEYS = (
    "the demo's key: it protects nothing but the demo on this machine",
    "a-long-key-for-checks-alone-0123456789-abcdefghijklmnopqrstuvwxyz",
)
MIN_KEY_LENGTH, MIN_KEY_CHARACTERS = 50, 5  # as Django's own check
MAKES_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'

# What a Host header can hold, without a port; Django also takes * and a leading dot.
HOST = re.compile(r"\*|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")


def read(name: str, cast: Callable[[str], T], *, default: str | None = None) -> T:
    """The value of `name` as `cast` makes it, or of the file that `name`_FILE names, which is where secrets belong.
    `cast` raises ValueError with a reason that a reader can act on.

    Ends the process with one line that names the variable when there is no usable value.
    """
    path = os.environ.get(f"{name}_FILE", "").strip()
    if path and os.environ.get(name, "").strip():
        raise SystemExit(f"{name} is not usable: {name}_FILE is set too. Remove one of them, also from .env.")
    text = content_of(path, name=f"{name}_FILE") if path else os.environ.get(name, default or "").strip()
    if not text and default is None:
        raise SystemExit(f"{name} is missing. Set it in the environment or in .env; .env.example shows every variable.")
    try:
        return cast(text)
    except ValueError as reason:
        source = f"It is in the file that {name}_FILE names" if path else "Set it in the environment or in .env"
        raise SystemExit(f"{name} is not usable: {reason}. {source}.") from None


def content_of(path: str, *, name: str) -> str:
    """The one line of a file, without the line break at its end. `name`: the variable that names the file."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        lines = content.decode("utf-8-sig").strip().splitlines()
    except OSError as error:
        reason = f"'{path}' cannot be read ({error.strerror})"
    except ValueError:  # a path with a NUL, or a file that is not text
        reason = "it does not name a file of UTF-8 text"
    else:
        if len(lines) == 1 and len(content) <= MAX_FILE_BYTES:
            return lines[0].strip()
        reason = f"'{path}' " + ("is empty" if not lines else "holds more than one line of text")
    raise SystemExit(f"{name} is not usable: {reason}. Name a file that holds the value alone.") from None


def text(value: str) -> str:
    return value


def text_or(instead: str) -> Callable[[str], str]:
    """A cast to a text; where there is none, `instead`."""
    return lambda value: value or instead


def secret_key(*, is_debug: bool) -> Callable[[str], str]:
    """A cast to a key that no one can guess. While debugging any will do."""

    def cast(value: str) -> str:
        # No message repeats the value.
        if is_debug:
            return value
        if value in PUBLISHED_KEYS:
            raise ValueError(f"it is a key that everyone can read in GradeBridge's code. Make one: {MAKES_A_KEY}")
        if len(value) < MIN_KEY_LENGTH:
            raise ValueError(f"it has fewer than {MIN_KEY_LENGTH} characters. Make one: {MAKES_A_KEY}")
        if len(set(value)) < MIN_KEY_CHARACTERS or value.startswith("django-insecure-"):
            raise ValueError(f"it can be guessed. Make one: {MAKES_A_KEY}")
        return value

    return cast


def boolean(value: str) -> bool:
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off", ""):
        return False
    raise ValueError(f"'{value}' is neither true nor false")


def items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def hosts(*, is_debug: bool) -> Callable[[str], list[str]]:
    """A cast to names and addresses as they are in a Host header, at least one. Any name only while debugging."""

    def cast(value: str) -> list[str]:
        found = items(value)
        if not found:
            raise ValueError("it names no host, so every request would be refused")
        for host in found:
            if not HOST.fullmatch(host):
                raise ValueError(f"'{host}' is no host name alone, such as grades.example.edu")
            if not is_debug and not host.strip("*."):
                raise ValueError(f"'{host}' accepts any name, also a forged one. Name your hosts")
        return found

    return cast


def is_behind_tls(hosts: list[str], *, is_debug: bool, is_insecure: bool) -> bool:
    """Whether people reach the site by https. Only one that answers to this machine's own names alone may do without
    and not say so.
    """
    return not is_debug and not is_insecure and not all(map(is_loopback, hosts))


def origins(value: str) -> list[str]:
    """Origins as a browser sends them: a scheme and a host, and nothing after them."""
    found = items(value)
    for origin in found:
        scheme, separator, host = origin.partition("://")
        if scheme not in ("http", "https") or not separator or not host or re.search(r"[\s/?#@]", host):
            raise ValueError(f"'{origin}' is no origin such as https://grades.example.edu")
    return found


def networks(value: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(item) for item in items(value)]


def time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no time zone such as Europe/Copenhagen") from None
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """A cast to one of these words."""

    def cast(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(f"'{value}' is none of {', '.join(words)}")
        return value.lower()

    return cast


def whole(*, least: int, most: int) -> Callable[[str], int]:
    """A cast to a whole number between `least` and `most`."""

    def cast(value: str) -> int:
        if not value.isascii() or not value.isdigit() or len(value) > 15 or not least <= int(value) <= most:
            raise ValueError(f"'{value}' is not a whole number from {least} to {most}")
        return int(value)

    return cast


def seconds(*, least: float, most: float) -> Callable[[str], float]:
    """A cast to a number of seconds between `least` and `most`."""

    def cast(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:  # also false for NaN
            raise ValueError(f"'{value}' is not a number of seconds from {least:g} to {most:g}")
        return number

    return cast


def minutes_or_never(value: str) -> int | None:
    """A whole number of minutes, up to a week; empty: never."""
    return whole(least=0, most=10_080)(value) if value else None


def days_or_for_ever(value: str) -> int | None:
    """A whole number of days, up to a hundred years; empty: for ever."""
    return whole(least=1, most=36_500)(value) if value else None


def share(value: str) -> float:
    """A part of the whole: 0.2 is a fifth."""
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 <= number <= 1:  # also false for NaN
        raise ValueError(f"'{value}' is not a number from 0 to 1, such as 0.2 for a fifth")
    return number


def learn_url(value: str) -> str:
    """The address of a Learn site, without a slash at its end. Plain http is for this machine alone (the sandbox)."""
    # No message repeats the value: someone may have put a password into it.
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, value)):
        raise ValueError("it is not an address such as https://learn.example.edu")
    if parts.query or parts.fragment or parts.username or parts.password or parts.path.strip("/"):
        raise ValueError("it must be the site's address alone, such as https://learn.example.edu")
    parts.port  # noqa: B018  raises ValueError for a port that is no number
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it would send grades unencrypted; use https")
    return value.rstrip("/")


def wiseflow_url(value: str) -> str:
    """The address of WISEflow's API, its version included, without a slash at its end; empty: it is not read."""
    # No message repeats the value: someone may have put a password into it.
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, value)):
        raise ValueError("it is not an address such as https://europe-api.wiseflow.net/v1")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("it must be the API's address alone, such as https://europe-api.wiseflow.net/v1")
    parts.port  # noqa: B018  raises ValueError for a port that is no number
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it would send the credentials unencrypted; use https")
    return value.rstrip("/")


def complete_wiseflow(*, url: str, client_id: str, client_secret: str, api_key: str, external_id: str) -> None:
    """Ends the process with one line where WISEflow's API is to be read and something that it needs is missing."""
    if not url:
        return
    if api_key and (client_id or client_secret):
        raise SystemExit("WISEFLOW_API_KEY is not usable: give it, or WISEFLOW_CLIENT_ID and its secret, not both.")
    missing = {} if api_key else {"WISEFLOW_CLIENT_ID": client_id, "WISEFLOW_CLIENT_SECRET": client_secret}
    for name, value in {**missing, "WISEFLOW_EXTERNAL_ID": external_id}.items():
        if not value:
            raise SystemExit(f"{name} is missing, and WISEFLOW_URL is set. Set it in the environment or in .env.")


def issuer(value: str) -> str:
    """The issuer of an OpenID Connect provider, exactly as it names itself; empty: there is none."""
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, value)):
        raise ValueError("it is not an address such as https://login.example.edu/realms/staff")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("it must be the issuer's address alone, such as https://login.example.edu/realms/staff")
    parts.port  # noqa: B018  raises ValueError for a port that is no number
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it would send sign-ins unencrypted; use https")
    return value


def roles(value: str) -> list[tuple[str, str]]:
    """`exam-office=Managers,it=Administrators`: a value of the groups claim, and the group here that it gives."""
    pairs = [item.rpartition("=") for item in items(value)]
    if not all(claim.strip() and role.strip() for claim, _separator, role in pairs):
        raise ValueError("it is no list such as exam-office=Managers,it=Administrators")
    return [(claim.strip(), role.strip()) for claim, _separator, role in pairs]


def local_sign_in(*, has_provider: bool) -> Callable[[str], bool]:
    """A cast to whether passwords of this site are accepted. Empty: only where no provider signs people in."""

    def cast(value: str) -> bool:
        is_on = boolean(value) if value else not has_provider
        if not is_on and not has_provider:
            raise ValueError("no one could sign in, as OIDC_ISSUER is not set")
        return is_on

    return cast


def complete_provider(issuer: str, client_id: str, client_secret: str, roles: list[tuple[str, str]]) -> None:
    """Ends the process with one line where a provider signs people in and something that it needs is missing."""
    if not issuer:
        return
    needed = {"OIDC_CLIENT_ID": client_id, "OIDC_CLIENT_SECRET": client_secret, "OIDC_ROLES": roles}
    for name, value in needed.items():
        if not value:
            raise SystemExit(f"{name} is missing, and OIDC_ISSUER is set. Set it in the environment or in .env.")


# Schemes of EMAIL_URL, and the port of each. `smtp` is for a server that takes mail without a password.
MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
NO_MAIL: dict[str, object] = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}


def mail(value: str) -> dict[str, object]:
    """Django's settings for `smtp+tls://user:password@host:587`, or `consolemail://`; empty: no e-mail is sent."""
    # No message repeats the value: it may hold a password.
    if not value:
        return NO_MAIL
    scheme = value.partition("://")[0]
    if scheme == "consolemail":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if scheme not in MAIL_PORTS:
        raise ValueError("it must begin with smtp+tls://, smtp+ssl://, smtp:// or consolemail://")
    parts = urlsplit(value)
    parts.port  # noqa: B018  raises ValueError for a port that is no number
    if not parts.hostname or any(map(str.isspace, value)) or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it is not an address such as smtp+tls://user:password@mail.example.edu:587")
    if scheme == "smtp" and parts.password and not is_loopback(parts.hostname):
        raise ValueError("it would send the password unencrypted; use smtp+tls or smtp+ssl")
    config = environ.Env.email_url_config(value)
    return {
        "EMAIL_BACKEND": config["EMAIL_BACKEND"],
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or MAIL_PORTS[scheme],
        "EMAIL_HOST_USER": config["EMAIL_HOST_USER"] or "",
        "EMAIL_HOST_PASSWORD": config["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_USE_TLS": scheme == "smtp+tls",
        "EMAIL_USE_SSL": scheme == "smtp+ssl",
    }


def sender(value: str) -> str:
    """An e-mail address, or `Name <address>`."""
    address = parseaddr(value)[1]
    name, _at, host = address.rpartition("@")
    if not name or not host or any(map(str.isspace, address)) or "\n" in value or "\r" in value:
        raise ValueError(f"'{value}' is no e-mail address such as GradeBridge <gradebridge@example.edu>")
    return value


def site_url(origins: list[str], hosts: list[str], *, is_behind_tls: bool) -> str:
    """Where people reach the site, for links in e-mail: the first origin or host that is one name. Empty: not known."""
    for origin in origins:
        if "*" not in origin:
            return origin
    for host in hosts:
        if "*" not in host and not host.startswith("."):
            return f"{'https' if is_behind_tls else 'http'}://{host}"
    return ""


def database(value: str) -> dict[str, object]:
    """Django's settings for a `sqlite:///path` or `postgres://user:password@host/name?sslmode=require` address."""
    scheme = value.partition("://")[0]
    if scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError("it must begin with sqlite:/// or postgres://")
    config = environ.Env.db_url_config(value)
    if config["NAME"] in ("", ":memory:"):
        raise ValueError("it names no database")
    if scheme == "sqlite":
        # IMMEDIATE: a transaction takes the write lock at its start, so two writers queue instead of failing.
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        options = {"pool": {"min_size": 0, "max_size": 20, "timeout": 10}, "connect_timeout": 5}
        config["ENGINE"] = "common.database.postgresql"  # the pool hands out no connection that the server has closed
    return {**config, "OPTIONS": {**options, **config.get("OPTIONS", {})}}
