"""A form that is older than the row that it would save: what has changed since its page was opened, and by whom.

A page carries the values that its form was opened with, in a hidden field. They are compared with those of the
database, with the rows locked, before anything is saved. What the form does not show may change at any time.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, ManyToManyField, Model, QuerySet
from django.forms import ChoiceField, ModelChoiceField
from django.forms import Field as FormField
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.choices import flatten_choices
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.history.changes import Names, history_of, person, plain, tracked_models

FIELD = "_opened"  # the hidden field
SALT = "what a form was opened with"
MAX_SHOWN = 50  # changes, and lines of what was typed

Values = dict[str, Any]  # of one row's fields, as JSON holds them


class Encoded(signing.JSONSerializer):
    def dumps(self, obj: Any) -> bytes:
        return DjangoJSONEncoder(separators=(",", ":")).encode(obj).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The rows of one model on a page: the row that the page is about, or the lines of one of its tables."""

    model: type[Model]
    fields: Mapping[str, FormField]  # what a form shows of each row and could change
    where: Mapping[str, Any]  # which rows they are
    prefix: str = ""  # of a table's fields in the form

    @property
    def key(self) -> str:
        return self.model._meta.label_lower

    def rows(self, *, lock: bool) -> list[Model]:
        rows = self.model._base_manager.filter(**self.where).order_by("pk")
        return list(rows.select_for_update(no_key=True) if lock else rows)

    def values(self, *, lock: bool = False) -> dict[str, Values]:
        """By primary key, as text: JSON has no other keys."""
        return {str(row.pk): {name: value_of(row, name) for name in self.fields} for row in self.rows(lock=lock)}

    @property
    def noun(self) -> str:
        return str(self.model._meta.verbose_name)

    def field(self, name: str) -> Any:
        return self.model._meta.get_field(name)

    def label(self, name: str) -> str:
        return str(self.fields[name].label or capfirst(self.field(name).verbose_name))


def shown_fields(model: type[Model], fields: Mapping[str, FormField]) -> dict[str, FormField]:
    """Those that a form would save. A password is not among them: its field only shows that there is one."""
    return {name: field for name, field in fields.items() if not field.disabled and is_field(model, name)}


def is_field(model: type[Model], name: str) -> bool:
    try:
        return isinstance(model._meta.get_field(name), Field)
    except FieldDoesNotExist:
        return False


def value_of(row: Model, name: str) -> Any:
    field = row._meta.get_field(name)
    value = field.value_from_object(row)  # type: ignore[union-attr]  # `is_field`
    if isinstance(field, ManyToManyField):
        return sorted(str(each.pk) for each in value)
    return str(value) if isinstance(value, datetime) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What the forms of a page were opened with, and when."""

    at: datetime
    values: Mapping[str, Mapping[str, Values]]  # by part and primary key

    def token(self) -> str:
        content = [self.at.isoformat(), self.values]
        return signing.dumps(content, salt=SALT, serializer=Encoded, compress=True)

    @classmethod
    def read(cls, token: str) -> "Opened":
        """Raises BadSignature."""
        at, values = signing.loads(token, salt=SALT, serializer=Encoded)
        when = parse_datetime(at)
        assert when  # it is signed
        return cls(at=when, values=values)


def opened(parts: Sequence[Part], *, lock: bool = False) -> Opened:
    """As it is now. The time comes first: what is changed while the rows are read has been changed since."""
    now = timezone.now()
    values = {part.key: part.values(lock=lock) for part in parts}
    plain: Any = Encoded().loads(Encoded().dumps(values))  # as it comes back from a page
    return Opened(at=now, values=plain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One field of one row that someone has changed, or a line that has come or gone."""

    what: str
    before: str
    now: str
    who: str


def changes(parts: Sequence[Part], old: Opened, new: Opened) -> Iterator[Change]:
    """One after the other: each costs a look into the history."""
    for part in parts:
        yield from changes_in(part, old.values.get(part.key, {}), new.values[part.key], old.at)


def changes_in(part: Part, old: Mapping[str, Values], new: Mapping[str, Values], at: datetime) -> Iterator[Change]:
    keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    rows = {key: [row_of(part, key, values[key]) for values in (old, new) if key in values] for key in keys}
    names = Names([row for both in rows.values() for row in both])
    for key in keys:
        name = name_of_line(part, rows[key][0], names) if part.prefix else ""
        if key not in old or key not in new:
            is_new = key not in old
            yield Change(
                what=name,
                before="" if is_new else _("Present"),
                now=_("Added") if is_new else _("Deleted"),
                who=who_changed(part.model, key, None, at),
            )
            continue
        for field in part.fields:
            before, now = old[key].get(field), new[key].get(field)
            if before != now:
                texts = texts_of(part, field, before, now, names)
                label = labelled(name, part.label(field)) if name else part.label(field)
                yield Change(what=label, before=texts[0], now=texts[1], who=who_changed(part.model, key, field, at))


def labelled(name: str, text: str) -> str:
    return _("%(name)s: %(text)s") % {"name": name, "text": text}


def row_of(part: Part, key: str, values: Values) -> Model:
    """The row with these values, to be named."""
    known = {
        field.attname: python(field, value)
        for name, value in values.items()
        if name in part.fields  # not one that an older version had
        and not isinstance(field := part.field(name), ManyToManyField)
    }
    return part.model(pk=key, **known)


def name_of_line(part: Part, row: Model, names: Names | None = None) -> str:
    return _("%(kind)s %(name)s") % {"kind": capfirst(part.noun), "name": (names or Names([row])).of(row)}


def python(field: Any, value: Any) -> Any:
    try:
        return field.to_python(value)
    except ValidationError:  # a field whose choices or form have changed since
        return value


def texts_of(part: Part, name: str, before: Any, now: Any, names: Names) -> tuple[str, str]:
    field = part.field(name)
    if isinstance(field, ManyToManyField):  # of a long list only what has changed
        gone, come = set(before or ()) - set(now or ()), set(now or ()) - set(before or ())
        return names_of(field, gone), names_of(field, come)
    return names.shown(field, python(field, before)), names.shown(field, python(field, now))


def names_of(field: Any, keys: Collection[str]) -> str:
    rows = field.related_model._base_manager.filter(pk__in=keys)
    return ", ".join(sorted(map(str, rows))) or (_("Deleted entries") if keys else "")


def who_changed(model: type[Model], key: str, field: str | None, at: datetime) -> str:
    """By the history of the row, or by the admin's own log for what keeps none. Empty where neither knows."""
    if model in tracked_models():
        records = history_of(model).filter(id=key, history_date__gte=at).select_related("history_user")
        found = list(records.order_by("history_id"))
        if field and found:
            first = history_of(model).filter(id=key, history_id__lt=found[0].history_id).order_by("-history_id").first()
            found = [new for old, new in zip([first, *found], found, strict=False) if differs(old, new, field)]
        return person(found[-1].history_user) if found and found[-1].history_user else ""
    kind = ContentType.objects.get_for_model(model)
    log = LogEntry.objects.filter(content_type=kind, object_id=key, action_time__gte=at).select_related("user")
    entry = log.order_by("-pk").first()
    return person(entry.user) if entry else ""


def differs(old: Any, new: Any, name: str) -> bool:
    attname = new.instance_type._meta.get_field(name).attname
    return old is None or getattr(old, attname, None) != getattr(new, attname, None)


def typed(parts: Sequence[Part], old: Opened, request: HttpRequest) -> Iterator[tuple[str, str]]:
    """What this person has changed on the page, so that no one has to remember it."""
    for part in parts:
        yield from (typed_lines if part.prefix else typed_row)(part, old, request)


def typed_row(part: Part, old: Opened, request: HttpRequest) -> Iterator[tuple[str, str]]:
    for values in old.values.get(part.key, {}).values():
        yield from typed_fields(part, values, request, "")


def typed_lines(part: Part, old: Opened, request: HttpRequest) -> Iterator[tuple[str, str]]:
    known = old.values.get(part.key, {})
    pk_name = part.model._meta.pk.name
    for index in range(total_of(request.POST, part.prefix)):
        start = f"{part.prefix}-{index}-"
        key = request.POST.get(f"{start}{pk_name}", "")
        is_deleted = request.POST.get(f"{start}DELETE")
        blank = {field: form_field.initial for field, form_field in part.fields.items()}
        fields = typed_fields(part, known.get(key, blank), request, start)
        texts = [_("Deleted")] if is_deleted else [labelled(label, text) for label, text in fields]
        if texts:  # to name a line costs a statement
            is_known = key in known
            line = (
                name_of_line(part, row_of(part, key, known[key]))
                if is_known
                else _("New %(kind)s") % {"kind": part.noun}
            )
            yield line, "; ".join(texts)


def total_of(posted: QueryDict, prefix: str) -> int:
    """Of the lines of a table. Django refuses more than a thousand."""
    text = posted.get(f"{prefix}-TOTAL_FORMS", "")
    return min(int(text), 1000) if text.isdecimal() else 0


def typed_fields(part: Part, values: Values, request: HttpRequest, start: str) -> Iterator[tuple[str, str]]:
    for name, form_field in part.fields.items():
        given = request.POST, request.FILES, f"{start}{name}"
        if form_field.widget.value_omitted_from_data(*given):  # greyed out
            continue
        typed = form_field.widget.value_from_datadict(*given)
        initial = values.get(name)
        field = part.field(name)
        if not isinstance(field, ManyToManyField):
            initial = python(field, initial)
        if form_field.has_changed(initial, typed):
            yield part.label(name), text_of(form_field, typed)


def text_of(form_field: FormField, typed: Any) -> str:
    """What was chosen, by its name; what was typed, as it was."""
    try:
        value = form_field.clean(typed)
    except ValidationError:
        value = typed
    if isinstance(form_field, ChoiceField) and not isinstance(form_field, ModelChoiceField):
        choices: Any = form_field.choices
        names = dict(flatten_choices(choices))
        return ", ".join(str(names.get(one, one)) for one in (typed if isinstance(typed, list) else [typed]))
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, (list, tuple, QuerySet)):
        return ", ".join(map(str, value))
    return typed if isinstance(typed, str) else plain(value)
