"""What no line of the log may hold: the row that a database quoted when it refused it."""

import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

from common.database.quoted_rows import without_rows


def cut_rows(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor, to be the last that adds anything: texts, exceptions, and what is in lists and maps."""
    for name, value in event.items():
        if name not in ("exc_info", "_record"):  # those are formatted, or are left out, by others
            event[name] = cut(value)
    return event


def cut(value: Any) -> Any:
    if isinstance(value, str):
        return without_rows(value)
    if isinstance(value, BaseException):
        return without_rows(repr(value).replace("\\n", "\n"))
    if isinstance(value, dict):
        return {name: cut(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(cut, value)) if type(value) in (list, tuple) else value
    return value


def write_uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """For `sys.excepthook`: a command that fails writes its traceback by no logger."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, at)
        return
    sys.stderr.write(without_rows("".join(traceback.format_exception(kind, error, at))))


def write_uncaught_of_thread(failed: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        write_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
