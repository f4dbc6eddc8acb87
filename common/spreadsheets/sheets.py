"""A kind of file: the table of its columns, and the steps of an import, so that one page and one command serve all."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from common.spreadsheets import files
from common.spreadsheets.cells import Reader
from common.spreadsheets.files import ImportRefused
from common.spreadsheets.formats import Cell
from common.spreadsheets.plans import ConsistencyRule, Key, Line, Plan, Problem, Values, chunks, compare, key_of
from common.spreadsheets.plans import read_lines as read_lines_of
from common.spreadsheets.storing import store


@dataclass(frozen=True, slots=True)
class Column:
    """`path` leads from the sheet's first model to the value. Empty: the column has the name of the model's field."""

    name: str
    reader: Reader
    meaning: Any  # a lazily translated text
    required: bool = False  # in the header, and in each row
    path: Any = ""  # a lookup or an expression, as `values_list` takes it

    def read_required(self, cell: Cell) -> Any:
        value = self.reader(cell)
        if value in (None, ""):
            raise ValueError(_("This is empty."))
        return value


class Sheet:
    """One kind of file: its columns in the order of an exported file, and the steps of an import.

    The steps here are those of a file that has a line for each row of the first of `models`, and whose columns are
    called as the model's fields. A kind of file overrides what is different.
    """

    what: ClassVar[Any]  # in the plural and lazily translated: "column mappings"
    columns: ClassVar[Sequence[Column]]
    rules: ClassVar[Sequence[ConsistencyRule]]  # the first names the columns that tell one line from another
    models: ClassVar[Sequence[type[Model]]]  # whose permissions it takes
    replacing: ClassVar[Any] = ""  # what it means to replace all that is there; empty: a file only adds and changes
    replaces = False  # whether what is not in the file is taken off

    @cached_property
    def readers(self) -> Mapping[str, Reader]:
        return {column.name: column.read_required if column.required else column.reader for column in self.columns}

    @cached_property
    def names(self) -> list[str]:
        return list(self.readers)

    @cached_property
    def required(self) -> list[str]:
        return [column.name for column in self.columns if column.required]

    @property
    def key(self) -> Sequence[str]:
        return self.rules[0].about

    @cached_property
    def paths(self) -> list[Any]:
        return [column.path or column.name for column in self.columns]

    def read(self, name: str, content: bytes) -> list[Line]:
        """What the file says. Raises ImportRefused with every problem in it."""
        rows = files.read_rows(name, content, known=self.names, required=self.required)
        lines = read_lines_of(rows, self.readers, self.rules)
        refuse(self.find_problems(lines))
        return lines

    def find_problems(self, lines: Sequence[Line]) -> Iterable[Problem]:
        """What is wrong with lines of which every cell is right."""
        return ()

    def lock(self, lines: Sequence[Line]) -> None:
        """What the plan looks at, until the transaction ends."""
        for rows in self.rows_of(lines):
            list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk"))

    def rows_of(self, lines: Iterable[Line]) -> Iterator[QuerySet[Any]]:
        """The rows that are like one of the lines in the first column of the key."""
        first = self.key[0]
        path = self.paths[self.names.index(first)]
        for some in chunks(line.values[first] for line in lines):
            yield self.models[0]._default_manager.filter(**{f"{path}__in": some}).order_by()

    def plan(self, lines: Sequence[Line]) -> Plan:
        """What the lines would change. Writes nothing. Raises ImportRefused with everything that must not be."""
        found = compare(lines, self.existing(lines), self.key)
        refuse(self.find_refusals(lines, found))
        return found

    def existing(self, lines: Sequence[Line]) -> dict[Key, Values]:
        """The rows that the lines are about, as values of the columns, by the key."""
        keys = {key_of(line, self.key) for line in lines}
        found: dict[Key, Values] = {}
        for rows in self.rows_of(lines):
            for row in rows.values_list(*self.paths):
                values = dict(zip(self.names, row, strict=True))
                if (key := tuple(values[name] for name in self.key)) in keys:
                    found[key] = values
        return found

    def find_refusals(self, lines: Sequence[Line], plan: Plan) -> Iterable[Problem]:
        """Why the plan must not be applied."""
        return ()

    def apply(self, plan: Plan, *, by: User | None = None) -> None:
        """Write what the plan adds and changes, with history. Call it in the transaction that has made the plan."""
        rows = {
            key_of(line, self.key): {name: value for name, value in line.values.items() if name not in self.key}
            for line in plan.to_write
        }
        store(self.models[0], rows, key=self.key, by=by)

    def rows(self) -> Iterator[Sequence[Any]]:
        """What is there now: values in the order of the columns."""
        return iter(self.models[0]._default_manager.values_list(*self.paths))

    def notes(self, plan: Plan) -> list[str]:
        """What someone should know before the plan is applied."""
        return []


def refuse(problems: Iterable[Problem]) -> None:
    """Raises ImportRefused where there is a problem."""
    if found := sorted(problems):
        raise ImportRefused(*found)


class PlanChanged(Exception):
    """What the file would change is no longer what was shown. `plan` says what it would change now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("The data changed since the preview.")
        self.plan = plan


Warn = Callable[[str], object]


def import_lines(
    sheet: Sheet, lines: Sequence[Line], *, by: User | None, expected: str = "", warn: Warn | None = None
) -> Plan:
    """Plan and apply, all or nothing; returns what was done. Raises ImportRefused.

    With an `expected` fingerprint nothing but that very plan is applied; otherwise raises PlanChanged.
    """
    with transaction.atomic():
        sheet.lock(lines)
        plan = sheet.plan(lines)
        if expected and fingerprint(plan) != expected:
            raise PlanChanged(plan)
        notes = sheet.notes(plan) if warn else []
        sheet.apply(plan, by=by)
    for note in notes:
        assert warn
        warn(note)
    return plan


def import_file(sheet: Sheet, path: Path, *, by: User | None = None, warn: Warn | None = None) -> Plan:
    """Import a file, all or nothing; returns what was done. Raises ImportRefused.

    `warn` is called with each thing that someone should know of what was done.
    """
    return import_lines(sheet, sheet.read(path.name, files.load(path)), by=by, warn=warn)


def fingerprint(plan: Plan) -> str:
    """The same for two plans only if both do the same to the same rows."""
    found = hashlib.sha256()
    for line in plan.added:
        found.update(repr((line.row, dict(line.values))).encode())
    for change in plan.differing:
        found.update(repr((change.line.row, change.differences)).encode())
    found.update(repr([line.row for line in plan.unchanged]).encode())
    for removal in plan.taken_off:
        found.update(repr((dict(removal.values), removal.effect.value)).encode())
    return found.hexdigest()
