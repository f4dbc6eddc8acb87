"""What an assessor gave -> the value that Learn is to show. Decimal arithmetic: only rounding loses digits."""

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import (
    ROUND_05UP,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    Inexact,
    InvalidOperation,
    localcontext,
)
from functools import lru_cache

from django.db import models
from django.utils.translation import gettext_lazy as _

from exports.grades import sentences

VALUE_LENGTH = 333  # characters, the limit of Grades Journey
DIGITS = 2 * VALUE_LENGTH + 50  # of a quotient: more than any value has
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# As JSON writes numbers, or with a + or zeros in front. The exponent is short, so that Decimal has it exactly.
WRITTEN_NUMBER = re.compile(NUMBER.pattern + r"([eE][+-]?[0-9]{1,4})?")
NO_GRADE = {"n/a", "null", "undefined", "none", "[]", "{}", "()"}  # what other systems write where there is none


class Marks(models.TextChoices):
    """How marks are translated."""

    AS_WRITTEN = "AS_WRITTEN", _("As written")
    TABLE = "TABLE", _("By the table below; other marks are refused")
    NUMERIC = "NUMERIC", _("As numbers: divided and rounded")


class Rounding(models.TextChoices):
    """What becomes of digits beyond `decimals`. Below 0 everything is the mirror image: up is away from 0."""

    NONE = "NONE", _("Never: a mark that has more digits is refused")
    HALF_UP = "HALF_UP", _("To the nearest, halves up (2.5 becomes 3)")
    HALF_EVEN = "HALF_EVEN", _("To the nearest, halves to the even digit (2.5 becomes 2)")
    UP = "UP", _("Up (2.1 becomes 3)")
    DOWN = "DOWN", _("Down (2.9 becomes 2)")


ROUNDINGS = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}


class NotTranslatable(ValueError):
    """There is no value for this grade: `detail` holds the reason, with its parameters."""

    def __init__(self, reason: str, **params: str | int) -> None:
        super().__init__(reason, params)
        self.detail = {"reason": reason, **params}

    def __str__(self) -> str:
        return sentences.reason(self.detail)


@dataclass(frozen=True, kw_only=True, slots=True)
class Translator:
    """One translation. The tables are exact: given -> value. `decimals` None: as many as the number has."""

    marks: Marks = Marks.AS_WRITTEN
    marks_table: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, str] = field(default_factory=dict)
    divisor: Decimal = Decimal(1)
    decimals: int | None = None
    rounding: Rounding = Rounding.NONE

    def mark(self, given: str) -> str:
        """The value for a mark. Raises NotTranslatable."""
        match self.marks:
            case Marks.AS_WRITTEN:
                return given
            case Marks.TABLE:
                return looked_up(given, self.marks_table, "MARK_NOT_IN_TRANSLATION")
            case Marks.NUMERIC:
                return self.scaled(given)

    def alternative(self, given: str) -> str:
        """The value for an alternative grade: by the table alone, never guessed. Raises NotTranslatable."""
        return looked_up(given, self.alternatives, "CODE_NOT_IN_TRANSLATION")

    def scaled(self, given: str) -> str:
        """A number, divided and rounded. Raises NotTranslatable where a digit would be lost and no rounding is set."""
        if not NUMBER.fullmatch(given):
            raise NotTranslatable("MARK_NO_NUMBER", mark=given)
        if self.divisor == 1 and self.decimals is None:
            return given
        with localcontext(prec=DIGITS, rounding=ROUND_05UP) as context:  # it keeps the next rounding exact
            context.traps[Inexact] = self.rounding is Rounding.NONE or self.decimals is None
            try:
                value = Decimal(given) / self.divisor
                if self.decimals is None:
                    value = value.normalize()  # else its noughts would depend on how the divisor is written
                else:
                    value = value.quantize(Decimal(1).scaleb(-self.decimals), ROUNDINGS.get(self.rounding))
            except Inexact:
                raise NotTranslatable("MARK_LOSES_DIGITS", mark=given) from None
        return format(value if value else abs(value), "f")


def looked_up(given: str, table: Mapping[str, str], reason: str) -> str:
    try:
        return table[given]
    except KeyError:
        raise NotTranslatable(reason, mark=given) from None


@lru_cache(maxsize=10_000)  # an export has few different marks
def is_number(text: str) -> bool:
    """Whether anyone might read it as a number, however oddly it is written: `1e5`, `.5`, `NaN`, ` 75 `, `٣`."""
    if NUMBER.fullmatch(text):
        return True
    for read in (Decimal, float):  # an exponent that is too large for the one is infinity to the other
        with suppress(InvalidOperation, ValueError):
            read(text)
            return True
    return False


def same_grade(text: str) -> str | Decimal:
    """What two grades have in common that differ only in how a number is written: 75, 75.0 and 075."""
    return Decimal(text) if WRITTEN_NUMBER.fullmatch(text) else text


def holds_digit(text: str) -> bool:
    """A digit of any script, also as a fraction or raised: a reader of another locale may take it for a number."""
    return any(unicodedata.category(each).startswith("N") for each in text)


def means_no_grade(text: str) -> bool:
    """Whether it says that there is no grade. A dash even clears the grade in Learn."""
    word = "".join(text.split()).casefold()
    return word in NO_GRADE or all(each == "\u2212" or unicodedata.category(each) == "Pd" for each in word)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What a column can show: the symbols of its schema (none: not known), else numbers from 0 to `points`."""

    points: Decimal
    symbols: frozenset[str] = frozenset()
    takes_numbers: bool = True  # a schema with lower bounds also takes the number that it turns into a symbol

    has_unknown_symbols: bool = False  # a schema whose symbols only Learn knows: `2:1` may be one

    def check(self, value: str, *, is_named: bool = False) -> None:
        """Raises NotTranslatable for a value that the column cannot show. Words without a schema Learn judges itself.

        `is_named`: a line of a translation names the value, so that even a dash is meant.
        """
        if not value:
            raise NotTranslatable("VALUE_EMPTY")
        if len(value) > VALUE_LENGTH:
            raise NotTranslatable("VALUE_TOO_LONG", length=len(value), max=VALUE_LENGTH)
        if value in self.symbols:
            if self.takes_numbers and not is_named and WRITTEN_NUMBER.fullmatch(value):
                raise NotTranslatable("VALUE_AMBIGUOUS", value=value)  # Learn may take it for points
            return
        if self.symbols and not (self.takes_numbers and is_number(value)):
            raise NotTranslatable("VALUE_NO_SYMBOL", value=value)
        if is_number(value):
            self.check_number(value)
        else:
            self.check_words(value, is_named)

    def check_number(self, value: str) -> None:
        if not WRITTEN_NUMBER.fullmatch(value):
            raise NotTranslatable("VALUE_NO_NUMBER", value=value)
        if not 0 <= Decimal(value) <= self.points:
            points = f"{self.points.normalize():f}"
            raise NotTranslatable("VALUE_OUT_OF_RANGE", value=value, points=points)

    def check_words(self, value: str, is_named: bool) -> None:
        if holds_digit(value) and not self.has_unknown_symbols:
            raise NotTranslatable("VALUE_NO_NUMBER", value=value)
        if means_no_grade(value) and not is_named:
            raise NotTranslatable("VALUE_NO_GRADE", value=value)
