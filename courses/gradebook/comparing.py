"""Whether what Learn shows is what was sent. Pure. People see `displayGrade`: that is compared, and nothing else."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any

from courses.gradebook.records import Grade, Shown
from courses.learn_http.answers import plain

HALF_A_UNIT = Decimal("0.000005")  # of the fifth decimal, with which Learn stores scores
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


class Verdict(StrEnum):
    PROVEN = "PROVEN"  # Learn shows the value
    DIFFERENT = "DIFFERENT"  # Learn shows something else
    ABSENT = "ABSENT"  # Learn shows nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`shown` is the text or the number that people see, as one line, without words of ours; empty: nothing is shown.

    `courses.sentences.shown` makes a phrase of the whole, in any language, from `detail()`.
    """

    verdict: Verdict
    shown: str
    score: Decimal | None = None  # what Learn counts, where it says so
    possible: Decimal | None = None
    is_exempt: bool = False
    is_corrupt: bool = False
    has_notation: bool = False

    def detail(self) -> dict[str, Any]:
        """All of it but the verdict, as JSON holds it."""
        numbers = {"score": self.score, "possible": self.possible}
        flags = {"is_exempt": self.is_exempt, "is_corrupt": self.is_corrupt, "has_notation": self.has_notation}
        return {
            "shown": self.shown,
            **{name: written(value) for name, value in numbers.items() if value is not None},
            **{name: True for name, is_set in flags.items() if is_set},
        }


def compare(value: str, grade: Grade | None, *, points: Decimal | None, symbols: Collection[str] = ()) -> Comparison:
    """`value` as it was sent; `points` of the column; `symbols` of its schema, where they are known.

    A symbol that is a number (`12`) is no score: the symbols tell the two apart.
    """
    if grade is None or grade.is_empty:
        return Comparison(verdict=Verdict.ABSENT, shown="")
    shown = grade.shown
    is_special = grade.is_exempt or grade.is_corrupt or bool(grade.notation_id)
    is_equal = shown is not None and not is_special and equal(value, shown, points=points, symbols=symbols)
    return Comparison(
        verdict=Verdict.PROVEN if is_equal else Verdict.DIFFERENT,
        shown=seen(shown) if shown else "",
        score=shown.score if shown else None,
        possible=shown.possible if shown else None,
        is_exempt=grade.is_exempt,
        is_corrupt=grade.is_corrupt,
        has_notation=bool(grade.notation_id),
    )


def equal(value: str, shown: Shown, *, points: Decimal | None, symbols: Collection[str]) -> bool:
    number = number_of(value)
    match shown.scale:
        case "Text" | "Complete":
            return value == shown.text
        case "Tabular":
            return value == shown.text or (
                number is not None
                and shown.score is not None
                and is_score(value, shown, symbols)
                and same(number, shown.score)
            )
    if shown.score is None:
        return value == shown.text or (number is not None and same_as_text(number, shown.text))
    if number is None:
        return False
    if shown.scale == "Percent" and points and shown.possible and points != shown.possible:
        return same_in_percent(number, shown.score, points=points, possible=shown.possible)
    return same(number, shown.score)


def is_score(value: str, shown: Shown, symbols: Collection[str]) -> bool:
    """Whether a number was sent as a score, for which Learn shows the symbol, and not as a symbol."""
    return value not in symbols if symbols else number_of(shown.text) is None


def same_as_text(number: Decimal, text: str) -> bool:
    other = number_of(text)
    return other is not None and same(number, other)


def same(number: Decimal, other: Decimal) -> bool:
    with localcontext(prec=200):
        return abs(number - other) <= HALF_A_UNIT


def same_in_percent(number: Decimal, score: Decimal, *, points: Decimal, possible: Decimal) -> bool:
    """Learn rounds what it stores, in points, or what it shows, in percent: either may be the coarser one."""
    with localcontext(prec=200):
        in_points, in_percent = score * points / possible, number * possible / points
    return same(number, in_points) or same(in_percent, score)


def number_of(text: str) -> Decimal | None:
    return Decimal(text) if NUMBER.fullmatch(text) else None


def seen(shown: Shown) -> str:
    """The text where there is one, else the number."""
    return plain(shown.text) or (written(shown.score) if shown.score is not None else "")


def written(number: Decimal) -> str:
    """Without an exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
