"""Rows -> a .csv or .xlsx file that the import reads back as the same rows.

A text that a spreadsheet would take for a formula gets an apostrophe in front; `cells.text_of` takes it off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from common.spreadsheets.cells import FORMULA

PLAIN_NUMBER = re.compile(r"-[0-9]+([.,][0-9]+)?")


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
            return plain(value)
        case _:
            return str(value)


def plain(number: float | Decimal) -> str:
    """100 for 100.0, every digit of 0.0001, never 1E-4."""
    digits = f"{Decimal(str(number)):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def neutralised(text: str) -> str:
    """A plain number such as -3 is no formula."""
    if PLAIN_NUMBER.fullmatch(text):
        return text
    return f"'{text}" if FORMULA.match(text) else text


def cells_of(row: Iterable[Any]) -> list[str]:
    return [neutralised(text_of(value)) for value in row]


def to_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """With a byte order mark, or Excel takes UTF-8 for something else."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(map(cells_of, rows))
    return text.getvalue().encode("utf-8-sig", "replace")


def to_xlsx(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """Every cell is text, so that no digit and no leading zero is lost when somebody edits it."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(list(columns))
    for row in rows:
        sheet.append([text_cell(sheet, text) for text in cells_of(row)])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def text_cell(sheet: Any, text: str) -> Any:
    if not text:
        return None
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text))
    cell.number_format = "@"
    return cell
