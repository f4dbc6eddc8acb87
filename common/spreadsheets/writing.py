"""Rows -> a .csv or .xlsx file that the import reads back as the same rows.

What a spreadsheet would take for something other than a text gets an apostrophe in front: see `apostrophes`.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, NamedTuple

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from common.numbers import plain_number
from common.spreadsheets import apostrophes

LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel would show _x0041_ as A


def text_of(value: Any) -> str:
    """A value as the import reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return timezone.localtime(value).isoformat()
        case float() | Decimal():
            return plain_number(value)
        case _:
            return str(value)


def cells_of(row: Iterable[Any]) -> list[str]:
    return [apostrophes.add(text_of(value)) for value in row]


def to_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    content = io.BytesIO()
    write_csv(content, columns, rows)
    return content.getvalue()


def write_csv(file: IO[bytes], columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """With a byte order mark, or Excel takes UTF-8 for something else."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(map(cells_of, rows))
    text.flush()
    text.detach()  # or the file would be closed with it


def to_xlsx(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    content = io.BytesIO()
    write_workbook(content, [Table(None, columns, rows)])
    return content.getvalue()


class Table(NamedTuple):
    """A sheet of a workbook: its title, the names of its columns, its rows."""

    title: str | None
    columns: Sequence[str]
    rows: Iterable[Iterable[Any]]


def write_workbook(file: IO[bytes], tables: Iterable[Table]) -> None:
    """Every cell is text, so that no digit and no leading zero is lost when someone edits it."""
    workbook = Workbook(write_only=True)
    for table in tables:
        sheet = workbook.create_sheet(table.title)
        sheet.append(list(table.columns))
        for row in table.rows:
            sheet.append([text_cell(sheet, text) for text in cells_of(row)])
    workbook.save(file)


def text_cell(sheet: Any, text: str) -> Any:
    if not text:
        return None
    escaped = LOOKS_ESCAPED.sub("_x005F_", ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text))
    cell = WriteOnlyCell(sheet, escaped)
    cell.number_format = "@"
    return cell
