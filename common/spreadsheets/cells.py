"""What a cell means. Every reader takes a cell and returns its value, or raises ValueError with what is wrong."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from common import spelling
from common.moments import year_refusal
from common.spreadsheets.files import Cell, quoted

Reader = Callable[[Cell], Any]

EXACT_DIGITS = 15  # of a number in a workbook; Excel makes zeros of the rest
BREAKS = re.compile(f"[{spelling.MULTILINE}]+")
NOT_CALCULATED = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
SHORTENED = re.compile(r"[0-9][.,][0-9]+E\+[0-9]+")  # what Excel writes to CSV for a long number
# What a spreadsheet takes for a formula, behind any apostrophes: on export one more apostrophe is put in front, and
# taken off here again.
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
ISO = re.compile(  # seconds may have a fraction: an export writes it
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


def text_of(cell: Cell) -> str:
    """The cell as clean text; a line break or tab inside it counts as a space."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).upper()
        case int() | float():
            return digits_of(cell)
        case str():
            is_neutralised = cell.startswith("'") and FORMULA.match(cell)
            return usable(spelling.clean(BREAKS.sub(" ", cell[1 if is_neutralised else 0 :])))
        case _:
            raise ValueError(f"holds a date or time ({cell}), not text; give the column the format Text")


def digits_of(number: float) -> str:
    """1001 as 1001, never as 1001.0."""
    if not math.isfinite(number) or abs(number) >= 10**EXACT_DIGITS:
        raise ValueError(
            f"is a number of more than {EXACT_DIGITS} digits, and Excel keeps no more; give the column the format Text"
        )
    return str(int(number)) if number == int(number) else f"{Decimal(f'{number:.{EXACT_DIGITS}g}'):f}"


def usable(text: str) -> str:
    if text in NOT_CALCULATED:
        raise ValueError(f"holds a formula that could not be calculated ({text})")
    if SHORTENED.fullmatch(text):
        raise ValueError(f"{quoted(text)} is a number that Excel has shortened; give the column the format Text")
    return text


def text(model: type[models.Model], name: str, *, required: bool = False) -> Reader:
    """Text that fits into the model's field of that name."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.CharField)
    assert field.max_length is not None
    length = field.max_length

    def read(cell: Cell) -> str:
        value = text_of(cell)
        if required and not value:
            raise ValueError("is empty")
        if len(value) > length:
            raise ValueError(f"has {len(value)} characters; {length} are allowed")
        return value

    return read


def choice(choices: type[models.TextChoices], *, empty: str) -> Reader:
    """One of `choices`, in any case."""

    def read(cell: Cell) -> str:
        value = text_of(cell)
        if not value:
            return str(empty)
        if value.upper() not in choices.values:
            raise ValueError(f"{quoted(value)} is none of {', '.join(choices.values)}")
        return value.upper()

    return read


def number(*, least: float, most: float, empty: float) -> Reader:
    """A plain decimal number with a point."""

    def read(cell: Cell) -> float:
        value = text_of(cell)
        if not value:
            return empty
        if re.fullmatch(r"[0-9]+,[0-9]+", value):
            raise ValueError(f"{quoted(value)} has a comma; write the number with a point, without separators")
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", value) or not float(value) > 0:
            raise ValueError(f"{quoted(value)} is not a number greater than 0")
        if not least <= float(value) <= most:
            raise ValueError(f"{quoted(value)} is not between {least:,} and {most:,}")
        return float(value)

    return read


def whole(*, most: int) -> Reader:
    """A whole number from 0 to `most`, None where the cell is empty."""

    def read(cell: Cell) -> int | None:
        value = text_of(cell)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) > most:
            raise ValueError(f"{quoted(value)} is not a whole number from 0 to {most}")
        return int(value)

    return read


def exact(model: type[models.Model], name: str) -> Reader:
    """A decimal number with a point, as exact as the model's field; empty: its default."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.DecimalField)

    def read(cell: Cell) -> Decimal:
        value = text_of(cell)
        if not value:
            return Decimal(field.get_default())
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", value):
            raise ValueError(f"{quoted(value)} is not a number such as 100 or 0.5")
        try:
            number: Decimal = field.clean(value, None)
        except ValidationError as error:
            raise ValueError(f"{quoted(value)} cannot be used: {' '.join(error.messages)}") from None
        return number

    return read


def yes_or_no(cell: Cell) -> bool:
    """Empty: no."""
    value = text_of(cell)
    if value.lower() in ("true", "yes", "1"):
        return True
    if value.lower() in ("false", "no", "0", ""):
        return False
    raise ValueError(f"{quoted(value)} is neither true nor false")


def moment(*, time_of_day: time) -> Reader:
    """An aware datetime, None where the cell is empty. A date without a time has `time_of_day`.

    ISO 8601 text, or a date cell of a workbook; without an offset it is in the site's zone.
    """

    def read(cell: Cell) -> datetime | None:
        given = cell if isinstance(cell, date) else from_iso(text_of(cell))
        if given is None:
            return None
        if reason := year_refusal(given):
            raise ValueError(reason)
        if not isinstance(given, datetime):  # of an hour that comes twice the day has both: it ends with the later
            combined = datetime.combine(given, time_of_day, tzinfo=timezone.get_default_timezone())
            return combined.replace(fold=0 if time_of_day == time.min else 1)
        if isinstance(cell, date):  # a workbook's times are a hair early or late
            given = (given + timedelta(microseconds=500_000)).replace(microsecond=0)
        return in_the_sites_zone(given) if timezone.is_naive(given) else given

    return read


def in_the_sites_zone(given: datetime) -> datetime:
    """Raises ValueError for a time that the clocks skip, or show twice: nobody knows which moment was meant."""
    aware = given.replace(tzinfo=timezone.get_default_timezone())
    first, second = (aware.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    if first != second:
        why = "does not exist" if first < second else "exists twice"
        raise ValueError(
            f"'{given:%Y-%m-%d %H:%M}' {why} in {timezone.get_default_timezone()}, where the clocks change; "
            "write it as text and add the offset, such as +02:00"
        )
    return aware


def from_iso(value: str) -> date | None:
    """A date, or a datetime where the text has a time of day; None for an empty text.

    Python reads much more than that, 12.30 as half past twelve seconds among it.
    """
    if not value:
        return None
    refusal = f"{quoted(value)} is not an ISO 8601 date such as 2026-05-31T12:00"
    if not (found := ISO.fullmatch(value)):
        raise ValueError(refusal)
    try:
        return datetime.fromisoformat(value) if found["time"] else date.fromisoformat(value)
    except ValueError:
        raise ValueError(refusal) from None
