"""Rows of a plan -> the database, with their history; a few statements whatever the number of rows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from common.database.bulk import among, insert, update
from common.history.changes import keep_baselines

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=models.Model)
Key = tuple[Any, ...]


def store(
    model: type[M], wanted: Mapping[Key, Mapping[str, Any]], *, key: Sequence[str], by: User | None
) -> dict[Key, int]:
    """Make the rows that are not there and set the values of those that are. Returns all primary keys, by key.

    `wanted`: key -> values, all with the same names; `key` and the values have the names of database columns, and a
    unique constraint covers the key. A row of the same key that another transaction has just made gets the values.
    History: a row for what was made or really changed, nothing for the rest.
    """
    if not wanted:
        return {}
    names = list(next(iter(wanted.values())))
    locked = model._default_manager.filter(among(key[0], list({found[0] for found in wanted})))
    existing = {key_of(row, key): row for row in locked.order_by("pk").select_for_update()}
    changed = []
    for found, values in wanted.items():
        row = existing.get(found)
        if row and any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
    keep_baselines(model, [row.pk for row in changed])
    update(model, {row.pk: {name: getattr(row, name) for name in names} for row in changed})
    record_history(model, changed, kind="~", by=by)
    made = [
        model(**dict(zip(key, found, strict=True)), **values)
        for found, values in wanted.items()
        if found not in existing
    ]
    line = partial(log.info, "rows_imported", model=model._meta.label_lower, added=len(made), changed=len(changed))
    transaction.on_commit(partial(line, by=str(by or "command line")))
    pks = {found: row.pk for found, row in existing.items() if found in wanted}
    return pks | make(model, made, key=key, names=names, by=by)


def make(
    model: type[M], rows: Sequence[M], *, key: Sequence[str], names: Sequence[str], by: User | None
) -> dict[Key, int]:
    columns = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
    values = [{column: getattr(row, column) for column in columns} for row in rows]
    written = insert(model, values, unique=key, update=names or key[:1], returning=(*key, "id"))
    pks = {tuple(key_values): pk for *key_values, pk in written}
    for row in rows:
        row.pk = pks[key_of(row, key)]
    record_history(model, rows, kind="+", by=by)
    return pks


def key_of(row: models.Model, key: Iterable[str]) -> Key:
    return tuple(getattr(row, name) for name in key)


def record_history(model: type[models.Model], rows: Iterable[models.Model], *, kind: str, by: User | None) -> None:
    """What django-simple-history would have written, had every row been saved on its own. `kind`: + or ~."""
    history: type[models.Model] = model.history.model  # type: ignore[attr-defined]
    tracked = [field.column for field in history.tracked_fields]  # type: ignore[attr-defined]
    change = {
        "history_date": timezone.now(),
        "history_type": kind,
        "history_user_id": by.pk if by else None,
        "history_change_reason": None,
    }
    insert(history, [{column: getattr(row, column) for column in tracked} | change for row in rows])
