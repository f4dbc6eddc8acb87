"""SIGTERM: this process is to end soon, and says what is true by then.

From SIGTERM on calls to Learn may begin for BEGIN_SECONDS, so that what is nearly done is done; after END_SECONDS no
one waits any more. gunicorn.conf.py and deploy/ kill a process only after that.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

BEGIN_SECONDS = 10
END_SECONDS = 22
KILLED_AFTER_SECONDS = 28  # what is left after END_SECONDS is for records and answers


class Stop:
    """When this process was asked to stop (aware UTC datetime), None: it was not.

    No lock guards it: a signal may come while its own thread holds one.
    """

    at: datetime | None = None


stop = Stop()


def is_requested() -> bool:
    return stop.at is not None


def may_begin() -> bool:
    """Whether a call to Learn may still begin."""
    return stop.at is None or datetime.now(UTC) < stop.at + timedelta(seconds=BEGIN_SECONDS)


def no_later_than_the_end(moment: datetime) -> datetime:
    """`moment`, or the end of this process if that is earlier."""
    return moment if stop.at is None else min(moment, stop.at + timedelta(seconds=END_SECONDS))


def listen() -> Any:
    """Take note of SIGTERM before whatever is done about it so far. Returns the earlier reaction. Main thread only."""
    earlier = signal.getsignal(signal.SIGTERM)

    def note(number: int, frame: FrameType | None) -> None:
        stop.at = stop.at or datetime.now(UTC)
        if callable(earlier):
            earlier(number, frame)

    signal.signal(signal.SIGTERM, note)
    return earlier


@contextmanager
def listening() -> Iterator[None]:
    """Listen during a piece of work of a program that has its own reaction to SIGTERM. Only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = listen()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)
