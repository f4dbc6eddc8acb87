"""Files as people make them."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook


def csv_file(*rows: Sequence[object], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_file(*rows: Iterable[Any], formats: dict[str, str] | None = None) -> bytes:
    """`formats` gives cells a number format: {"A2": "00000"}."""
    workbook = Workbook()
    sheet = workbook.active
    for row in rows:
        sheet.append(list(row))
    for cell, number_format in (formats or {}).items():
        sheet[cell].number_format = number_format
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()
