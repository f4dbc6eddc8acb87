"""Adopt from Learn: the points and the grade schema of a column as it is there, once someone has seen what changes.

What was shown is what happens: the offer carries what Learn had, and is refused where the column here has changed.
"""

import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired
from django.core.signing import dumps as signed
from django.core.signing import loads as unsigned
from django.db import transaction

from courses import wire
from courses.gradebook import Column, Schema, Symbol, column_named
from courses.models import GradeColumn, GradeSchema, mark_as_in_learn
from courses.models.provisioning import ProvisioningStep
from courses.reading_back import NO_CALLS_LEFT, NoCallsLeft, Reader, calls_to_read
from exports.mapping import locking, rescaling
from exports.mapping.health.in_learn import NUMBERS, schema_of

MAX_SECONDS = 30.0  # someone waits for the page
MAX_CALLS = 6
VALID_FOR = 3600  # seconds: an older offer is made anew
SALT = "adopt-from-learn"
MAX_POINTS, MAX_SYMBOLS = Decimal(1_000_000), 2000  # characters


class NotAdoptable(Exception):
    """Nothing can be adopted, or not now: `reason` says why by code and parameters."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.reason = {"code": code, **params}


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What Learn has of a column. `schema_title` empty: it shows numbers, by no schema of ours.

    `schema_symbols` empty: any text is shown, or the symbols cannot be written here.
    """

    column: int
    points_before: float
    schema_before: int | None
    points: float
    schema_title: str = ""
    schema_symbols: str = ""

    @property
    def changes_points(self) -> bool:
        return self.points != self.points_before

    def token(self) -> str:
        return signed({name: getattr(self, name) for name in self.__slots__}, salt=SALT)

    @classmethod
    def read(cls, token: str, column: GradeColumn) -> "Offer":
        """Raises NotAdoptable for one that is too old, or that was not made for this column."""
        try:
            offer = cls(**unsigned(token, salt=SALT, max_age=VALID_FOR))
        except SignatureExpired:
            raise NotAdoptable("OFFER_TOO_OLD") from None
        except (BadSignature, TypeError):
            raise NotAdoptable("OFFER_NOT_OURS") from None
        if offer.column != column.pk:
            raise NotAdoptable("OFFER_NOT_OURS")
        return offer


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What taking an offer would do."""

    offer: Offer
    schema: GradeSchema | None  # None: there is none of this title yet, or none is used
    creates_schema: bool
    changes_schema: bool
    keeps_symbols: str = ""  # the symbols that the schema keeps here, where Learn has others
    fills_symbols: bool = False
    marks_in_learn: bool = False
    consequence: str = ""  # for the grades that were delivered

    @property
    def changes_anything(self) -> bool:
        return any((self.offer.changes_points, self.changes_schema, self.fills_symbols, self.marks_in_learn))


def offer_of(column: GradeColumn) -> Offer:
    """What Learn has of the column now. At most 6 calls. Raises NotAdoptable and LearnError."""
    reader = Reader(until=time.monotonic() + MAX_SECONDS, most_calls=min(MAX_CALLS, calls_to_read()) - 1)
    try:
        there, schema = read_column(reader, column)
    except NoCallsLeft:
        raise NotAdoptable(str(NO_CALLS_LEFT["code"])) from None
    finally:
        reader.log()
    offer = Offer(
        column=column.pk,
        points_before=column.points,
        schema_before=column.grade_schema_id,
        points=points_of(there, schema, column.points),
    )
    if schema.scale in NUMBERS:
        return offer
    title, symbols = schema.title or schema.scale, symbols_of(schema)
    refuse_odd_title(title)
    return replace(offer, schema_title=title, schema_symbols=symbols)


def read_column(reader: Reader, column: GradeColumn) -> tuple[Column, Schema]:
    course_id = column.course.course_id
    if reader.course(course_id).parent_id:
        raise NotAdoptable("COURSE_MERGED", course=course_id)
    there = column_named(reader.columns(course_id), column.name)
    if there.is_calculated:
        raise NotAdoptable("COLUMN_CALCULATED")
    schema = schema_of(there, reader.schemas(course_id))
    if schema is None:
        raise NotAdoptable("SCHEMA_NOT_NAMED")
    return there, schema


def refuse_odd_title(title: str) -> None:
    """One that could not be entered here as Learn has it. Raises NotAdoptable."""
    schema = GradeSchema(title=title)
    try:
        schema.clean_fields()
    except ValidationError:
        raise NotAdoptable("TITLE_NOT_USABLE") from None
    if schema.title != title:
        raise NotAdoptable("TITLE_NOT_USABLE")


def points_of(there: Column, schema: Schema, known: float) -> float:
    """Those of Learn; where it has none to show, what is known here."""
    points = there.points
    if points is None or not 0 < points <= MAX_POINTS or schema.scale in ("Text", "Complete"):
        return known
    return float(points)


def symbols_of(schema: Schema) -> str:
    """As they are written here; empty where they cannot be."""
    symbols = [wire.Symbol(symbol.text, bound_of(symbol)) for symbol in schema.symbols]
    try:
        text = wire.write_symbols(symbols)
        wire.read_symbols(text)
    except wire.WireError:
        return ""
    return text if len(text) <= MAX_SYMBOLS else ""


def bound_of(symbol: Symbol) -> Decimal | None:
    """None: no score becomes this symbol."""
    return None if symbol.lower == symbol.upper else symbol.lower


def effect_of(offer: Offer, column: GradeColumn) -> Effect:
    """What taking the offer would do now. Raises NotAdoptable where the column is not as the offer found it."""
    if (column.pk, column.points, column.grade_schema_id) != (offer.column, offer.points_before, offer.schema_before):
        raise NotAdoptable("COLUMN_CHANGED")
    if open_run := ProvisioningStep.objects.filter(column=column, state__in=ProvisioningStep.OPEN).first():
        raise NotAdoptable("BEING_SENT", run=open_run.run_id)
    schema = GradeSchema.objects.filter(title=offer.schema_title).first() if offer.schema_title else None
    symbols, creates_schema = (schema.symbols if schema else ""), bool(offer.schema_title) and schema is None
    effect = Effect(
        offer=offer,
        schema=schema,
        creates_schema=creates_schema,
        changes_schema=creates_schema or (schema.pk if schema else None) != column.grade_schema_id,
        fills_symbols=bool(schema and not symbols and offer.schema_symbols),
        keeps_symbols=symbols if symbols and offer.schema_symbols and symbols != offer.schema_symbols else "",
        marks_in_learn=column.status != GradeColumn.Status.PROVISIONED,
    )
    return replace(effect, consequence=consequence_of(effect, column))


def consequence_of(effect: Effect, column: GradeColumn) -> str:
    """What other points or another schema mean for the grades in the column; empty: nothing."""
    if not (effect.offer.changes_points or effect.changes_schema):
        return ""
    new = GradeColumn.objects.select_related("course").get(pk=column.pk)
    new.points = effect.offer.points
    new.grade_schema = effect.schema or schema_to_make(effect.offer)
    return next(iter(rescaling.consequences([new], is_in_learn=True).values()), "")


def schema_to_make(offer: Offer) -> GradeSchema | None:
    return GradeSchema(title=offer.schema_title, symbols=offer.schema_symbols) if offer.schema_title else None


@transaction.atomic
def adopt(offer: Offer, *, by: User) -> Effect:
    """Take the offer: points, schema (made here where it is not known), and the column counts as in Learn.

    Raises NotAdoptable where anything is not as it was shown.
    """
    unlocked = GradeColumn.objects.select_related("course", "grade_schema")
    locking.lock_flows_mapped_to([unlocked.get(pk=offer.column)])  # before the column, as everyone does
    column = GradeColumn.objects.select_for_update(of=("self",)).select_related("course").get(pk=offer.column)
    effect = effect_of(offer, column)
    schema = effect.schema
    if effect.creates_schema:
        schema = schema_to_make(offer)
    if schema is not None and (effect.creates_schema or effect.fills_symbols):
        schema.symbols = offer.schema_symbols
        keep(schema, by)
    if effect.offer.changes_points or effect.changes_schema:
        column.points, column.grade_schema = offer.points, schema
        keep(column, by)
    mark_as_in_learn(GradeColumn.objects.filter(pk=column.pk))
    if schema is not None:
        mark_as_in_learn(GradeSchema.objects.filter(pk=schema.pk))
    return effect


def keep(row: GradeColumn | GradeSchema, by: User) -> None:
    setattr(row, "_history_user", by)  # noqa: B010  read by django-simple-history
    row.save()
