"""What a body holds, and what expressions make of it: the kinds of JSON, and how each is named and charged."""

from collections import Counter
from typing import Any

from django.utils.translation import gettext

from exports.grades import sentences

CHARACTERS_A_STEP = 16


class Unreadable(ValueError):
    """What is there cannot be read. `detail`: a key of `exports.grades.sentences.REASONS`, and its parameters."""

    def __init__(self, reason: str, **params: str | int) -> None:
        super().__init__(reason, params)
        self.detail: dict[str, str | int] = {"reason": reason, **params}

    def __str__(self) -> str:
        return sentences.reason({"field": gettext("it"), **self.detail})

    def at(self, field: object) -> "Unreadable":
        """The same, with where it is."""
        return Unreadable(**{"field": str(field), **self.detail})  # type: ignore[arg-type]


class CannotFind(Unreadable):
    """The expression does not fit this value."""


class Number(str):
    """A JSON number as it was written: 75.0 stays 75.0."""

    __slots__ = ()


class RepeatedKeys(dict[str, Any]):
    """A JSON object that names a key twice, so that no one can say which value is meant."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {key for key, count in Counter(key for key, _value in pairs).items() if count > 1}


class Chosen(list[Any]):
    """What `[a, b]` finds: a null in it is something that is not there."""


class Projected(list[Any]):
    """What a projection finds: a null in it is an item that nothing was found in."""


def without_missing_lists(found: list[Any]) -> list[Any]:
    """`found` without the nulls that stand for a list which is missing or null: it has no entries.

    A null inside a list of the body stays, and so does a row in which no one is found: each is an entry.
    """
    are_lists = isinstance(found, Projected) and all(item is None or isinstance(item, list) for item in found)
    return [item for item in found if item is not None] if are_lists or isinstance(found, Chosen) else found


def is_false(value: Any) -> bool:
    """As JMESPath has it: nothing, false, and what is empty."""
    return value is None or value is False or value in ("", [], {})


def unambiguous(value: Any) -> Any:
    """`value`, where no key of it is given twice. Raises CannotFind."""
    if isinstance(value, RepeatedKeys):
        raise CannotFind("FIELD_AMBIGUOUS")
    return value


def kind(value: Any) -> str:
    """JMESPath's name for what `value` is."""
    if isinstance(value, str):
        return "number" if isinstance(value, Number) else "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "null"


def found_kind(value: Any) -> str:
    """What kind of JSON `value` is, as a key of `exports.grades.sentences.KINDS`."""
    return "computed" if isinstance(value, float) else kind(value)


def size(value: Any) -> int:
    """What it costs to look at all of a value."""
    if isinstance(value, str):
        return len(value) // CHARACTERS_A_STEP
    return len(value) if isinstance(value, (list, dict)) else 1
