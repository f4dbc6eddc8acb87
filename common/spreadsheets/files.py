"""A .csv or .xlsx file -> rows of cells by the names of its header. What a cell means is for `cells`."""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.spreadsheets.formats import Cell
from common.spreadsheets.workbooks import MAX_COLUMNS, NumberedCells, WorkbookRefused
from common.spreadsheets.workbooks import read_rows as workbook_rows

MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
MAX_EMPTY_ROWS = 50_000  # a sheet has a few that someone has emptied, or formatted and never filled
MAX_SEPARATORS = 20_000  # in a row of CSV, those inside of quotes too
LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
MAX_SHOWN = 50  # problems; whoever sees more of them repairs the first and tries again


class ImportRefused(Exception):
    """The file is not imported. `problems` says in a sentence each what has to be corrected."""

    def __init__(self, *problems: object) -> None:
        super().__init__(*problems)
        self.problems = [str(problem) for problem in problems]

    def __str__(self) -> str:
        more = len(self.problems) - MAX_SHOWN
        return "\n".join([*self.problems[:MAX_SHOWN], *([more_problems(more)] if more > 0 else [])])


def more_problems(count: int) -> str:
    return ngettext("And %(count)s more problem.", "And %(count)s more problems.", count) % {"count": intcomma(count)}


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the one a person sees in the file (the header is row 1); `cells` are those under a name."""

    number: int
    cells: Mapping[str, Cell]


def load(path: Path) -> bytes:
    """The file's content. Raises ImportRefused where there is none, or too much of it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImportRefused(
                _("%(path)s is larger than %(max)s MB.") % {"path": path, "max": MAX_BYTES // 1_000_000}
            )
        return path.read_bytes()
    except OSError as error:
        raise ImportRefused(
            _("%(path)s cannot be read: %(reason)s.") % {"path": path, "reason": error.strerror}
        ) from error


def read_rows(name: str, content: bytes, *, known: Collection[str], required: Collection[str]) -> list[Row]:
    """The rows below the header, at least one; rows without any value are left out.

    `name` is the file's, for its ending. The header names columns from `known`, each at most once, in any order and any
    case, and all of `required`. Raises ImportRefused.
    """
    match Path(name).suffix.lower():
        case ".csv":
            lines = with_values(csv_lines(content))
        case ".xlsx":
            lines = with_values(workbook_rows(content))
        case _:
            raise ImportRefused(_("%(file)s is neither a .csv nor an .xlsx file.") % {"file": Path(name).name})
    try:
        return rows_below_the_header(lines, known=known, required=required)
    except WorkbookRefused as error:
        raise ImportRefused(*error.args) from error


def with_values(lines: Iterable[NumberedCells]) -> Iterator[NumberedCells]:
    """The lines with a value in any cell. Raises ImportRefused at the first line that is too many of its kind."""
    found = empty = 0
    for number, cells in lines:
        if any(map(has_value, cells)):
            found += 1
            if found > MAX_ROWS + 1:
                raise ImportRefused(_("The file has more than %(max)s rows. Divide it.") % {"max": intcomma(MAX_ROWS)})
            yield number, cells
        else:
            empty += 1
            if empty > MAX_EMPTY_ROWS:
                raise ImportRefused(
                    _("The file has more than %(max)s empty rows. Delete them.") % {"max": intcomma(MAX_EMPTY_ROWS)}
                )


def rows_below_the_header(
    lines: Iterator[NumberedCells], *, known: Collection[str], required: Collection[str]
) -> list[Row]:
    """Of each line no more is kept than the cells under a name."""
    header = next(lines, None)
    if header is None:
        raise ImportRefused(_("The file is empty. Its first row must name the columns."))
    columns = read_header(header[1], known=known, required=required)
    rows: list[Row] = []
    strays: list[str] = []
    for number, cells in lines:
        if stray := find_stray(number, cells, columns):
            strays.append(stray)
        named = {name: cells[place] if place < len(cells) else None for place, name in columns.items()}
        rows.append(Row(number, named))
    if strays:
        raise ImportRefused(*strays)
    if not rows:
        raise ImportRefused(_("The file has no rows below its header."))
    return rows


def has_value(cell: Cell) -> bool:
    return cell is not None and not (isinstance(cell, str) and not cell.strip())


def read_header(cells: Sequence[Cell], *, known: Collection[str], required: Collection[str]) -> dict[int, str]:
    """The columns' names by their place, 0 the first. Raises ImportRefused."""
    columns = {place: str(cell).strip().lower() for place, cell in enumerate(cells) if has_value(cell)}
    names = list(columns.values())
    problems = [
        _("Row 1: Column %(column)s appears twice.") % {"column": name}
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    problems += [_("Row 1: Column %(column)s is missing.") % {"column": name} for name in required if name not in names]
    if unknown := [quoted(name) for name in names if name not in known]:
        values = {"names": ", ".join(unknown), "known": ", ".join(known), "count": len(unknown)}
        problems.append(
            ngettext(
                "Row 1: The column %(names)s is unknown. The columns are %(known)s.",
                "Row 1: The columns %(names)s are unknown. The columns are %(known)s.",
                len(unknown),
            )
            % values
        )
    if problems:
        raise ImportRefused(*problems)
    return columns


def find_stray(number: int, cells: Sequence[Cell], columns: Mapping[int, str]) -> str | None:
    """A value without a heading is usually a separator that is not in quotes: the cells after it are all shifted."""
    for place, cell in enumerate(cells):
        if place not in columns and has_value(cell):
            values = {"row": number, "value": quoted(str(cell)), "cell": place + 1}
            return _("Row %(row)s: %(value)s in cell %(cell)s has no column heading.") % values
    return None


def quoted(text: str) -> str:
    """`text` in quotes, fit to be shown in one line."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:40])
    return f"'{shown}{'…' if len(text) > 40 else ''}'"


def csv_lines(content: bytes) -> Iterator[NumberedCells]:
    """Comma, semicolon or tab: the one that is most frequent in the header."""
    text = decode(content)
    named = re.match(r"sep=([,;\t])(?:\r\n|\r|\n)", text)  # a line for Excel alone; it keeps its number
    header = re.split(r"[\r\n]", text[named.end() if named else 0 :].lstrip(), maxsplit=1)[0]
    delimiter = named[1] if named else max(",;\t", key=header.count)
    separators = 0

    def counted() -> Iterator[str]:
        """The text's lines. A row that would take too much memory is refused before it is taken apart."""
        nonlocal separators
        for line in LINE.finditer(text):
            separators += text.count(delimiter, *line.span())
            if separators > MAX_SEPARATORS:
                raise ImportRefused(
                    _("Row %(row)s has more than %(max)s separators. Delete them.")
                    % {"row": number + 1, "max": intcomma(MAX_SEPARATORS)}
                )
            yield line[0]

    # Strict: a quote that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(counted(), delimiter=delimiter, strict=True, skipinitialspace=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            separators = 0
            if any(map(has_value, cells[MAX_COLUMNS:])):
                raise ImportRefused(
                    _("Row %(row)s has a value beyond the %(max)s columns that are read.")
                    % {"row": number, "max": MAX_COLUMNS}
                )
            if not (named and number == 1):
                yield number, cells[:MAX_COLUMNS]
    except csv.Error as error:
        raise ImportRefused(
            _("Row %(row)s cannot be read: %(reason)s.") % {"row": number + 1, "reason": error}
        ) from error


def decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ImportRefused(_("The file is UTF-16 text. Save it as CSV UTF-8."))
    if content.startswith(b"PK\x03\x04"):
        raise ImportRefused(_("The file is not CSV text but looks like a workbook. Name it .xlsx."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = content.decode("utf-8", "ignore").removeprefix("\ufeff")
        if content.startswith(BOM_UTF8) or not readable.isascii():  # by chance nothing else decodes
            row = len(re.findall(rb"\r\n|\r|\n", error.object[: error.start])) + 1
            raise ImportRefused(
                _("Row %(row)s contains a byte that is not UTF-8, unlike the rest. Save the file as CSV UTF-8.")
                % {"row": row}
            ) from error
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise ImportRefused(_("The file is neither UTF-8 nor Windows-1252 text. Save it as CSV UTF-8.")) from error
