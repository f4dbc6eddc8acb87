"""What a body holds, and what expressions make of it: the kinds of JSON, and how each is named and charged."""

from collections import Counter
from typing import Any

CHARACTERS_A_STEP = 16


class CannotFind(ValueError):
    """The expression does not fit this value. The text says why, as the rest of a sentence."""


class Number(str):
    """A JSON number as it was written: 75.0 stays 75.0."""

    __slots__ = ()


class RepeatedKeys(dict[str, Any]):
    """A JSON object that names a key twice, so that nobody can say which value is meant."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {key for key, count in Counter(key for key, _value in pairs).items() if count > 1}


class Chosen(list[Any]):
    """What `[a, b]` finds: a null in it is something that is not there."""


class Projected(list[Any]):
    """What a projection finds: a null in it is an item that nothing was found in."""


def without_missing_lists(found: list[Any]) -> list[Any]:
    """`found` without the nulls that stand for a list which is missing or null: it has no entries.

    A null inside a list of the body stays, and so does a row in which nobody is found: each is an entry.
    """
    are_lists = isinstance(found, Projected) and all(item is None or isinstance(item, list) for item in found)
    return [item for item in found if item is not None] if are_lists or isinstance(found, Chosen) else found


def is_false(value: Any) -> bool:
    """As JMESPath has it: nothing, false, and what is empty."""
    return value is None or value is False or value in ("", [], {})


def unambiguous(value: Any) -> Any:
    """`value`, where no key of it is given twice. Raises CannotFind."""
    if isinstance(value, RepeatedKeys):
        raise CannotFind("cannot be told: an object names a key twice")
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
    return "null" if value is None else "expref"


KINDS = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
    "expref": "an expression",
}


def described(value: Any) -> str:
    """What kind of JSON `value` is, in words."""
    return "a number that nobody wrote" if isinstance(value, float) else KINDS[kind(value)]


def size(value: Any) -> int:
    """What it costs to look at all of a value."""
    if isinstance(value, str):
        return len(value) // CHARACTERS_A_STEP
    return len(value) if isinstance(value, (list, dict)) else 1
