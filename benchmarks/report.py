"""What a section has found, and the page that shows it. Pure."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

RUNS = 5  # of everything that is timed


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What was to be reached, what was reached, and whether that is enough."""

    what: str
    bound: str
    figure: str
    is_met: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of the page. `method` is one paragraph; each row has a cell for each of `header`."""

    title: str
    method: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = field(default=())


def at_most(what: str, figure: float, bound: float, *, unit: str = "") -> Bar:
    return Bar(what=what, bound=f"at most {bound:g}{unit}", figure=f"{figure:.4g}{unit}", is_met=figure <= bound)


def below(what: str, figure: float, bound: float, *, unit: str = "") -> Bar:
    return Bar(what=what, bound=f"below {bound:g}{unit}", figure=f"{figure:.4g}{unit}", is_met=figure < bound)


def at_least(what: str, figure: float, bound: float, *, unit: str = "") -> Bar:
    return Bar(what=what, bound=f"at least {bound:g}{unit}", figure=f"{figure:.4g}{unit}", is_met=figure >= bound)


def spread(values: Iterable[float], digits: int = 2) -> str:
    """`1.32 (1.28 to 1.41)`: the median of all runs, the lowest and the highest."""
    some = sorted(values)
    return f"{median(some):,.{digits}f} ({some[0]:,.{digits}f} to {some[-1]:,.{digits}f})"


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Run by run."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def percentile(values: Iterable[float], percent: int) -> float:
    """The smallest value that at least `percent` of a hundred values do not exceed."""
    some = sorted(values)
    return some[max(0, -(-len(some) * percent // 100) - 1)]


def render(section: Section) -> str:
    """The section as Markdown."""
    parts = [f"## {section.title}", filled(section.method), table(section.header, section.rows)]
    if section.bars:
        rows = [[bar.what, bar.bound, bar.figure, "yes" if bar.is_met else "**no**"] for bar in section.bars]
        parts.append(table(["Bar", "Bound", "Reached", "Met"], rows))
    return "\n\n".join(parts)


def filled(paragraph: str) -> str:
    """In lines of at most 120 characters."""
    return textwrap.fill(" ".join(paragraph.split()), 120, break_long_words=False, break_on_hyphens=False)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; its columns are padded, so that it also reads well in a terminal."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def verdict(sections: Iterable[Section]) -> str:
    """How many bars are met, and which are not."""
    bars = [bar for section in sections for bar in section.bars]
    missed = [bar.what for bar in bars if not bar.is_met]
    met = f"{len(bars) - len(missed)} of {len(bars)} bars are met."
    return f"{met} Not met: {'; '.join(missed)}." if missed else met
