"""Databases beside the test's own: their addresses, and working in one of them for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


def address_of(database: Any) -> str:
    """What DATABASE_URL would be for this connection's database."""
    given = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


@contextmanager
def working_in(name: str) -> Iterator[None]:
    """This process's connections, of all threads that begin meanwhile, lead to the database `name` (SQLite: a file)."""
    own = connection.settings_dict["NAME"]
    leave()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        leave()
        connection.settings_dict["NAME"] = own


@contextmanager
def empty_database(folder: Any, name: str) -> Iterator[str]:
    """A database without any table, for `working_in`; gone at the end. Each process of a test run has its own."""
    if connection.vendor == "sqlite":
        yield str(folder / f"{name}.sqlite3")
        return
    name += os.environ.get("PYTEST_XDIST_WORKER", "")
    execute_apart(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        execute_apart(f"DROP DATABASE {name} WITH (FORCE)")


def execute_apart(*statements: str) -> None:
    """PostgreSQL makes no database inside a transaction."""
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        for statement in statements:
            cursor.execute(statement)


def leave() -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
