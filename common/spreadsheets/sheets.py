"""What every kind of file has in common, so that one page and one command can serve them all."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction

from common.spreadsheets import files
from common.spreadsheets.plans import Line, Plan


def no_notes(plan: Plan) -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One kind of file. The functions are the steps of an import, and `rows` the way back: what stands there now."""

    what: str  # in the plural: "column mappings"
    columns: Mapping[str, str]  # name -> what it means, in the order of an exported file
    required: Sequence[str]
    key: Sequence[str]  # the columns that tell one row from another
    models: Sequence[type[models.Model]]  # whose permissions it takes
    read: Callable[[str, bytes], list[Line]]  # name and content; raises ImportRefused
    lock: Callable[[Sequence[Line]], None]  # until the transaction ends: what the plan looks at
    plan: Callable[[Sequence[Line]], Plan]  # writes nothing; raises ImportRefused
    apply: Callable[[Plan, User | None], None]
    rows: Callable[[], Iterator[Sequence[Any]]]  # values in the order of `columns`
    notes: Callable[[Plan], list[str]] = no_notes  # what somebody should know before it is applied


class PlanChanged(Exception):
    """What the file would change is no longer what was shown. `plan` says what it would change now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("The data changed since the preview.")
        self.plan = plan


def import_lines(sheet: Sheet, lines: Sequence[Line], *, by: User | None, expected: str = "") -> Plan:
    """Plan and apply, all or nothing; returns what was done. Raises ImportRefused.

    With an `expected` fingerprint nothing but that very plan is applied; otherwise raises PlanChanged.
    """
    with transaction.atomic():
        sheet.lock(lines)
        plan = sheet.plan(lines)
        if expected and fingerprint(plan) != expected:
            raise PlanChanged(plan)
        sheet.apply(plan, by)
    return plan


def import_file(sheet: Sheet, path: Path, *, by: User | None = None) -> Plan:
    """Import a file, all or nothing; returns what was done. Raises ImportRefused."""
    return import_lines(sheet, sheet.read(path.name, files.load(path)), by=by)


def fingerprint(plan: Plan) -> str:
    """The same for two plans only if both do the same to the same rows."""
    found = hashlib.sha256()
    for line in plan.added:
        found.update(repr((line.row, dict(line.values))).encode())
    for change in plan.differing:
        found.update(repr((change.line.row, change.differences)).encode())
    found.update(repr([line.row for line in plan.unchanged]).encode())
    return found.hexdigest()
