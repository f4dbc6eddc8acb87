"""What a cell means. Every reader takes a cell and returns its value, or raises ValueError that says what is wrong."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from common import spelling
from common.moments import year_refusal
from common.spreadsheets import apostrophes, leftovers
from common.spreadsheets.files import quoted
from common.spreadsheets.formats import Cell, Formatted, Unreadable, digits_of

Reader = Callable[[Cell], Any]

MAX_CHARACTERS = 10_000  # of a cell, before anything is done with it; no field takes more than 2000
BREAKS = re.compile(f"[{spelling.MULTILINE}]+")
DECIMALS = re.compile(
    r"(?:#,##)?0+(?:\.(0+))?"
)  # a number format that shows digits alone, and how many after the point
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
        case str() if len(cell.strip()) > MAX_CHARACTERS:
            raise ValueError(
                _("This has %(length)s characters; GradeBridge reads up to %(max)s.")
                % {"length": intcomma(len(cell.strip())), "max": intcomma(MAX_CHARACTERS)}
            )
        case str():
            return spelling.clean(BREAKS.sub(" ", apostrophes.take_off(cell)))
        case Unreadable(reason):
            raise ValueError(reason)
        case Formatted():
            raise ValueError(
                _(
                    "This is a number in the format %(format)s, which may show something else. "
                    "Format the column as Text and write what is meant."
                )
                % {"format": quoted(cell.format)}
            )
    raise ValueError(
        _("This is a date or time (%(value)s), not text. Format the column as Text.") % {"value": str(cell)}
    )


def digits_in(cell: Cell) -> str:
    """As text of a column of numbers, where 12.50 is the same as 12.5."""
    if not isinstance(cell, Formatted) or not (found := DECIMALS.fullmatch(cell.format)):
        return text_of(cell)
    digits = digits_of(cell.number)
    if len(digits.partition(".")[2]) > len(found[1] or ""):
        raise ValueError(
            _("This is %(digits)s, but shows fewer decimals. Write the number that is meant.") % {"digits": digits}
        )
    return digits


def text(model: type[models.Model], name: str, *, required: bool = False) -> Reader:
    """Text that fits into the model's field of that name."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.CharField)
    assert field.max_length is not None
    length = field.max_length

    def read(cell: Cell) -> str:
        value = text_of(cell)
        if required and not value:
            raise ValueError(_("This is empty."))
        if len(value) > length:
            raise ValueError(
                _("This has %(length)s characters; %(max)s are allowed.")
                % {"length": intcomma(len(value)), "max": intcomma(length)}
            )
        return value

    return read


def identifier(model: type[models.Model], name: str, *, required: bool = False) -> Reader:
    """Text that is an id. What a spreadsheet leaves in place of one is refused, unless an apostrophe is in front."""
    read = text(model, name, required=required)

    def read_id(cell: Cell) -> str:
        if isinstance(cell, str) and not apostrophes.has_one(cell):
            leftovers.refuse(cell.strip())
        value: str = read(cell)
        return value

    return read_id


def choice(choices: type[models.TextChoices], *, empty: str) -> Reader:
    """One of `choices`, in any case."""

    def read(cell: Cell) -> str:
        value = text_of(cell)
        if not value:
            return str(empty)
        if value.upper() not in choices.values:
            raise ValueError(not_allowed(value, choices.values))
        return value.upper()

    return read


def not_allowed(value: str, allowed: Sequence[str]) -> str:
    """`'registry' is not allowed; use SIS or MANUAL.`"""
    *others, last = allowed
    return _("%(value)s is not allowed; use %(others)s or %(last)s.") % {
        "value": quoted(value),
        "others": ", ".join(others),
        "last": last,
    }


def number(*, least: float, most: float, empty: float) -> Reader:
    """A plain decimal number with a point."""

    def read(cell: Cell) -> float:
        value = digits_in(cell)
        if not value:
            return empty
        if re.fullmatch(r"[0-9]+,[0-9]+", value):
            raise ValueError(
                _("%(value)s has a comma. Write the number with a point, without separators.")
                % {"value": quoted(value)}
            )
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", value) or not float(value) > 0:
            raise ValueError(_("%(value)s is not a number greater than 0.") % {"value": quoted(value)})
        if not least <= float(value) <= most:
            raise ValueError(
                _("%(value)s is not between %(min)s and %(max)s.")
                % {"value": quoted(value), "min": f"{least:,}", "max": f"{most:,}"}
            )
        return float(value)

    return read


def whole(*, most: int) -> Reader:
    """A whole number from 0 to `most`, None where the cell is empty."""

    def read(cell: Cell) -> int | None:
        value = digits_in(cell)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) > most:
            raise ValueError(
                _("%(value)s is not a whole number from 0 to %(max)s.") % {"value": quoted(value), "max": most}
            )
        return int(value)

    return read


def exact(model: type[models.Model], name: str) -> Reader:
    """A decimal number with a point, as exact as the model's field; empty: its default."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.DecimalField)

    def read(cell: Cell) -> Decimal:
        value = digits_in(cell)
        if not value:
            return Decimal(field.get_default())
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", value):
            raise ValueError(_("%(value)s is not a number such as 100 or 0.5.") % {"value": quoted(value)})
        try:
            number: Decimal = field.clean(value, None)
        except ValidationError as error:
            reason = " ".join(error.messages)
            raise ValueError(
                _("%(value)s cannot be used: %(reason)s") % {"value": quoted(value), "reason": reason}
            ) from None
        return number

    return read


def yes_or_no(cell: Cell) -> bool:
    """Empty: no."""
    value = text_of(cell)
    if value.lower() in ("true", "yes", "1"):
        return True
    if value.lower() in ("false", "no", "0", ""):
        return False
    raise ValueError(_("%(value)s is neither true nor false.") % {"value": quoted(value)})


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
    """Raises ValueError for a time that the clocks skip, or show twice: no one knows which moment was meant."""
    aware = given.replace(tzinfo=timezone.get_default_timezone())
    first, second = (aware.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    if first != second:
        values = {"time": f"{given:%Y-%m-%d %H:%M}", "zone": timezone.get_default_timezone()}
        if first < second:
            raise ValueError(
                _(
                    "'%(time)s' does not exist in %(zone)s, where the clocks change. "
                    "Write it as text and add the offset, such as +02:00."
                )
                % values
            )
        raise ValueError(
            _(
                "'%(time)s' exists twice in %(zone)s, where the clocks change. "
                "Write it as text and add the offset, such as +02:00."
            )
            % values
        )
    return aware


def from_iso(value: str) -> date | None:
    """A date, or a datetime where the text has a time of day; None for an empty text.

    Python reads much more than that, 12.30 as half past twelve seconds among it.
    """
    if not value:
        return None
    refusal = _("%(value)s is not an ISO 8601 date such as 2026-05-31T12:00.") % {"value": quoted(value)}
    if not (found := ISO.fullmatch(value)):
        raise ValueError(refusal)
    try:
        return datetime.fromisoformat(value) if found["time"] else date.fromisoformat(value)
    except ValueError:
        raise ValueError(refusal) from None
