"""How the site logs: one event a line, on stderr, with its moment, level and logger.

`structlog.get_logger(__name__)` is what our code asks for. What libraries log by `logging` has the same shape.
"""

import logging
import sys
import threading
from typing import Any

import structlog

from gradebridge import log_contents

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=False),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    log_contents.cut_rows,  # after all that writes messages and tracebacks
]


def configure() -> None:
    """Let `structlog` write through `logging`, so that one set of handlers serves both, and let no traceback that
    nothing catches quote a row.
    """
    sys.excepthook = log_contents.write_uncaught
    threading.excepthook = log_contents.write_uncaught_of_thread
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def formatter() -> dict[str, Any]:
    """For `LOGGING`: one line of `key=value` pairs an event."""
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "logger", "event"]),
        ],
    }


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": formatter()},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Django would mail a failure to ADMINS with the body of the request, which has ids and grades.
        "django": {"handlers": []},
        "apscheduler": {"level": logging.WARNING},  # a line for every tick says nothing
        # At DEBUG these write bearer tokens and secrets.
        "oauthlib": {"level": logging.INFO},
        "requests_oauthlib": {"level": logging.INFO},
        "urllib3": {"level": logging.INFO},
    },
}
