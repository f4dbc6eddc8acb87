"""The environment of a test run, set before Django reads its settings. A DATABASE_URL from outside is kept."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(tempfile.gettempdir()) / f'gradebridge-{os.getpid()}.sqlite3'}")
os.environ.update(
    SECRET_KEY="a key for the tests alone, long enough for the checks of Django",
    DEBUG="false",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    INSECURE_HTTP="true",
    CSRF_TRUSTED_ORIGINS="",
    METRICS_NETWORKS="",
    TIME_ZONE="Europe/Copenhagen",
    LEARN_URL="http://127.0.0.1:9",  # nothing listens there; tests that deliver start a sandbox
    LEARN_KEY="key",
    LEARN_SECRET="secret",
    LEARN_TIMEOUT="5",
    LEARN_BATCH_SIZE="500",
    LEARN_CONCURRENCY="4",
    LEARN_DAILY_CALLS="10000",
    EXPORT_DEADLINE="20",
    EXPORT_MAX_BYTES="8000000",
    EXPORT_MAX_PARTICIPANTS="50000",
    EXPECT_WITHIN="24",
    PROVE_AFTER="10",
    PROVE_DAYS="30",
    PROVE_SHARE="0.2",
    WISEFLOW_URL="",
    WISEFLOW_CLIENT_ID="",
    WISEFLOW_CLIENT_SECRET="",
    WISEFLOW_API_KEY="",
    WISEFLOW_EXTERNAL_ID="",
    EMAIL_URL="",
    DEFAULT_FROM_EMAIL="GradeBridge <gradebridge@example.edu>",
    WEBHOOK_NETWORKS="",
)
