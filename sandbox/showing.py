"""How Learn shows a value to people: the `displayGrade` of its public API."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.gradebook import Column, Schema

SCALES = {"text": "Text", "score": "Score", "percent": "Percent"}  # by `shown_as`
DECIMALS = 5  # with which Learn stores a score


@dataclass(frozen=True)
class Symbol:
    """One line of a grading schema; all three numbers in percent."""

    text: str
    lower: float
    upper: float
    absolute: float  # what Learn counts the symbol for
    has_bound: bool


@lru_cache(maxsize=1000)
def symbols_of(schema: Schema) -> tuple[Symbol, ...]:
    """From the highest down; those without a lower bound come last and count nothing."""
    pairs = [pair.partition("=") for pair in schema.symbols.split(":")]
    bounds = sorted(((_number(bound), name.strip()) for name, equals, bound in pairs if equals), reverse=True)
    found, upper = [], 100.0
    for lower, name in bounds:
        found.append(Symbol(name, lower, upper, round((lower + upper) / 2, 3), has_bound=True))
        upper = lower
    unbound = [name.strip() for name, equals, _ in pairs if not equals]
    return (*found, *(Symbol(name, 0.0, 0.0, 0.0, has_bound=False) for name in unbound))


def scale_of(column: Column) -> str:
    """The `scaleType` of a column."""
    if column.shown_as is not None:
        return SCALES[column.shown_as]
    if column.schema is not None:
        return "Tabular"
    return "Text" if column.points is None else "Score"


def display_grade(column: Column, schema: Schema | None, user: str) -> dict[str, Any] | None:
    """`{"scaleType", "score", "possible", "text"}`, each where there is one; None where nothing is shown.

    A score in percent is of 100. Where a column with a schema holds a number, the symbol for it is shown.
    """
    grade, value = column.grades.get(user), column.values.get(user)
    if grade is not None and grade.notation is not None:
        return {"scaleType": "Text", "text": grade.notation}
    if value is None:
        return None
    scale, score = scale_of(column), score_of(column, schema, value)
    if scale == "Text" or score is None or column.points is None:
        return {"scaleType": "Tabular" if scale == "Tabular" else "Text", "text": value}
    if scale == "Percent":
        return {"scaleType": scale, "score": _rounded(score / column.points * 100), "possible": 100.0}
    shown: dict[str, Any] = {"scaleType": scale, "score": score, "possible": column.points}
    if scale == "Tabular" and schema is not None:
        shown["text"] = _symbol_for(value, score / column.points * 100, schema)
    return shown


def score_of(column: Column, schema: Schema | None, value: str) -> float | None:
    """The points that Learn counts for a value; None where it counts none."""
    if schema is not None and column.points is not None:
        for symbol in symbols_of(schema):
            if symbol.text == value:
                return _rounded(symbol.absolute / 100 * column.points)
    try:
        score = float(value)
    except ValueError:
        return None
    return _rounded(score) if abs(score) < 1e12 else None  # neither infinite nor NaN


def _symbol_for(value: str, percent: float, schema: Schema) -> str:
    symbols = symbols_of(schema)
    if any(symbol.text == value for symbol in symbols):
        return value
    return next((symbol.text for symbol in symbols if symbol.has_bound and percent >= symbol.lower), value)


def _rounded(number: float) -> float:
    return round(number, DECIMALS)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
