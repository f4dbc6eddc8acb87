"""Through a short absence of the database, and past others who hold or want the same rows."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection, transaction

from common.database.failures import Failure, failure_of

T = TypeVar("T")

SECONDS = 10.0  # no step is repeated after a conflict later than that: someone waits for an answer
LOCK_MS = 1000


def retry_on_database_error(step: Callable[..., T], *args: Any) -> T:
    """What the step returns; tried again, up to four times in all, where the database fails. It must be repeatable."""
    for pause in (0.1, 1, 5):
        try:
            return step(*args)
        except DatabaseError:
            connection.close()
            time.sleep(pause)
    return step(*args)


def despite_conflicts(step: Callable[..., T], *args: Any, **options: Any) -> T:
    """What the step returns; tried again, up to four times in all, where the database gave way to someone else who
    changed the same rows. The step is one transaction, so nothing of it was saved. Inside another transaction, which is
    lost with it, it is tried once.
    """
    end = time.monotonic() + SECONDS
    for pause in (0.05, 0.2, 0.5):
        try:
            return step(*args, **options)
        except DatabaseError as error:
            is_conflict = failure_of(error) is Failure.CONFLICT
            if not is_conflict or connection.in_atomic_block or time.monotonic() > end:
                raise
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  so that the two do not meet again
    return step(*args, **options)


@contextmanager
def short_waits() -> Iterator[None]:
    """A transaction that waits for no lock longer than a second: PostgreSQL then fails with a conflict. SQLite has one
    lock for all, and its own time-out.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_MS}ms"])
        yield
