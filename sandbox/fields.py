"""The fields of an item: each function reads one by its name, and raises Refused for a wrong type or length.

Written from the document alone and sharing nothing with GradeBridge, so that a mistake there shows here.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sandbox.formats import pairs
from sandbox.gradebook import Refused

Item = Mapping[str, Any]

TEXT_LENGTH, LONG_TEXT_LENGTH = 333, 2000
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
COLOR = re.compile(r"#?[0-9A-Fa-f]{3}|#?[0-9A-Fa-f]{6}|[A-Za-z]+")


def refuse_unknown(item: Item, names: Iterable[str]) -> None:
    """An item has no other fields than `names`. Raises Refused."""
    if strange := sorted(set(item) - set(names)):
        raise Refused(f"{strange[0]} is not a field of this service")


def text(item: Item, name: str, *, most: int = TEXT_LENGTH) -> str:
    """A required text of at most `most` characters."""
    if item.get(name) in (None, ""):
        raise Refused(f"{name} is missing")
    return optional_text(item, name, most=most)


def optional_text(item: Item, name: str, *, most: int = TEXT_LENGTH) -> str:
    """ "" where it is left out."""
    value = item.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"{name} must be text")
    if len(value) > most:
        raise Refused(f"{name} is longer than {most} characters")
    return value


def optional_data(item: Item, name: str) -> str:
    """`key=value` pairs joined by colons."""
    value = optional_text(item, name, most=LONG_TEXT_LENGTH)
    pairs(value, name)
    return value


def flag(item: Item, name: str) -> bool:
    """False where it is left out."""
    value = item.get(name, False)
    if not isinstance(value, bool):
        raise Refused(f"{name} must be true or false")
    return value


def whole_number(item: Item, name: str) -> int | None:
    """None where it is left out."""
    if name not in item:
        return None
    value = item[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"{name} must be a whole number")
    return value


def attempts(item: Item, name: str) -> int:
    """-1, which is the default, for any number of attempts."""
    value = whole_number(item, name)
    if value is not None and value != -1 and value < 1:
        raise Refused(f"{name} must be -1 or at least 1")
    return -1 if value is None else value


def points(item: Item, name: str) -> float:
    """100 where they are left out."""
    value = item.get(name, 100.0)
    if not is_points(value):
        raise Refused(f"{name} must be a number above 0")
    return float(value)


def is_points(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= sys.float_info.max


def day(item: Item, name: str) -> str | None:
    """A date such as 2026-05-31; None where it is left out, which "" is not."""
    if name not in item:
        return None
    value = item[name]
    if not isinstance(value, str) or not _is_day(value):
        raise Refused(f"{name} must be a date such as 2026-05-31")
    return value


def _is_day(value: str) -> bool:
    try:
        return DAY.fullmatch(value) is not None and bool(date.fromisoformat(value))
    except ValueError:
        return False


def color(item: Item, name: str) -> str:
    value = optional_text(item, name, most=10)
    if value and not COLOR.fullmatch(value):
        raise Refused(f"{name} must be a name or a hex value such as #FF0000")
    return value
