"""Workbooks whose XML is written by hand, and how they are read."""

import io
import zipfile

import pytest

from common.spreadsheets.files import ImportRefused, read_rows
from tests.exports.importing.files import xlsx_file

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
RELATION = '<Relationship Type="http://x/relationships/sharedStrings" Target="sharedStrings.xml" Id="strings"/>'


def read(content, name="a.xlsx"):
    return read_rows(name, content, known=["id", "title"], required=["id"])


def cells_of(content):
    """Those of the rows, without their names."""
    return [tuple(row.cells.values()) for row in read(content)]


def refusal(content, name="a.xlsx"):
    with pytest.raises(ImportRefused) as refused:
        read(content, name)
    return str(refused.value)


def changed(content, parts):
    """The workbook with other parts: their content, or a function that changes what there is."""
    found = io.BytesIO()
    parts = dict(parts)
    with (
        zipfile.ZipFile(io.BytesIO(content)) as whole,
        zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in whole.namelist():
            new = parts.pop(name, whole.read(name))
            archive.writestr(name, new(whole.read(name).decode()) if callable(new) else new)
        for name, new in parts.items():
            archive.writestr(name, new)
    return found.getvalue()


def workbook_of(rows, behind="", strings=None):
    """A workbook whose sheet has these rows; `behind` comes after them; `strings` are texts that cells share."""
    sheet = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData>{behind}</worksheet>'
    parts = {SHEET: sheet}
    if strings is not None:
        parts[STRINGS] = f'<sst xmlns="{NAMESPACE}">{strings}</sst>'
        parts["xl/_rels/workbook.xml.rels"] = lambda text: text.replace("</Rel", f"{RELATION}</Rel")
    return changed(xlsx_file(["id"]), parts)
