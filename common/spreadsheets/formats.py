"""What a cell of a workbook shows, which its number format decides: 123 may be shown as 00123, 12300% or 123 days."""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import from_excel

EXACT_DIGITS = 15  # of a number in a workbook; Excel makes zeros of the rest
AS_IT_IS = frozenset({"general", "@"})
LITERAL = re.compile(r'"[^"]*"|\\.|\[\$[^\]]*\]')  # what a format shows whatever the value is
UNSEEN = re.compile(r"\[[^\]]*\]|[_*].")  # colours, conditions and space


@dataclass(frozen=True, slots=True)
class Formatted:
    """A number in a format that may show something else than its digits."""

    number: float
    format: str

    def __str__(self) -> str:
        return f"{self.number} in the format {self.format}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell that has no value which could be taken for what it shows. `reason` says why, in a sentence."""

    reason: str

    def __str__(self) -> str:
        return self.reason


Cell = str | int | float | bool | datetime | date | time | timedelta | Formatted | Unreadable | None


def format_of(number: int, declared: dict[int, str]) -> str:
    """The format of this number; one that is built in without a code of its own is some date of East Asia."""
    return declared.get(number) or BUILTIN_FORMATS.get(number, f"built-in {number}")


def number_shown(number: float, number_format: str, epoch: datetime) -> Cell:
    if number_format.lower() in AS_IT_IS:
        return number
    if re.fullmatch("0+", number_format) and number == math.floor(number) and abs(number) < 10**EXACT_DIGITS:
        digits = str(abs(int(number))).zfill(len(number_format))
        return f"-{digits}" if number < 0 else digits
    if not is_date_format(number_format):
        return Formatted(number, number_format)
    try:
        return date_shown(from_excel(number, epoch, timedelta=is_timedelta_format(number_format)), number_format)
    except (OverflowError, ValueError):
        return Unreadable(_("This is the number %(number)s, which is not a date. Write the date.") % {"number": number})


def iso_shown(value: str, number_format: str) -> Cell:
    """A date that is written as such, as only few programs do."""
    try:
        moment = datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        return Unreadable(_("This is %(value)s, which is not a date. Write the date.") % {"value": repr(value[:40])})
    return date_shown(moment, number_format) if is_date_format(number_format) else moment


def date_shown(value: date | time | timedelta, number_format: str) -> Cell:
    """A date, with a time of day where that is shown."""
    if not isinstance(value, datetime):
        return value
    shown = LITERAL.sub("", number_format).lower()
    if not ("m" in shown and "d" in shown and ("y" in shown or "e" in shown)):
        return Unreadable(_("This is a date that is not shown completely. Format the column as yyyy-mm-dd."))
    moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)  # it may be a hair early or late
    if "h" in shown:
        return moment if "s" in shown else moment.replace(second=0)
    if moment.time() != time.min:
        return Unreadable(
            _("This includes the time %(time)s, but shows only the date. Use a format that shows both.")
            % {"time": f"{moment:%H:%M}"}
        )
    return moment.date()


def text_shown(text: str, number_format: str) -> Cell:
    """A text, unless its format adds something to it or hides it."""
    if number_format.lower() in AS_IT_IS:
        return text
    sections = number_format.split(";")
    section = sections[3] if len(sections) > 3 else sections[-1]
    is_for_text = "@" in section or len(sections) > 3
    if is_for_text and UNSEEN.sub("", section).strip().lower() not in AS_IT_IS:
        return Unreadable(
            _("This is a text in the format %(format)s, which shows something else. Write what it shows.")
            % {"format": repr(number_format)}
        )
    return text


def digits_of(number: float) -> str:
    """1001 as 1001, never as 1001.0. Raises ValueError, with what is wrong, for one that is not exact."""
    if not math.isfinite(number) or abs(number) >= 10**EXACT_DIGITS:
        raise ValueError(
            _("This is a number of more than %(digits)s digits; Excel keeps no more. Format the column as Text.")
            % {"digits": EXACT_DIGITS}
        )
    return str(int(number)) if number == int(number) else f"{Decimal(f'{number:.{EXACT_DIGITS}g}'):f}"
