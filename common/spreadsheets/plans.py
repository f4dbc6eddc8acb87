"""Lines that agree with one another, and what they would change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from common.spreadsheets.cells import Reader
from common.spreadsheets.files import ImportRefused, Row, quoted

CHUNK = 5_000  # keys in one query

Values = Mapping[str, Any]
Key = tuple[Any, ...]


class Problem(NamedTuple):
    """What is wrong with one cell."""

    row: int
    column: str
    sentence: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that the file says. `values` holds the columns that the file has, and no others."""

    row: int
    values: Values


@dataclass(frozen=True, slots=True)
class Fact:
    """Lines that are alike in `about` must be alike in `columns`."""

    about: Sequence[str]
    columns: Sequence[str]


Shared = tuple[Fact, Mapping[Key, Values]]  # with what stands in its columns, by what it is about


@dataclass(frozen=True, slots=True)
class Change:
    """A line that differs from what is there. `whose`: of what several lines share, whose column it is."""

    line: Line
    before: Values
    whose: Mapping[str, str] = field(default_factory=dict)

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Before and after, by column."""
        return {
            column: (self.before[column], value)
            for column, value in self.line.values.items()
            if column in self.before and self.before[column] != value
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an import would do. `shared`: what lines that are added change of things that are there already."""

    added: list[Line] = field(default_factory=list)
    shared: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: list[Line] = field(default_factory=list)

    @property
    def to_write(self) -> list[Line]:
        return self.added + [change.line for change in self.changed]

    @property
    def differing(self) -> list[Change]:
        return self.shared + self.changed

    def sentence(self) -> str:
        return f"{len(self.added)} added, {len(self.differing)} changed, {len(self.unchanged)} unchanged"


def read_lines(rows: Iterable[Row], readers: Mapping[str, Reader], facts: Sequence[Fact]) -> list[Line]:
    """The rows' values, each distinct line once. Raises ImportRefused with every problem there is.

    The first of `facts` names the columns that tell one line from another.
    """
    lines: list[Line] = []
    problems: list[Problem] = []
    for row in rows:
        values: dict[str, Any] = {}
        for column, cell in row.cells.items():
            try:
                values[column] = readers[column](cell)
            except ValueError as reason:
                problems.append(Problem(row.number, column, str(reason)))
        if len(values) == len(row.cells):
            lines.append(Line(row.number, values))
    problems += [problem for fact in facts for problem in find_contradictions(lines, fact)]
    if problems:
        raise ImportRefused(*sorted(problems))
    distinct: dict[Key, Line] = {}
    for line in lines:
        distinct.setdefault(key_of(line, facts[0].about), line)
    return list(distinct.values())


def find_contradictions(lines: Iterable[Line], fact: Fact) -> Iterator[Problem]:
    """Where a line says something else than the first about the same thing."""
    firsts: dict[Key, Line] = {}
    for line in lines:
        first = firsts.setdefault(key_of(line, fact.about), line)
        for column in fact.columns:
            if line.values.get(column) != first.values.get(column):
                here, there = shown(line.values[column]), shown(first.values[column])
                same = " and ".join(fact.about)
                yield Problem(line.row, column, f"{here} contradicts {there} in row {first.row} of the same {same}")


def key_of(line: Line, columns: Sequence[str]) -> Key:
    return tuple(line.values.get(column, "") for column in columns)


def shown(value: Any) -> str:
    if value in (None, ""):
        return "empty"
    return timezone.localtime(value).isoformat() if isinstance(value, datetime) else quoted(str(value))


def compare(
    lines: Iterable[Line], standing: Mapping[Key, Values], key: Sequence[str], shared: Sequence[Shared] = ()
) -> Plan:
    """What the lines would change of `standing`, whose values have the columns' names, and of what they share."""
    plan = Plan()
    told: set[tuple[Fact, Key]] = set()  # what is shared is told once
    for line in lines:
        before = standing.get(key_of(line, key))
        if before is None:
            plan.added.append(line)
            continue
        # A mapping that moves to another column changes that column, not the one it comes from.
        for fact, values in shared:
            about = key_of(line, fact.about)
            told.add((fact, about))
            before = {**before, **values.get(about, {})}
        if (change := Change(line, before)).differences:
            plan.changed.append(change)
        else:
            plan.unchanged.append(line)
    plan.shared.extend(find_shared(plan.added, shared, told))
    return plan


def find_shared(lines: Iterable[Line], shared: Sequence[Shared], told: set[tuple[Fact, Key]]) -> Iterator[Change]:
    """What lines that are added would change of flows, columns and the like that are there, each of these once."""
    for line in lines:
        before: dict[str, Any] = {}
        whose: dict[str, str] = {}
        for fact, values in shared:
            about = key_of(line, fact.about)
            if (fact, about) not in told and about in values:
                told.add((fact, about))
                before |= values[about]
                whose |= dict.fromkeys(values[about], " · ".join(map(str, about)))
        if (change := Change(line, before, whose)).differences:
            yield change


def chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """The distinct keys, sorted, in lists that fit into one query."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
