"""The text formats of Grades Journey, both ways: `symbols`, `optionalData` and `mapping`. Pure.

What is written can be read again and gives the same; what cannot be written so is refused with its place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
MOST_DIGITS = 20


class WireError(ValueError):
    """The text or the values cannot be had in this format. The sentence says what, and where."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol of a grade schema. `lower_bound` is in percent; None: the schema gives none for it."""

    name: str
    lower_bound: Decimal | None = None


def write_symbols(symbols: Iterable[Symbol]) -> str:
    """`A=90:B=80:F=0`: the highest bound first, symbols without one behind, in their order. Raises WireError."""
    ordered = in_order(symbols)
    names = [checked(symbol.name, "symbol", place, ":=") for place, symbol in enumerate(ordered, start=1)]
    refuse_repeated(names, "symbol")
    bounds = [symbol.lower_bound for symbol in ordered if symbol.lower_bound is not None]
    refuse_repeated([written(bound) for bound in bounds], "lower bound")
    for bound in bounds:
        if not 0 <= bound <= 100:
            raise WireError(f"The lower bound {written(bound)} is not between 0 and 100 per cent.")
    return ":".join(
        name if symbol.lower_bound is None else f"{name}={written(symbol.lower_bound)}"
        for name, symbol in zip(names, ordered, strict=True)
    )


def read_symbols(text: str) -> list[Symbol]:
    """The symbols in the order in which `write_symbols` gives them. Raises WireError."""
    symbols = []
    for place, part in parts_of(text, ":", "symbol"):
        name, separator, bound = part.partition("=")
        symbols.append(Symbol(name.strip(), number(bound, "lower bound", place) if separator else None))
    write_symbols(symbols)
    return in_order(symbols)


def in_order(symbols: Iterable[Symbol]) -> list[Symbol]:
    return sorted(symbols, key=lambda symbol: (symbol.lower_bound is None, -(symbol.lower_bound or 0)))


def write_options(options: Mapping[str, str]) -> str:
    """`EnrollType=Audit:Room=B 12`, in the mapping's order. Raises WireError."""
    return ":".join(
        f"{checked(key, 'key', place, ':=')}={checked(value, 'value', place, ':=')}"
        for place, (key, value) in enumerate(options.items(), start=1)
    )


def read_options(text: str) -> dict[str, str]:
    """Raises WireError."""
    options: dict[str, str] = {}
    for place, part in parts_of(text, ":", "pair"):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator:
            raise WireError(f"Pair {place} ({part.strip()}) has no '='.")
        if key in options:
            raise WireError(f"The key {key} is given twice.")
        options[key] = value
    write_options(options)
    return options


def write_weights(weights: Mapping[str, Decimal]) -> str:
    """The `mapping` of a weighted column: `Test 1=30, Test 2=70`, which add up to 100 per cent. Raises WireError."""
    names = [checked(name, "column", place, ",=") for place, name in enumerate(weights, start=1)]
    for name, weight in weights.items():
        if weight <= 0:
            raise WireError(f"The weight of {name} is not more than 0.")
    if (whole := sum(weights.values(), Decimal(0))) != 100:
        raise WireError(f"The weights add up to {written(whole)} per cent, not to 100.")
    return ", ".join(f"{name}={written(weight)}" for name, weight in zip(names, weights.values(), strict=True))


def read_weights(text: str) -> dict[str, Decimal]:
    """Raises WireError."""
    weights: dict[str, Decimal] = {}
    for place, part in parts_of(text, ",", "column"):
        name, separator, weight = (piece.strip() for piece in part.partition("="))
        if not separator:
            raise WireError(f"Column {place} ({part.strip()}) has no weight, such as {part.strip()}=30.")
        if name in weights:
            raise WireError(f"The column {name} is given twice.")
        weights[name] = number(weight, "weight", place)
    write_weights(weights)
    return weights


def write_names(names: Sequence[str]) -> str:
    """The `mapping` of a total column: `Test 1, Test 2`. Raises WireError."""
    found = [checked(name, "column", place, ",=") for place, name in enumerate(names, start=1)]
    if not found:
        raise WireError("No column is named.")
    refuse_repeated(found, "column")
    return ", ".join(found)


def read_names(text: str) -> list[str]:
    """Raises WireError."""
    names = [part.strip() for _place, part in parts_of(text, ",", "column")]
    write_names(names)
    return names


def parts_of(text: str, separator: str, what: str) -> Iterator[tuple[int, str]]:
    """The parts between separators with their places, 1 the first. An empty text has none."""
    for place, part in enumerate(text.split(separator) if text.strip() else [], start=1):
        if not part.strip():
            raise WireError(f"The {what} at place {place} is empty.")
        yield place, part


def checked(text: str, what: str, place: int, separators: str) -> str:
    """`text`, if it can stand at this place."""
    if not text or text != text.strip():
        problem = "begins or ends with a blank" if text.strip() else "is empty"
        raise WireError(f"The {what} at place {place} {problem}.")
    for separator in separators:
        if separator in text:
            raise WireError(
                f"The {what} at place {place} ({text}) holds '{separator}', which separates in Learn's format."
            )
    if not text.isprintable():
        raise WireError(f"The {what} at place {place} holds a line break or another character that does not print.")
    return text


def number(text: str, what: str, place: int) -> Decimal:
    text = text.strip()
    if not NUMBER.fullmatch(text) or len(text) > MOST_DIGITS:
        raise WireError(f"The {what} at place {place} ({text or 'empty'}) is not a number such as 80 or 66.5.")
    return Decimal(text)


def written(value: Decimal) -> str:
    """Without an exponent and without zeros behind the point: 80, 66.5."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def refuse_repeated(texts: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise WireError(f"The {what} {text} is given twice.")
        seen.add(text)
