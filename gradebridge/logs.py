"""How the site logs: one event a line, on stderr, with its moment, level and logger.

`structlog.get_logger(__name__)` is what our code asks for. What libraries log by `logging`, gunicorn included, has the
same shape and the same clock. docs/watching.md lists the events.
"""

import logging
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from textwrap import indent
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from structlog.types import EventDict, Processor

from gradebridge import log_contents

POLLED = {"GET /health/live", "GET /health/ready", "GET /metrics"}  # by machines, every few seconds
ORDER = ["timestamp", "level", "logger", "event", "request_id"]


def shared(time_zone: str) -> list[Processor]:
    """What is added to every event, ours or a library's."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        stamper(time_zone),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        log_contents.cut_rows,  # after all that writes messages and tracebacks
    ]


def stamper(time_zone: str) -> Processor:
    """The moment in the site's time zone with its offset, whatever zone the process was started in."""
    zone = ZoneInfo(time_zone)

    def stamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = datetime.now(zone).isoformat(timespec="milliseconds")
        return event

    return stamp


def drop_polls(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What load balancers and Prometheus ask again and again is logged only where the answer was not 200."""
    if event["event"] == "request_finished" and event.get("code") == 200 and event.get("request") in POLLED:
        raise structlog.DropEvent
    return event


def shorten(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Of Django's own lines about a request: no path, which may hold a token, and no traceback of what a stranger sent.
    `request_finished` has the address by its pattern, `request_failed` the traceback of what is our fault.
    """
    record = event["_record"]
    if path := getattr(getattr(record, "request", None), "path", "").strip("/"):
        event["event"] = str(event["event"]).replace(path, "…")
    if record.name.startswith("django.security"):
        event.pop("exc_info", None)
    return event


class Failures(logging.Filter):
    """Lets warnings and errors pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


def configure(time_zone: str) -> None:
    """Let `structlog` write through `logging`, so that one set of handlers serves both, and let no traceback that
    nothing catches quote a row.
    """
    sys.excepthook = log_contents.write_uncaught
    threading.excepthook = log_contents.write_uncaught_of_thread
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            drop_polls,
            *shared(time_zone),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def render_line(logger: Any, method: str, event: EventDict) -> str:
    """`key=value` pairs, and below them, indented, the traceback if there is one."""
    exception = event.pop("exception", "")
    line = str(structlog.processors.KeyValueRenderer(key_order=ORDER, drop_missing=True)(logger, method, event))
    return f"{line}\n{indent(exception, '    ', lambda _: True)}" if exception else line


RENDERERS: dict[str, Callable[..., Any]] = {
    "json": structlog.processors.JSONRenderer(default=str),
    "line": render_line,
}


def logging_config(log_format: str, time_zone: str) -> dict[str, Any]:
    """For `LOGGING` and for gunicorn's `logconfig_dict`. `log_format`: one of RENDERERS."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [shorten, *shared(time_zone)],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, RENDERERS[log_format]],
    }
    to_root = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"event": formatter},
        "filters": {"failures": {"()": "gradebridge.logs.Failures"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {**to_root, "level": "INFO"},
            # A line of ours says the same of every request, with who asked, and without the path and its query.
            "django.request": {**to_root, "level": logging.CRITICAL + 1},
            "django.server": {**to_root, "level": logging.CRITICAL + 1},
            # A task that has run is no success by that alone: our lines say what it has achieved. By a filter, since
            # `db_worker` sets the level itself.
            "django_tasks": {**to_root, "filters": ["failures"]},
            "apscheduler": {"level": logging.WARNING},  # a line for every tick says nothing
            "axes": {"level": logging.ERROR},  # signing in has lines of its own
            "gunicorn.error": {**to_root, "level": "INFO"},
            "gunicorn.access": {**to_root, "level": "INFO"},
            # At DEBUG these write bearer tokens and secrets.
            "oauthlib": {"level": logging.INFO},
            "requests_oauthlib": {"level": logging.INFO},
            "urllib3": {"level": logging.INFO},
        },
    }
