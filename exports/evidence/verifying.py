"""A file -> whether it is evidence as GradeBridge made it, what differs, and what has changed since."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from common.moments import moment
from common.sentences import shortlist
from common.spreadsheets import apostrophes
from common.spreadsheets.files import ImportRefused, csv_lines, load
from common.spreadsheets.formats import Cell
from common.spreadsheets.workbooks import WorkbookRefused, read_sheets
from exports.evidence.collecting import collect
from exports.evidence.columns import Cells, Part, names_of, plain, read_back
from exports.evidence.contents import Contents, Fingerprint, split
from exports.evidence.pdf import MARK
from exports.evidence.tables import HEAD, ITEM, PART, TEXT
from exports.models import Evidence

MAX_NAMED = 3  # rows in one sentence
IN_A_PDF = re.compile(rb"%b ([0-9a-f]{16})" % MARK.encode())


class NotVerified(Exception):
    """The file is not evidence as it was made. The argument says why, in sentences."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`changed`: how many rows are no longer as GradeBridge knows them."""

    evidence: Evidence
    changed: int

    def sentences(self) -> list[str]:
        if not self.changed:
            return [made(self.evidence), gettext("All it shows is still what GradeBridge knows.")]
        text = ngettext(
            "Since then %(count)s row has changed: make new evidence to see how.",
            "Since then %(count)s rows have changed: make new evidence to see how.",
            self.changed,
        )
        return [made(self.evidence), text % {"count": intcomma(self.changed)}]


class Found(NamedTuple):
    """A row of a file: where a person sees it, and its cells."""

    where: str
    part: Part
    cells: Cells


@dataclass(slots=True)
class Rows:
    """What a file holds, as far as it can be read."""

    reference: str
    found: Sequence[Found] | None  # None: of a PDF, or not readable


def verify(path: Path) -> Verified:
    """Raises NotVerified."""
    try:
        content = load(path)
    except ImportRefused as refused:
        raise NotVerified(str(refused)) from refused
    evidence = Evidence.objects.select_related("flow", "made_by").filter(sha256=hashlib.sha256(content).hexdigest())
    if is_known := evidence.first():
        return Verified(is_known, count_changed(is_known))
    rows = rows_of(content)
    known = Evidence.objects.select_related("flow", "made_by").filter(reference=rows.reference).first()
    if known is None:
        raise NotVerified(unknown(rows.reference))
    raise NotVerified(" ".join([made(known), *differences(known, rows.found)]))


def unknown(reference: str) -> str:
    if reference:
        text = gettext("The register does not know evidence %(reference)s: another GradeBridge made it, or no one did.")
        return text % {"reference": reference}
    return gettext("This is no evidence of this GradeBridge, or it was changed so that it cannot be recognised.")


def made(evidence: Evidence) -> str:
    text = gettext("Evidence %(reference)s of flow %(flow)s, made on %(when)s (%(zone)s) by %(who)s as %(format)s.")
    return text % {
        "reference": evidence.reference,
        "flow": evidence.flow,
        "when": moment(evidence.made_at),
        "zone": timezone.get_current_timezone_name(),
        "who": evidence.made_by.get_username(),
        "format": evidence.get_format_display(),
    }


def count_changed(evidence: Evidence) -> int:
    """How many of its rows are not what GradeBridge knows now, or how many it knows that are not among them."""
    with Contents(evidence.layout) as contents:
        collect(evidence.flow, contents)
        now = Counter(contents.fingerprint.digests)
    then = Counter(split(bytes(evidence.row_digests)))
    return max((then - now).total(), (now - then).total())


def differences(evidence: Evidence, found: Sequence[Found] | None) -> Iterator[str]:
    """What is not as it was made, as far as it can be said."""
    yield gettext("This file is not as it was made.")
    if found is None:
        return
    left = Counter(split(bytes(evidence.row_digests)))
    fingerprint = Fingerprint(evidence.layout)
    changed = []
    for row in found:
        digest = fingerprint.add(row.part, row.cells)
        if left[digest]:
            left[digest] -= 1
        else:
            changed.append(row.where)
    lacking = evidence.rows - len(found)
    if changed:
        text = ngettext("This row differs: %(rows)s.", "These rows differ: %(rows)s.", len(changed))
        yield text % {"rows": shortlist(changed, most=MAX_NAMED)}
    if lacking > 0:
        text = ngettext("%(count)s row is missing.", "%(count)s rows are missing.", lacking)
        yield text % {"count": intcomma(lacking)}
    if changed or lacking > 0:
        return
    if fingerprint.checksum == evidence.checksum:
        yield gettext("All its rows are as they were made: it was saved again, or its head was changed.")
    else:
        yield gettext(
            "Its grades are as they were made, but a name, attempt, explanation or proof beside them differs."
        )


def rows_of(content: bytes) -> Rows:
    if content.startswith(b"%PDF"):
        reference = IN_A_PDF.search(content)
        return Rows(reference[1].decode() if reference else "", None)
    rows = Rows("", [])
    try:
        read = workbook_rows if content.startswith(b"PK") else csv_rows
        rows.found = [row for row in read(content, rows) if row]
    except (ImportRefused, WorkbookRefused):
        rows.found = None
    return rows


def csv_rows(content: bytes, rows: Rows) -> Iterator[Found | None]:
    """Every row of a part; of the head only the reference is read."""
    names: list[str] = []
    for number, cells in csv_lines(content):
        if not names:
            names = [text_of(cell).lower() for cell in cells]
            if PART not in names:
                return
            continue
        named = dict(zip(names, map(text_of, cells), strict=False))
        where = gettext("row %(number)s") % {"number": intcomma(number)}
        yield row_of(named.get(PART, ""), named, where, rows)


def workbook_rows(content: bytes, rows: Rows) -> Iterator[Found | None]:
    names: dict[str, list[str]] = {}
    for title, (number, cells) in read_sheets(content):
        if title not in names:
            names[title] = [text_of(cell).lower() for cell in cells]
            continue
        named = dict(zip(names[title], map(text_of, cells), strict=False))
        where = gettext("row %(number)s of sheet %(sheet)s") % {"number": intcomma(number), "sheet": title}
        yield row_of(title, named, where, rows)


def row_of(part: str, named: dict[str, str], where: str, rows: Rows) -> Found | None:
    if part == HEAD and named.get(ITEM) == "reference":
        rows.reference = named.get(TEXT, "")
    if part not in set(Part) or not any(value for name, value in named.items() if name != PART):
        return None
    cells = tuple(named.get(name, "") for name in names_of(Part(part)))
    return Found(where, Part(part), read_back(Part(part), cells))


def text_of(cell: Cell) -> str:
    """As it was before it was written; what a spreadsheet has made a number or date of is not that any more."""
    return plain(apostrophes.take_off(cell) if isinstance(cell, str) else "" if cell is None else str(cell))
