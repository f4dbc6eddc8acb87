"""The text formats of Grades Journey, both ways: `symbols`, `optionalData` and `mapping`. Pure.

What is written can be read again and gives the same; what cannot be written so is refused with its place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.numbers import plain_number
from courses.learn_http.errors import Explained

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
MAX_DIGITS = 20
NO_COLON = re.compile(r"[,;|\s]+")  # what people write between symbols in place of a colon
MAX_EXAMPLE = 60  # characters


class WireError(Explained, ValueError):
    """The text or the values cannot be written in this format. Code and parameters say what is wrong, and where."""


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
    refuse_repeated([plain_number(bound) for bound in bounds], "lower bound")
    for bound in bounds:
        if not 0 <= bound <= 100:
            raise WireError("BOUND_OUT_OF_RANGE", text=plain_number(bound))
    return ":".join(
        name if symbol.lower_bound is None else f"{name}={plain_number(symbol.lower_bound)}"
        for name, symbol in zip(names, ordered, strict=True)
    )


def read_symbols(text: str) -> list[Symbol]:
    """The symbols in the order in which `write_symbols` gives them. Raises WireError."""
    refuse_other_separators(text)
    symbols = []
    for place, part in parts_of(text, ":", "symbol"):
        name, separator, bound = part.partition("=")
        symbols.append(Symbol(name.strip(), number(bound, "lower bound", place) if separator else None))
    write_symbols(symbols)
    refuse_odd_bounds([symbol for symbol in symbols if symbol.lower_bound is not None])
    return in_order(symbols)


def refuse_other_separators(text: str) -> None:
    """Commas and the like would end up in a symbol's name, and a list without any colon would be a single symbol."""
    parts = [part.strip() for part in text.split(":")]
    names = [part.partition("=")[0].strip() for part in parts]
    if (
        any(re.search(r"[,;|\t\r\n]", name) for name in names)
        or any(part.count("=") > 1 and NO_COLON.search(part) for part in parts)
        or (len(parts) == 1 and NO_COLON.search(names[0]))
    ):
        pieces = [piece for piece in re.split(r"[:,;|\s]+", re.sub(r"\s*=\s*", "=", text)) if piece]
        example = ":".join(dict.fromkeys(pieces))
        raise WireError("NOT_BY_COLONS", example=example if len(example) <= MAX_EXAMPLE else "A:B:C")


def refuse_odd_bounds(symbols: Sequence[Symbol]) -> None:
    """Bounds that go up and down are mistyped, and without a symbol from 0 on low scores would have none."""
    bounds = [symbol.lower_bound or Decimal(0) for symbol in symbols]
    if bounds != sorted(bounds) and bounds != sorted(bounds, reverse=True):
        place = next(at for at, bound in enumerate(bounds[1:], start=1) if bound > bounds[at - 1])
        here, before = symbols[place], symbols[place - 1]
        raise WireError(
            "BOUND_OUT_OF_ORDER",
            name=here.name,
            bound=plain_number(bounds[place]),
            before=before.name,
            bound_before=plain_number(bounds[place - 1]),
        )
    if bounds and min(bounds) > 0:
        lowest = min(symbols, key=lambda symbol: symbol.lower_bound or 0)
        raise WireError("NO_BOTTOM", name=lowest.name, bound=plain_number(min(bounds)))


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
            raise WireError("PAIR_WITHOUT_VALUE", place=place, text=part.strip())
        if key in options:
            raise WireError("PART_TWICE", what="key", text=key)
        options[key] = value
    write_options(options)
    return options


def write_weights(weights: Mapping[str, Decimal]) -> str:
    """The `mapping` of a weighted column: `Test 1=30, Test 2=70`, which add up to 100 per cent. Raises WireError."""
    names = [checked(name, "column", place, ",=") for place, name in enumerate(weights, start=1)]
    for name, weight in weights.items():
        if weight <= 0:
            raise WireError("WEIGHT_TOO_SMALL", text=name)
    if (whole := sum(weights.values(), Decimal(0))) != 100:
        raise WireError("WEIGHTS_NOT_WHOLE", total=plain_number(whole))
    return ", ".join(f"{name}={plain_number(weight)}" for name, weight in zip(names, weights.values(), strict=True))


def read_weights(text: str) -> dict[str, Decimal]:
    """Raises WireError."""
    weights: dict[str, Decimal] = {}
    for place, part in parts_of(text, ",", "column"):
        name, separator, weight = (piece.strip() for piece in part.partition("="))
        if not separator:
            raise WireError("COLUMN_WITHOUT_WEIGHT", place=place, text=part.strip())
        if name in weights:
            raise WireError("PART_TWICE", what="column", text=name)
        weights[name] = number(weight, "weight", place)
    write_weights(weights)
    return weights


def write_names(names: Sequence[str]) -> str:
    """The `mapping` of a total column: `Test 1, Test 2`. Raises WireError."""
    found = [checked(name, "column", place, ",=") for place, name in enumerate(names, start=1)]
    if not found:
        raise WireError("NO_COLUMN")
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
            raise WireError("PART_EMPTY", what=what, place=place)
        yield place, part


def checked(text: str, what: str, place: int, separators: str) -> str:
    """`text`, if it is possible at this place."""
    if not text or text != text.strip():
        raise WireError("PART_WITH_BLANKS" if text.strip() else "PART_EMPTY", what=what, place=place)
    for separator in separators:
        if separator in text:
            raise WireError("PART_WITH_SEPARATOR", what=what, place=place, text=text, separator=separator)
    if not text.isprintable():
        raise WireError("PART_NOT_PRINTABLE", what=what, place=place)
    return text


def number(text: str, what: str, place: int) -> Decimal:
    text = text.strip()
    if not text:
        raise WireError("PART_EMPTY", what=what, place=place)
    if not NUMBER.fullmatch(text) or len(text) > MAX_DIGITS:
        raise WireError("PART_NO_NUMBER", what=what, place=place, text=text)
    return Decimal(text)


def refuse_repeated(texts: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise WireError("PART_TWICE", what=what, text=text)
        seen.add(text)
