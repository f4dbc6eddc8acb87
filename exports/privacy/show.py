"""What is kept about one student, as plain data: the answer to a subject access request."""

from collections import defaultdict
from typing import Any

from django.db.models import Model

from exports.privacy.kept import log_entries, own_rows, rows_of_others, rows_without_use
from exports.privacy.people import Person
from exports.privacy.sessions import sessions_with
from exports.privacy.tables import models_searched
from exports.privacy.texts import Ids

ANOTHER_ID = "\ufffd"  # any text that is no id: what is replaced by it has been found


def show(person: Person) -> dict[str, Any]:
    """By table: their own rows whole, and of every other row its key and the columns in which they are."""
    ids = Ids(dict.fromkeys(person.ids, ANOTHER_ID))
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    shown: set[tuple[type[Model], Any]] = set()
    whole = [*own_rows(person), *rows_without_use(person)]
    for model, rows in [*whole, (log_entries(person).model, log_entries(person))]:
        for row in rows.values():
            pk = row[model._meta.pk.attname if model._meta.pk else "id"]
            shown.add((model, pk))
            tables[model._meta.db_table].append(row)
    for model, column, rows in rows_of_others(person):
        for pk, value in rows.values_list("pk", column):
            tables[model._meta.db_table].append({"id": pk, "found_in": {column: value}})
    for model in models_searched():
        for pk, found, _replaced in ids.rows(model):
            if (model, pk) not in shown:
                tables[model._meta.db_table].append({"id": pk, "found_in": found})
    if keys := list(sessions_with(ids)):
        tables["django_session"] = [{"found_in": "session_data"} for _key in keys]
    return {"ids": list(person.ids), "tables": dict(tables)}
