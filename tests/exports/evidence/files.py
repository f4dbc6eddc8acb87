"""Files of evidence, made and changed."""

import csv
import io
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from exports.evidence.making import make
from exports.models import Evidence, Flow

FORMATS = list(Evidence.Format)


def made(flow: Flow, file_format: str, by: Any) -> bytes:
    _evidence, file = make(flow, Evidence.Format(file_format), by=by)
    with file:
        return file.read()


def saved(folder: Path, content: bytes, name: str = "evidence.any") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def csv_rows_of(content: bytes, part: str) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    return [{name: text for name, text in row.items() if text} for row in rows if row["part"] == part]


def pdf_text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
