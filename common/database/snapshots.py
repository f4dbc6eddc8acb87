"""Reading many rows as of one moment, while others write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read inside is as of one moment; nothing may be written, and no writer waits for it.

    Inside another transaction that one decides what is seen: a snapshot can only begin with its transaction.
    """
    if connection.in_atomic_block:
        yield
        return
    with deferred(connection), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@contextmanager
def deferred(database: Any) -> Iterator[None]:
    """On SQLite the next transaction begins without the lock for writing, which the settings let all others take."""
    if database.vendor != "sqlite":
        yield
        return
    database.ensure_connection()  # which sets the mode
    usual, database.transaction_mode = database.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        database.transaction_mode = usual
