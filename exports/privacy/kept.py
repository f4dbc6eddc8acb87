"""The rows in which a student is, table by table."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from exports.privacy.people import Person
from exports.privacy.tables import DELETED, IDS, OWN, model_of


def own_rows(person: Person) -> Iterator[tuple[type[Model], QuerySet[Any]]]:
    """Their own rows, which stay under a pseudonym when they are forgotten."""
    for label, (path, _columns) in OWN.items():
        model = model_of(label)
        yield model, model._base_manager.filter(**{f"{path}__in": person.participants}).order_by("pk")


def rows_without_use(person: Person) -> Iterator[tuple[type[Model], QuerySet[Any]]]:
    """Their own rows, which are deleted when they are forgotten."""
    for label, path in DELETED.items():
        model = model_of(label)
        keys: Any = person.participants if path == "participant" else person.ids
        yield model, model._base_manager.filter(**{f"{path}__in": keys}).order_by("pk")


def rows_of_others(person: Person) -> Iterator[tuple[type[Model], str, QuerySet[Any]]]:
    """Other rows that lead, or led, to their Learn user; and the column that says so."""
    for label, column in IDS.items():
        model = model_of(label)
        path, _columns = OWN[label]
        others = model._base_manager.exclude(**{f"{path}__in": person.participants})
        yield model, column, others.filter(**{f"{column}__in": person.ids}).order_by("pk")


def log_entries(person: Person) -> QuerySet[LogEntry]:
    """What the admin's log says about their own rows."""
    wanted = Q(pk__in=[])
    for model, rows in [*own_rows(person), *rows_without_use(person)]:
        pks = [str(pk) for pk in rows.values_list("pk", flat=True)]
        if pks:
            kind = ContentType.objects.get_for_model(model)
            wanted |= Q(content_type=kind, object_id__in=pks)
    return LogEntry.objects.filter(wanted).order_by("pk")
