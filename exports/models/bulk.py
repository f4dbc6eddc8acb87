"""Many rows in one statement, whatever their number: the few things that the ORM says in one statement a chunk.

The rows travel as few parameters: a binary array a column on PostgreSQL (a single value where all rows share it), a
JSON document on SQLite. An export's number of statements does not depend on the number of its participants, and ten
thousand rows take a fraction of the time of `bulk_create`.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, models
from django.db.models import F, Func, Value

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
    source, parameters = _source(model, columns, rows)
    sql = f"INSERT INTO {table} ({listed(columns)}) {source}"
    if unique:
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in map(quoted, update))
        sql += f" ON CONFLICT ({listed(unique)}) DO UPDATE SET {changes}"
    if returning:
        sql += f" RETURNING {listed(returning)}"
    with _cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if returning else []


def update(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Set `columns` of the rows whose `id` comes first in each of `rows`."""
    if not rows:
        return
    table = model._meta.db_table
    source, parameters = _source(model, ("id", *columns), rows)
    # S608: names of our own tables and columns; the values are parameters.
    sql = (
        f"UPDATE {table} SET {', '.join(f'{name} = v.{name}' for name in map(quoted, columns))} "  # noqa: S608
        f"FROM ({source}) AS v WHERE {table}.id = v.id"
    )
    with _cursor() as cursor:
        cursor.execute(sql, parameters)


def among(field: str, values: Collection[int] | Collection[str]) -> Func:
    """A condition: `field` is one of `values`, any number of them as one parameter.

    PostgreSQL plans for the values themselves, so that old statistics do not lead it astray.
    """
    is_one, parameters = is_among(values)
    before, after = is_one.split("%s")
    return Func(
        F(field),
        Value(*parameters),
        arg_joiner=f" {before}",
        template=f"%(expressions)s{after}",
        output_field=models.BooleanField(),
    )


def is_among(values: Collection[int] | Collection[str]) -> tuple[str, list[Any]]:
    """The same for a statement of one's own: what to write behind the column's name, and its parameter in a list."""
    if connection.vendor == "sqlite":
        return "IN (SELECT value FROM json_each(%s))", [json.dumps(list(values))]
    return "= ANY(%s)", [list(values)]


def quoted(name: str) -> str:
    """A database name that may be a word of SQL."""
    return connection.ops.quote_name(name)


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


def _cursor() -> Any:
    """On PostgreSQL one that binds on the server: Django's own writes every value into the text of the statement."""
    if connection.vendor == "sqlite":
        return connection.cursor()
    import psycopg  # there is none where only SQLite is used

    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def _source(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """A SELECT that yields `rows`, and its parameters."""
    if connection.vendor == "sqlite":
        values = ", ".join(f"json_extract(value, '$[{place}]') AS {quoted(name)}" for place, name in enumerate(columns))
        # WHERE lets SQLite parse ON CONFLICT
        sql = f"SELECT {values} FROM json_each(%s) WHERE true"  # noqa: S608
        return sql, [json.dumps(rows, default=_sqlite_value, ensure_ascii=False)]
    shared: dict[str, Any] = {}
    arrays: dict[str, list[Any]] = {}
    for name, column in zip(columns, zip(*rows, strict=True), strict=True):
        # The first column's array also says how many rows there are.
        if len(rows) == 1 or (arrays and column.count(column[0]) == len(column)):
            shared[name] = column[0]
        else:
            arrays[name] = list(column)
    chosen = ", ".join(
        f"%b::{_type(model, name)} AS {quoted(name)}" if name in shared else quoted(name) for name in columns
    )
    sql = f"SELECT {chosen}"
    if arrays:
        unnested = ", ".join(f"%b::{_type(model, name)}[]" for name in arrays)
        sql += f" FROM unnest({unnested}) AS v({listed(arrays)})"
    return sql, [*shared.values(), *arrays.values()]


def _type(model: type[models.Model], column: str) -> str:
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    kind = str(field.db_type(connection))
    # A cast to varchar(n) cuts off silently; text is checked when it is stored.
    return "text" if kind.startswith("varchar") else kind


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a bulk row")
