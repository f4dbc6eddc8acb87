"""Many rows in one statement, whatever their number: the few things that the ORM says in one statement a chunk.

The rows are sent as few parameters: a binary array a column on PostgreSQL (a single value where all rows share it), a
JSON document on SQLite. An export's number of statements does not depend on the number of its participants, and ten
thousand rows take a fraction of the time of `bulk_create`.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import F, Func, Value

Row = Mapping[str, Any]  # by the names of database columns; all rows of a statement have the same


def insert(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`, which have all columns that the database has no default for.

    Where a row with the same `unique` columns is there already, its `update` columns are set instead. Returns the
    `returning` columns, in no promised order.
    """
    if not rows:
        return []
    table = model._meta.db_table
    columns = _columns(rows)
    source, parameters = _source(model, columns)
    sql = f"INSERT INTO {table} ({listed(columns)}) {source}"
    if unique:
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in map(quoted, update))
        sql += f" ON CONFLICT ({listed(unique)}) DO UPDATE SET {changes}"
    if returning:
        sql += f" RETURNING {listed(returning)}"
    with _cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if returning else []


def update_alike(
    model: type[models.Model],
    values: Mapping[str, Any],
    pks: Sequence[int],
    *,
    where: Mapping[str, Any],
    returning: Sequence[str],
) -> list[tuple[Any, ...]]:
    """Set the same `values` in the rows of these primary keys, where they have the values `where` still.

    Returns the `returning` columns, in no promised order.
    """
    if not pks:
        return []
    is_one, keys = is_among(pks)
    kept, tests = _kept(where)
    # The range as well: else PostgreSQL walks a table of some ten thousands rather than look up some hundreds.
    condition = f"t.id BETWEEN %s AND %s AND t.id {is_one}{kept}"
    return update_where(model, values, condition, [min(pks), max(pks), *keys, *tests], returning=returning)


def update_where(
    model: type[models.Model],
    values: Mapping[str, Any],
    condition: str,
    parameters: Sequence[Any],
    *,
    returning: Sequence[str],
) -> list[tuple[Any, ...]]:
    """Set `values` in the rows `t` of which the SQL `condition` is true. Returns the `returning` columns."""
    changes = ", ".join(f"{quoted(name)} = %s" for name in values)
    sql = (
        f"UPDATE {model._meta.db_table} AS t SET {changes} WHERE {condition} "  # noqa: S608
        f"{_returning(returning)}"
    )
    with _cursor() as cursor:
        cursor.execute(sql, [*map(_parameter, values.values()), *parameters])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def update(
    model: type[models.Model],
    rows: Mapping[int, Row],
    *,
    where: Mapping[str, Any] | None = None,
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Set the values of `rows`, by primary key, where they have the values `where` still.

    Returns the `returning` columns, in no promised order.
    """
    if not rows:
        return []
    table = model._meta.db_table
    columns = _columns(list(rows.values()))
    source, parameters = _source(model, {"id": list(rows), **columns})
    changes = ", ".join(f"{name} = v.{name}" for name in map(quoted, columns))
    kept, tests = _kept(where or {})
    is_one, keys = is_among(list(rows))  # once more as constants: PostgreSQL would walk the whole table
    # S608: names of our own tables and columns; the values are parameters.
    sql = f"UPDATE {table} AS t SET {changes} FROM ({source}) AS v WHERE t.id = v.id AND t.id {is_one}{kept}"  # noqa: S608
    if returning:
        sql += f" {_returning(returning)}"
    with _cursor() as cursor:
        cursor.execute(sql, [*parameters, *keys, *tests])
        return cursor.fetchall() if returning else []


def delete(model: type[models.Model], pks: Sequence[int]) -> None:
    """Delete the rows of these primary keys. No other row may refer to them: none is looked for."""
    if not pks:
        return
    is_one, keys = is_among(pks)
    with _cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id {is_one}", keys)  # noqa: S608


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


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The values of all rows, by column."""
    return {name: list(map(itemgetter(name), rows)) for name in rows[0]}


def _source(model: type[models.Model], columns: Mapping[str, list[Any]]) -> tuple[str, list[Any]]:
    """A SELECT that yields the rows of `columns`, and its parameters."""
    if connection.vendor == "sqlite":
        values = ", ".join(f"json_extract(value, '$[{place}]') AS {quoted(name)}" for place, name in enumerate(columns))
        # WHERE lets SQLite parse ON CONFLICT
        sql = f"SELECT {values} FROM json_each(%s) WHERE true"  # noqa: S608
        rows = list(zip(*columns.values(), strict=True))
        return sql, [json.dumps(rows, default=_sqlite_value, ensure_ascii=False)]
    shared: dict[str, Any] = {}
    arrays: dict[str, list[Any]] = {}
    for name, values_of_all in columns.items():
        # The first column's array also says how many rows there are.
        if len(values_of_all) == 1 or (arrays and values_of_all.count(values_of_all[0]) == len(values_of_all)):
            shared[name] = _json_as_text(values_of_all[0])
        else:
            is_json = isinstance(values_of_all[0], dict)
            arrays[name] = list(map(_json_as_text, values_of_all)) if is_json else values_of_all
    chosen = ", ".join(
        f"%b::{_type(model, name)} AS {quoted(name)}" if name in shared else quoted(name) for name in columns
    )
    sql = f"SELECT {chosen}"
    if arrays:
        unnested = ", ".join(f"%b::{_type(model, name)}[]" for name in arrays)
        sql += f" FROM unnest({unnested}) AS v({listed(arrays)})"
    return sql, [*shared.values(), *arrays.values()]


def _returning(columns: Sequence[str]) -> str:
    """Of the updated row `t`; SQLite knows no other there, and no alias either."""
    prefix = "" if connection.vendor == "sqlite" else "t."
    return f"RETURNING {', '.join(f'{prefix}{quoted(name)}' for name in columns)}"


def _kept(where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """What a row must still have: the rest of a condition, and its parameters."""
    tests = [(f" AND t.{quoted(name)}", value) for name, value in where.items()]
    kept = "".join(f"{name} IS NULL" if value is None else f"{name} = %s" for name, value in tests)
    return kept, [_parameter(value) for _, value in tests if value is not None]


def _json_as_text(value: Any) -> Any:
    """As the database casts it to jsonb; a value that is text already, as a statement has returned it, stays so."""
    return json.dumps(value) if isinstance(value, dict) else value


def _parameter(value: Any) -> Any:
    """A value as the driver takes it."""
    if connection.vendor == "sqlite":
        return value.hex if isinstance(value, UUID) else _sqlite_value(value) if isinstance(value, date) else value
    return value


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
