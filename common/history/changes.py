"""What was changed in the configuration, when and by whom: read from the histories that its models keep.

A history is written wherever one row is saved or deleted, and by imports for the rows that they write in bulk.
Exports write none: how far a flow has come is no configuration.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.paginator import Page, Paginator
from django.db.models import CASCADE, Exists, Field, ForeignKey, Max, Model, OuterRef, QuerySet, Subquery, Value
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import registered_models

from common.numbers import plain_number

PER_PAGE = 25
COMMAND_LINE = _("Command line")  # an account that has changed something cannot be deleted

# The reason on a record that says what a row was like before its first recorded change. Compared with, never shown.
BASELINE = "As it stood before"

Records = QuerySet[Any]  # of one model's history
Labels = Mapping[tuple[type[Model], str], object]  # by model and field


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One field, as its form calls it. Empty text: there was nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One row added, changed or deleted. `owner`: the row it is a part of, as a mapping is of its flow."""

    when: datetime
    who: str
    verb: str
    row: Model
    name: str
    owner: Model | None
    owner_name: str
    history_type: str  # as in the record: `+`, `~` or `-`
    note: str
    differences: Sequence[Difference]

    @property
    def kind(self) -> str:
        return str(self.row._meta.verbose_name)


VERBS = {"+": _("Added"), "~": _("Changed"), "-": _("Deleted")}


def tracked_models() -> list[type[Model]]:
    return list(registered_models.values())


def history_of(model: type[Model]) -> Records:
    """All that is recorded of the model's rows."""
    records: Records = getattr(model, model._meta.simple_history_manager_attribute).model._default_manager.all()  # type: ignore[attr-defined]
    return records


def newest(histories: Sequence[Records], page: str | None, labels: Labels = MappingProxyType({})) -> Page[Change]:
    """One page of what the histories hold, newest first. The number of statements does not depend on their length.

    `labels`: where a form does not call a field by its own name.
    """
    found = Paginator(merged(histories), PER_PAGE).get_page(page)
    chosen: dict[int, list[int]] = defaultdict(list)
    for place, history_id, _when in found.object_list:
        chosen[place].append(history_id)
    changes = {place: describe(histories[place], ids) for place, ids in chosen.items()}
    names = Names([row for some in changes.values() for record in some.values() for row in record.rows])
    shown = [changes[place][history_id].as_change(names, labels) for place, history_id, _when in found.object_list]
    return Page(shown, found.number, found.paginator)  # its paginator counts the records


def merged(histories: Sequence[Records]) -> QuerySet[Any]:
    """(place among the histories, history_id, date) of each record."""
    keys = [
        records.exclude(history_change_reason=BASELINE)
        .order_by()
        .annotate(place=Value(place))
        .values_list("place", "history_id", "history_date")
        for place, records in enumerate(histories)
    ]
    union: QuerySet[Any] = keys[0].union(*keys[1:], all=True)
    return union.order_by("-history_date", "place", "-history_id")


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a history, and the one before it of the same row."""

    record: Any
    previous: Any | None

    @property
    def rows(self) -> list[Model]:
        return [row_of(record) for record in (self.record, self.previous) if record]

    def as_change(self, names: "Names", labels: Labels) -> Change:
        record = self.record
        row = row_of(record)
        owner_field = owner_of(row)
        owner = names.target(row, owner_field) if owner_field else None
        return Change(
            when=record.history_date,
            who=person(record.history_user) if record.history_user else str(COMMAND_LINE),
            verb=str(VERBS[record.history_type]),
            row=row,
            name=names.of(row),
            owner=owner,
            owner_name=names.of(owner) if owner else "",
            history_type=record.history_type,
            note=record.history_change_reason or "",
            differences=[
                difference
                for field in record.tracked_fields
                if not field.primary_key and field is not owner_field
                if (difference := self.difference(field, names, labels))
            ],
        )

    def difference(self, field: Any, names: "Names", labels: Labels) -> Difference | None:
        kind = self.record.history_type
        if kind != "~" and not field.editable:
            return None  # of a row that comes or goes, what its form shows
        before = self.record if kind == "-" else self.previous if kind == "~" else None
        after = None if kind == "-" else self.record
        if before and after and getattr(before, field.attname) == getattr(after, field.attname):
            return None
        texts = [names.shown(field, getattr(record, field.attname)) if record else "" for record in (before, after)]
        label = labels.get((self.record.instance_type, field.name)) or capfirst(field.verbose_name)
        return Difference(label=str(label), before=texts[0], after=texts[1]) if any(texts) else None


def person(user: Any) -> str:
    return str(user.get_full_name() or user.get_username())


def describe(history: Records, ids: Collection[int]) -> dict[int, Record]:
    """Records by their primary key, each with the one before it."""
    model = history.model
    earlier = model._default_manager.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
    records = (
        model._default_manager.filter(history_id__in=ids)
        .select_related("history_user")
        .annotate(earlier=Subquery(earlier.order_by("-history_id").values("history_id")[:1]))
    )
    previous = model._default_manager.in_bulk({record.earlier for record in records if record.earlier})
    return {record.history_id: Record(record, previous.get(record.earlier)) for record in records}


def row_of(record: Any) -> Model:
    """The row as it was then."""
    row: Model = record.instance_type(
        **{field.attname: getattr(record, field.attname) for field in record.tracked_fields}
    )
    return row


def keys_of(row: Model) -> list[ForeignKey[Any, Any]]:
    return [field for field in row._meta.concrete_fields if isinstance(field, ForeignKey)]


def owner_of(row: Model) -> ForeignKey[Any, Any] | None:
    """The field that names what the row goes with when that is deleted."""
    return next((field for field in keys_of(row) if field.remote_field.on_delete is CASCADE), None)


class Names:
    """What rows are called, and what their foreign keys lead to: as it is today, or as it was last if it is gone."""

    def __init__(self, rows: Iterable[Model]) -> None:
        self.found: dict[tuple[type[Model], Any], Model | None] = {}
        while missing := self.missing(rows):  # as many rounds as there are foreign keys behind one another
            rows = [row for model, pks in missing.items() for row in self.load(model, pks)]

    def missing(self, rows: Iterable[Model]) -> Mapping[type[Model], set[Any]]:
        found: dict[type[Model], set[Any]] = defaultdict(set)
        for row in rows:
            for field in keys_of(row):
                model, pk = field.related_model, getattr(row, field.attname)
                if pk is not None and (model, pk) not in self.found:
                    found[model].add(pk)
        return found

    def load(self, model: type[Model], pks: set[Any]) -> list[Model]:
        rows = model._base_manager.in_bulk(pks)
        gone = pks - rows.keys()
        if gone and model in tracked_models():
            history = history_of(model).filter(id__in=gone)
            last = history.order_by().values("id").annotate(last=Max("history_id")).values("last")
            rows |= {record.id: row_of(record) for record in history.filter(history_id__in=last)}
        self.found |= {(model, pk): rows.get(pk) for pk in pks}
        return list(rows.values())

    def target(self, row: Model, field: ForeignKey[Any, Any]) -> Model | None:
        return self.found.get((field.related_model, getattr(row, field.attname)))

    def of(self, row: Model) -> str:
        for field in keys_of(row):
            if target := self.target(row, field):
                field.set_cached_value(row, target)
                self.of(target)
        try:
            return str(row)
        except ObjectDoesNotExist:
            return f"{row._meta.verbose_name} {row.pk}"

    def shown(self, field: "Field[Any, Any]", value: Any) -> str:
        """A value in the words of the form."""
        if isinstance(field, ForeignKey) and value is not None:
            target = self.found.get((field.related_model, value))
            if target:
                return self.of(target)
            return gettext("%(kind)s %(value)s (deleted)") % {"kind": field.verbose_name, "value": value}
        if value is None or value in ("", []):
            return ""
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        return plain(value)


def plain(value: Any) -> str:
    match value:
        case bool():
            return gettext("Yes") if value else gettext("No")
        case datetime():
            return str(formats.localize(timezone.localtime(value)))
        case float() | Decimal():
            return plain_number(value)
        case list():
            return ", ".join(map(plain, value))
    return str(value)


def keep_baseline(sender: type[Model], instance: Model, raw: bool = False, **_: Any) -> None:
    """Connected to every save of a row that keeps its history."""
    if not raw and not instance._state.adding:
        keep_baselines(sender, [instance.pk])


def keep_baselines(model: type[Model], pks: Collection[Any]) -> None:
    """Before rows without any history are changed, record what they were like.

    Such are the flows that exports have made, and all that is older than the histories.
    """
    recorded = Exists(history_of(model).filter(id=OuterRef("pk")))
    if rows := list(model._base_manager.filter(~recorded, pk__in=pks)):
        history: Any = getattr(model, model._meta.simple_history_manager_attribute)  # type: ignore[attr-defined]
        history.bulk_history_create(rows, default_change_reason=BASELINE)
