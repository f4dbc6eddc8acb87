"""A .csv or .xlsx file -> rows of cells by the names of its header. What a cell means is for `cells`."""

import csv
import io
import lzma
import re
import warnings
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

Cell = str | int | float | bool | datetime | date | time | timedelta | None
NumberedCells = tuple[int, Sequence[Cell]]

MOST_BYTES = 50_000_000
MOST_BYTES_UNPACKED = 80_000_000  # a small workbook can hold gigabytes of zeros; a roster of MOST_ROWS takes 65 MB
MOST_ROWS = 200_000
MOST_EMPTY_ROWS = 50_000  # a sheet has a few that somebody has emptied, or formatted and never filled
MOST_COLUMNS = 50
MOST_TAGS = 8_000_000  # in all of a workbook's files; a roster of MOST_ROWS has 5 million
MOST_READ = 1_000_000  # bytes at once
MOST_SHOWN = 50  # problems; whoever sees more of them repairs the first and tries again


class ImportRefused(Exception):
    """The file is not imported. `problems` says in a sentence each what has to be repaired."""

    def __init__(self, *problems: object) -> None:
        super().__init__(*problems)
        self.problems = [str(problem) for problem in problems]

    def __str__(self) -> str:
        more = len(self.problems) - MOST_SHOWN
        return "\n".join([*self.problems[:MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])])


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the one a person sees in the file (the header is row 1); `cells` are those under a name."""

    number: int
    cells: Mapping[str, Cell]


def load(path: Path) -> bytes:
    """The file's content. Raises ImportRefused where there is none, or too much of it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ImportRefused(f"{path} is larger than {MOST_BYTES // 1_000_000} MB.")
        return path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error


def read_rows(name: str, content: bytes, *, known: Collection[str], required: Collection[str]) -> list[Row]:
    """The rows below the header, at least one; rows without any value are left out.

    `name` is the file's, for its ending. The header names columns from `known`, each at most once, in any order and any
    case, and all of `required`. Raises ImportRefused.
    """
    match Path(name).suffix.lower():
        case ".csv":
            lines = with_values(csv_lines(content))
        case ".xlsx":
            lines = xlsx_lines(content)
        case _:
            raise ImportRefused(f"{Path(name).name} is neither a .csv nor an .xlsx file.")
    if not lines:
        raise ImportRefused("The file is empty; its first row must name the columns.")
    columns = read_header(lines[0][1], known=known, required=required)
    if len(lines) == 1:
        raise ImportRefused("The file has no rows below its header.")
    if problems := list(find_strays(lines[1:], columns)):
        raise ImportRefused(*problems)
    return [
        Row(number, {name: cells[place] if place < len(cells) else None for place, name in columns.items()})
        for number, cells in lines[1:]
    ]


def with_values(lines: Iterable[NumberedCells]) -> list[NumberedCells]:
    """The lines with a value in any cell. Raises ImportRefused at the first line that is too many of its kind."""
    found: list[NumberedCells] = []
    empty = 0
    for number, cells in lines:
        if any(map(has_value, cells)):
            found.append((number, cells))
            if len(found) > MOST_ROWS + 1:
                raise ImportRefused(f"The file has more than {MOST_ROWS:,} rows; divide it.")
        else:
            empty += 1
            if empty > MOST_EMPTY_ROWS:
                raise ImportRefused(f"The file has more than {MOST_EMPTY_ROWS:,} empty rows; delete them.")
    return found


def has_value(cell: Cell) -> bool:
    return cell is not None and not (isinstance(cell, str) and not cell.strip())


def read_header(cells: Sequence[Cell], *, known: Collection[str], required: Collection[str]) -> dict[int, str]:
    """The columns' names by their place, 0 the first. Raises ImportRefused."""
    columns = {place: str(cell).strip().lower() for place, cell in enumerate(cells) if has_value(cell)}
    names = list(columns.values())
    problems = [f"row 1: column {name} stands there twice" for name in sorted(set(names)) if names.count(name) > 1]
    problems += [f"row 1: column {name} is missing" for name in required if name not in names]
    if unknown := [quoted(name) for name in names if name not in known]:
        problems.append(f"row 1: unknown column {', '.join(unknown)}; known are {', '.join(known)}")
    if problems:
        raise ImportRefused(*problems)
    return columns


def find_strays(lines: Iterable[NumberedCells], columns: Mapping[int, str]) -> Iterator[str]:
    """A value under no name is most often a separator that is not in quotes: the cells after it are all shifted."""
    for number, cells in lines:
        for place, cell in enumerate(cells):
            if place not in columns and has_value(cell):
                yield f"row {number}: {quoted(str(cell))} in cell {place + 1} stands under no column name"
                break


def quoted(text: str) -> str:
    """`text` in quotes, fit to be shown in one line."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:40])
    return f"'{shown}{'…' if len(text) > 40 else ''}'"


def csv_lines(content: bytes) -> Iterator[NumberedCells]:
    """Comma, semicolon or tab: whichever the header has most of."""
    text = decode(content)
    named = re.match(r"sep=([,;\t])(?:\r\n|\r|\n)", text)  # a line for Excel alone; it keeps its number
    header = re.split(r"[\r\n]", text[named.end() if named else 0 :].lstrip(), maxsplit=1)[0]
    delimiter = named[1] if named else max(",;\t", key=header.count)
    # Strict: a quote that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not (named and number == 1):
                yield number, cells
    except csv.Error as error:
        raise ImportRefused(f"row {number + 1} cannot be read: {error}") from error


def decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ImportRefused("The file is UTF-16 text; save it as CSV UTF-8.")
    if content.startswith(b"PK\x03\x04"):
        raise ImportRefused("The file is no CSV text but looks like a workbook; name it .xlsx.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = content.decode("utf-8", "ignore").removeprefix("\ufeff")
        if content.startswith(BOM_UTF8) or not readable.isascii():  # by chance nothing else decodes
            row = len(re.findall(rb"\r\n|\r|\n", error.object[: error.start])) + 1
            raise ImportRefused(
                f"row {row} holds a byte that is not UTF-8, unlike the rest; save it as CSV UTF-8."
            ) from error
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise ImportRefused("The file is neither UTF-8 nor Windows-1252 text; save it as CSV UTF-8.") from error


# What openpyxl, zipfile and the XML parser raise for a workbook that is broken in one way or another.
BROKEN = (
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    ParseError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
)


def xlsx_lines(content: bytes) -> list[NumberedCells]:
    """The rows with values of the first sheet; of a formula, the value that was last calculated."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportRefused("The workbook has a password or the old .xls format; save it as .xlsx without a password.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES_UNPACKED:
                raise ImportRefused(f"The workbook unpacks to more than {MOST_BYTES_UNPACKED // 1_000_000} MB.")
            if any(member.flag_bits & 1 for member in archive.infolist()):
                raise ImportRefused("The workbook has a password; save it without one.")
            refuse_masses(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # styles and extensions that openpyxl leaves aside
            workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            return with_values(sheet_rows(workbook.worksheets[0]))
    except BROKEN as error:
        raise ImportRefused("The file cannot be read as an .xlsx workbook; save it once more as .xlsx.") from error


def refuse_masses(archive: zipfile.ZipFile) -> None:
    """Raises ImportRefused for more rows or tags than a workbook of that size needs.

    openpyxl keeps each of them in memory, those of the other sheets as well, before it hands out the first row.
    """
    tags = 0
    for member in archive.infolist():
        rows = 0
        with archive.open(member) as content:
            while part := content.read(MOST_READ):
                rows += part.count(b"<row")
                tags += part.count(b"<")
                if rows > MOST_ROWS + MOST_EMPTY_ROWS:
                    most = f"{MOST_ROWS + MOST_EMPTY_ROWS:,}"
                    raise ImportRefused(
                        f"A sheet has more than {most} rows, empty ones included; delete or divide them."
                    )
                if tags > MOST_TAGS:
                    raise ImportRefused("The workbook has too many cells; divide it.")


class Parser(WorkSheetParser):
    """openpyxl's, which takes a formula that nobody has calculated for an empty cell."""

    def parse_cell(self, element: Any) -> Any:
        cell = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            is_empty_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            if not is_empty_text:
                place = f"{get_column_letter(cell['column'])}{cell['row']}"
                raise ImportRefused(
                    f"row {cell['row']}: cell {place} holds a formula without a value; paste its values"
                )
        return cell


def sheet_rows(sheet: Any) -> Iterator[NumberedCells]:
    """The rows that the sheet's file has, one by one and by their own numbers.

    openpyxl's own `iter_rows` makes up a row for every number that is left out, a million of them for a single row
    with a large number; hence its parser is used here.
    """
    book = sheet.parent
    with sheet._get_source() as source:
        parser = Parser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for number, cells in parser.parse():
            row: list[Cell] = []
            for cell in cells:
                if (place := cell["column"] - 1) < MOST_COLUMNS:
                    row += [None] * (place + 1 - len(row))
                    row[place] = value_of(ReadOnlyCell(sheet, **cell))
            yield number, row


def value_of(cell: Any) -> Cell:
    """A cell's value, as far as its format decides what a person sees: a date without a time, a number as 00123."""
    value: Cell = cell.value
    if isinstance(value, datetime) and value.time() == time.min and "h" not in cell.number_format.lower():
        return value.date()
    if isinstance(value, int) and re.fullmatch("00+", cell.number_format):
        return str(value).zfill(len(cell.number_format))
    return value
