"""Lines that agree with one another, and what they would change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _

from common.spreadsheets.cells import Reader
from common.spreadsheets.files import ImportRefused, Row, quoted

CHUNK = 5_000  # keys in one query

Values = Mapping[str, Any]
Key = tuple[Any, ...]


class Problem(NamedTuple):
    """What is wrong with one cell, in a whole sentence."""

    row: int
    column: str
    sentence: str

    def __str__(self) -> str:
        return _("Row %(row)s, %(column)s: %(sentence)s") % self._asdict()


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that the file says. `values` holds the columns that the file has, and no others."""

    row: int
    values: Values


@dataclass(frozen=True, slots=True)
class ConsistencyRule:
    """Lines that are alike in `about` must be alike in `columns`."""

    about: Sequence[str]
    columns: Sequence[str]


ExistingValues = tuple[ConsistencyRule, Mapping[Key, Values]]  # what is now in a rule's columns, by what it is about


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


@dataclass(frozen=True, slots=True)
class Removal:
    """What is there now, and not in a file that replaces all of it. `effect`: what becomes of it."""

    values: Values
    effect: TextChoices
    name: str = ""  # as people call it


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an import would do. `shared`: what lines that are added change of things that are there already."""

    added: list[Line] = field(default_factory=list)
    shared: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: list[Line] = field(default_factory=list)
    taken_off: list[Removal] = field(default_factory=list)

    @property
    def to_write(self) -> list[Line]:
        return self.added + [change.line for change in self.changed]

    @property
    def differing(self) -> list[Change]:
        return self.shared + self.changed

    def sentence(self) -> str:
        if self.taken_off:
            template = _("%(added)s added, %(changed)s changed, %(taken_off)s taken off, %(unchanged)s unchanged")
        else:
            template = _("%(added)s added, %(changed)s changed, %(unchanged)s unchanged")
        return template % self.counts

    @property
    def counts(self) -> dict[str, str]:
        return {
            "added": intcomma(len(self.added)),
            "changed": intcomma(len(self.differing)),
            "unchanged": intcomma(len(self.unchanged)),
            "taken_off": intcomma(len(self.taken_off)),
        }


def read_lines(rows: Iterable[Row], readers: Mapping[str, Reader], rules: Sequence[ConsistencyRule]) -> list[Line]:
    """The rows' values, each distinct line once. Raises ImportRefused with every problem there is.

    The first of `rules` names the columns that tell one line from another.
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
    problems += [problem for rule in rules for problem in find_contradictions(lines, rule)]
    if problems:
        raise ImportRefused(*sorted(problems))
    distinct: dict[Key, Line] = {}
    for line in lines:
        distinct.setdefault(key_of(line, rules[0].about), line)
    return list(distinct.values())


def find_contradictions(lines: Iterable[Line], rule: ConsistencyRule) -> Iterator[Problem]:
    """Where a line says something else than the first about the same thing."""
    firsts: dict[Key, Line] = {}
    for line in lines:
        first = firsts.setdefault(key_of(line, rule.about), line)
        for column in rule.columns:
            if line.values.get(column) != first.values.get(column):
                yield Problem(line.row, column, contradiction(line, first, column, rule.about))


def contradiction(line: Line, first: Line, column: str, about: Sequence[str]) -> str:
    values = {
        "value": shown(line.values[column]),
        "other": shown(first.values[column]),
        "row": first.row,
        "same": ", ".join(about),
    }
    return _("%(value)s contradicts %(other)s in row %(row)s, which has the same %(same)s.") % values


def key_of(line: Line, columns: Sequence[str]) -> Key:
    return tuple(line.values.get(column, "") for column in columns)


def shown(value: Any) -> str:
    if value in (None, ""):
        return _("(empty)")
    return timezone.localtime(value).isoformat() if isinstance(value, datetime) else quoted(str(value))


def compare(
    lines: Iterable[Line], existing: Mapping[Key, Values], key: Sequence[str], shared: Sequence[ExistingValues] = ()
) -> Plan:
    """What the lines would change of `existing`, whose values have the columns' names, and of what they share."""
    plan = Plan()
    seen: set[tuple[ConsistencyRule, Key]] = set()  # a change of what is shared is listed once
    for line in lines:
        before = existing.get(key_of(line, key))
        if before is None:
            plan.added.append(line)
            continue
        # A mapping that moves to another column changes that column, not the one it comes from.
        for rule, values in shared:
            about = key_of(line, rule.about)
            seen.add((rule, about))
            before = {**before, **values.get(about, {})}
        if (change := Change(line, before)).differences:
            plan.changed.append(change)
        else:
            plan.unchanged.append(line)
    plan.shared.extend(find_shared(plan.added, shared, seen))
    return plan


def find_shared(
    lines: Iterable[Line], shared: Sequence[ExistingValues], seen: set[tuple[ConsistencyRule, Key]]
) -> Iterator[Change]:
    """What lines that are added would change of flows, columns and the like that are there, each of these once."""
    for line in lines:
        before: dict[str, Any] = {}
        whose: dict[str, str] = {}
        for rule, values in shared:
            about = key_of(line, rule.about)
            if (rule, about) not in seen and about in values:
                seen.add((rule, about))
                before |= values[about]
                whose |= dict.fromkeys(values[about], " · ".join(map(str, about)))
        if (change := Change(line, before, whose)).differences:
            yield change


def chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """The distinct keys, sorted, in lists that fit into one query."""
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
