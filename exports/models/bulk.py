"""Many rows in one statement, whatever their number: the few things that the ORM says in one statement a chunk.

The rows travel as one parameter: binary arrays on PostgreSQL, a JSON document on SQLite. An export's number of
statements does not depend on the number of its participants, and ten thousand rows take a fraction of the time of
`bulk_create`.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models.expressions import RawSQL

Row = Sequence[Any]


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`, whose values are in the order of `columns` (database names, all without a default).

    Where a row with the same `unique` columns is there already, its `update` columns are set instead. Returns the
    `returning` columns, in no promised order.
    """
    if not rows:
        return []
    table = model._meta.db_table
    names = ", ".join(columns)
    sql = f"INSERT INTO {table} ({names}) {_select(model, columns)}"
    if unique:
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in update)
        sql += f" ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changes}"
    if returning:
        sql += f" RETURNING {', '.join(returning)}"
    with _cursor() as cursor:
        cursor.execute(sql, _parameters(rows))
        return cursor.fetchall() if returning else []


def update(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Set `columns` of the rows whose `id` comes first in each of `rows`."""
    if not rows:
        return
    table = model._meta.db_table
    names = ("id", *columns)
    # S608: names of our own tables and columns; the values are parameters.
    sql = (
        f"UPDATE {table} SET {', '.join(f'{name} = v.{name}' for name in columns)} "  # noqa: S608
        f"FROM ({_select(model, names)}) AS v WHERE {table}.id = v.id"
    )
    with _cursor() as cursor:
        cursor.execute(sql, _parameters(rows))


def any_of(pks: Collection[int]) -> RawSQL:
    """For `pk__in`: any number of primary keys as one parameter."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(pks))])
    return RawSQL("SELECT unnest(%s::bigint[])", [list(pks)])


def _cursor() -> Any:
    """On PostgreSQL one that binds on the server: Django's own writes every value into the text of the statement."""
    if connection.vendor == "sqlite":
        return connection.cursor()
    import psycopg  # there is none where only SQLite is used

    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def _select(model: type[models.Model], columns: Sequence[str]) -> str:
    if connection.vendor == "sqlite":
        values = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
        return f"SELECT {values} FROM json_each(%s) WHERE true"  # noqa: S608  WHERE lets SQLite parse ON CONFLICT
    arrays = ", ".join(f"%b::{_array_type(model, name)}[]" for name in columns)
    return f"SELECT * FROM unnest({arrays}) AS rows({', '.join(columns)})"  # noqa: S608


def _array_type(model: type[models.Model], column: str) -> str:
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    kind = str(field.db_type(connection))
    # A cast to varchar(n) cuts off silently; text is checked when it is stored.
    return "text" if kind.startswith("varchar") else kind


def _parameters(rows: Sequence[Row]) -> list[Any]:
    if connection.vendor == "sqlite":
        return [json.dumps(rows, default=_sqlite_value, ensure_ascii=False)]
    return [list(column) for column in zip(*rows, strict=True)]


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    raise TypeError(f"{type(value).__name__} has no place in a bulk row")
