"""Workbooks that would take hours or gigabytes are refused while they are read."""

import io
import re
import zipfile

import pytest

from common.spreadsheets import files, workbooks
from tests.common.spreadsheets.workbooks import (
    HEADER,
    NAMESPACE,
    SHEET,
    STRINGS,
    changed,
    refusal,
    workbook_of,
)

ENTITIES = "The workbook declares XML entities, which no spreadsheet program does. Save it again as .xlsx."
BROKEN = "The file is not a readable .xlsx workbook. Save it again as .xlsx."
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DECLARATIONS = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
    "blanks": f'<!DOCTYPE x [<!ENTITY b "{" " * 100_000}">]>',
    "external": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    "parameter": '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1/x.dtd"> %e;]>',
    "another file": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
}
PARTS = [
    "[Content_Types].xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    STRINGS,
    SHEET,
]
WORKBOOK = workbook_of(HEADER + '<row r="2"><c r="A2" t="s"><v>0</v></c></row>', strings="<si><t>a</t></si>")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS)
def test_entities_are_refused_in_every_part_that_is_read(part, declaration):
    declared = changed(WORKBOOK, {part: lambda text: declaration + re.sub(r"^<\?xml.*?\?>", "", text)})
    assert refusal(declared) == ENTITIES


def test_entities_are_refused_in_utf_16_as_well():
    sheet = f'{DECLARATIONS["blanks"]}<worksheet xmlns="{NAMESPACE}"><sheetData>{HEADER}</sheetData></worksheet>'
    assert refusal(changed(WORKBOOK, {SHEET: sheet.encode("utf-16")})) == ENTITIES


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_BYTES_UNPACKED", 2_000_000)
    assert refusal(changed(WORKBOOK, {"bomb": bytes(3_000_000)})) == "The workbook unpacks to more than 2 MB."


def test_masses_of_parts_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_PARTS", 20)
    assert refusal(changed(WORKBOOK, {str(n): "" for n in range(20)})) == "The workbook has more than 20 parts."


def test_a_part_that_is_packed_as_no_workbook_is_is_refused():
    content = io.BytesIO(WORKBOOK)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("more", "x")
    assert refusal(content.getvalue()) == BROKEN


def test_reading_ends_at_the_first_empty_row_that_is_too_many(monkeypatch):
    """Millions of them fit into some hundred kilobytes."""
    monkeypatch.setattr(files, "MAX_EMPTY_ROWS", 100)
    rows = workbooks.read_rows(workbook_of(HEADER + "<row/>" * 10_000))
    with pytest.raises(files.ImportRefused, match="more than 100 empty rows"):
        list(files.with_values(rows))
    assert next(rows)[0] == 103


def test_masses_of_rows_are_refused_at_the_first_that_is_too_many(monkeypatch):
    monkeypatch.setattr(files, "MAX_ROWS", 200)
    content = workbook_of(HEADER + "<row><c><v>1</v></c></row>" * 10_000)
    assert refusal(content) == "The file has more than 200 rows. Divide it."


@pytest.mark.parametrize(
    ("limit", "content", "sentence"),
    [
        ("MAX_TAGS", workbook_of(f"<row>{'<c/>' * 3000}</row>"), "The workbook has too many cells. Divide it."),
        ("MAX_TAGS", workbook_of(HEADER, "<x/>" * 3000), "The workbook has too many cells. Divide it."),
        ("MAX_TAGS", workbook_of(HEADER, strings="<si/>" * 3000), "The workbook has too many cells. Divide it."),
        (
            "MAX_TEXTS",
            workbook_of(HEADER, strings="<si/>" * 3000),
            "The workbook has more than 2,500 different texts. Divide it.",
        ),
        (
            "MAX_CHARACTERS",
            workbook_of(HEADER + " " * 3000),
            "The workbook has a text of more than 2,500 characters. Shorten it.",
        ),
        (
            "MAX_CHARACTERS",
            workbook_of(HEADER, strings=f"<si><t>{'x' * 3000}</t></si>"),
            "The workbook has a text of more than 2,500 characters. Shorten it.",
        ),
    ],
)
def test_more_than_a_workbook_needs_is_refused(monkeypatch, limit, content, sentence):
    monkeypatch.setattr(workbooks, limit, 2500)
    assert refusal(content) == sentence


def test_texts_of_too_many_bytes_are_not_read(monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_BYTES_OF_TEXTS", 1_000_000)
    content = workbook_of(HEADER, strings=" " * 1_000_000)
    assert refusal(content) == "The workbook has more than 1 MB of texts. Divide it."


@pytest.mark.parametrize(
    "rows",
    [
        "<a>" * 200 + "</a>" * 200,
        f"<!--{'x' * 1_300_000}-->",
        f'<row a="{"x" * 1_300_000}"/>',
        f"<?x {'x' * 1_300_000}?>",
    ],
    ids=["deep", "comment", "attribute", "instruction"],
)
def test_xml_that_would_keep_the_parser_busy_is_refused(rows):
    assert refusal(workbook_of(HEADER + rows)) == BROKEN


def test_a_number_format_that_is_too_long_is_refused():
    formats = '<numFmts><numFmt numFmtId="164" formatCode="{}"/></numFmts>'
    for length, sentence in [(255, "The file has no rows below its header."), (256, BROKEN)]:
        declared = formats.format("0" * length)
        content = changed(workbook_of(HEADER), {"xl/styles.xml": f"<styleSheet>{declared}</styleSheet>"})
        assert refusal(content) == sentence


def test_masses_of_merged_cells_are_named_only_in_part(monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_MERGED", 60)
    merged = '<mergeCell ref="A2:A3"/>' * 5000
    assert refusal(workbook_of(HEADER, merged)).splitlines()[50:] == ["And 10 more problems."]
