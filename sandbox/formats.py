"""The formats inside a text field: `symbols`, `optionalData` and `mapping`. Each function raises Refused."""

import re
from collections.abc import Iterator
from decimal import Decimal

from sandbox.gradebook import Refused

NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def symbols(text: str, field: str) -> dict[str, Decimal | None]:
    """`P=80:F=0:U`: symbol -> lower bound in percent, or None for one that has none."""
    found: dict[str, Decimal | None] = {}
    for symbol, bound in _split(text, ":", field):
        if bound is not None and not (NUMBER.fullmatch(bound) and Decimal(bound) <= 100):
            raise Refused(f"{field}: the lower bound of {symbol} is not a number from 0 to 100")
        found[symbol] = None if bound is None else Decimal(bound)
    return found


def pairs(text: str, field: str) -> dict[str, str]:
    """`EnrollType=Audit:Room=12`: key -> value."""
    found = {}
    for key, value in _split(text, ":", field):
        if not value:
            raise Refused(f"{field}: {key} has no value")
        found[key] = value
    return found


def weights(text: str, field: str) -> dict[str, Decimal]:
    """`Test 1=30, Test 2=70`: column -> percent; they add up to 100."""
    found = {}
    for column, percent in _split(text, ",", field):
        if percent is None or not NUMBER.fullmatch(percent):
            raise Refused(f"{field}: the weight of {column} is not a number such as 30")
        found[column] = Decimal(percent)
    if sum(found.values()) != 100:
        raise Refused(f"{field}: the weights do not add up to 100")
    return found


def names(text: str, field: str) -> list[str]:
    """`Test 1, Test 2`: the names of columns."""
    found = []
    for column, percent in _split(text, ",", field):
        if percent is not None:
            raise Refused(f"{field}: {column} has a weight, which a total does not take")
        found.append(column)
    return found


def _split(text: str, separator: str, field: str) -> Iterator[tuple[str, str | None]]:
    """Name and what follows its `=` (None: there is no `=`), without blanks around. An empty text has none."""
    seen = set()
    for part in text.split(separator) if text else ():
        name, equals, rest = (piece.strip() for piece in part.partition("="))
        if not name:
            raise Refused(f"{field}: '{part}' names nothing")
        if "=" in rest:
            raise Refused(f"{field}: '{part}' has more than one =")
        if name in seen:
            raise Refused(f"{field}: {name} is given twice")
        seen.add(name)
        yield name, rest if equals else None
