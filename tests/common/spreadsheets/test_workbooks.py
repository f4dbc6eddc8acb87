"""Workbooks of every make -> their rows, as a person sees them."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from common.spreadsheets import workbooks
from common.spreadsheets.files import ImportRefused, Row
from common.spreadsheets.formats import Unreadable
from tests.common.spreadsheets.workbooks import HEADER, SHEET, cells_of, changed, read, refusal, workbook_of
from tests.exports.importing.files import xlsx_file


def test_a_workbook_gives_what_its_cells_hold():
    content = xlsx_file(["id", "title"], [1001, True], [88.5, datetime.fromisoformat("2026-05-31T12:30")], ["x", None])
    assert [tuple(row.cells.values()) for row in read(content, "People.XLSX")] == [
        (1001, True),
        (88.5, datetime.fromisoformat("2026-05-31T12:30")),
        ("x", None),
    ]


def test_a_workbook_gives_what_a_person_sees():
    midnight = datetime.fromisoformat("2026-05-31T00:00")
    content = xlsx_file(
        ["id", "title"],
        [123, midnight],
        [123, midnight],
        formats={"A2": "00000", "B2": "d mmmm yyyy", "B3": "yyyy-mm-dd hh:mm"},
    )
    assert [tuple(row.cells.values()) for row in read(content)] == [
        ("00123", date(2026, 5, 31)),
        (123, midnight),
    ]


BROKEN = "The file is not a readable .xlsx workbook. Save it again as .xlsx."


def zip_file(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def encrypted(content):
    """The same zip with its members marked as encrypted."""
    content = bytearray(content)
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 8] |= 1
        place = content.find(b"PK\x01\x02", place + 4)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", BROKEN),
        (b"id,title\n1,a", BROKEN),
        (xlsx_file(["id"], [1])[:-30], BROKEN),
        (zip_file(readme="no workbook"), BROKEN),
        (encrypted(xlsx_file(["id"], [1])), "The workbook has a password. Save it without one."),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
            "The workbook has a password or the old .xls format. Save it as .xlsx without a password.",
        ),
        (xlsx_file(), "The file is empty. Its first row must name the columns."),
        (xlsx_file(["id"]), "The file has no rows below its header."),
    ],
)
def test_a_workbook_that_cannot_be_read_gets_a_sentence(content, sentence):
    assert refusal(content) == sentence


def test_rows_that_a_workbook_leaves_out_are_not_made_up():
    """Padding up to the last row that Excel has takes many seconds."""
    content = workbook_of(HEADER + '<row r="1048576"><c r="A1048576"><v>7</v></c></row>')
    assert [number for number, _cells in workbooks.read_rows(content)] == [1, 1_048_576]
    assert read(content) == [Row(1_048_576, {"id": 7})]


def test_a_value_beyond_the_columns_that_are_read_is_refused():
    content = workbook_of(HEADER + '<row r="2"><c r="A2"><v>7</v></c><c r="XFD2"><v>8</v></c></row>')
    assert refusal(content) == "Row 2: Cell XFD2 is beyond the 50 columns that are read."
    assert cells_of(workbook_of(HEADER + '<row r="2"><c r="A2"><v>7</v></c><c r="XFD2" s="0"/></row>')) == [(7,)]


WITHOUT_VALUE = Unreadable("This is a formula without a value. Paste its value.")


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A2"><f>1+1</f></c>',
        '<c r="A2"><f>1+1</f><v/></c>',
        '<c r="A2"><f>1+1</f><v></v></c>',
        '<c r="A2" t="n"><f>B2</f></c>',
        '<c r="A2" t="str"><f>"s"&amp;B2</f></c>',
        '<c r="A2"><f/></c>',
        '<c r="A2" t="b"><f>TRUE()</f><v/></c>',
        '<c r="A2" t="e"><f>NA()</f></c>',
        '<c r="A2"><f t="shared" si="0"/></c>',
        '<c r="A2"><f t="array" ref="A2">B2:B3</f></c>',
    ],
)
def test_a_formula_without_a_value_is_no_empty_cell(cell):
    assert cells_of(workbook_of(f'{HEADER}<row r="2">{cell}</row>')) == [(WITHOUT_VALUE,)]


def test_a_formula_counts_as_the_value_that_is_kept_with_it():
    rows = '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row><row r="3"><c r="A3" t="str"><f>""</f><v></v></c></row>'
    assert read(workbook_of(HEADER + rows)) == [Row(2, {"id": 2})]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#SPILL!", "#NV"])
def test_a_formula_that_could_not_be_calculated_has_no_value_in_any_column(error):
    content = workbook_of(f'{HEADER}<row r="2"><c r="A2" t="e"><f>1/0</f><v>{error}</v></c></row>')
    assert cells_of(content) == [(Unreadable(f"This is a formula that could not be calculated ({error!r})."),)]


@pytest.mark.parametrize("states", [["visible"], ["hidden", "visible"], ["veryHidden", "hidden", "visible", "visible"]])
def test_the_first_visible_sheet_is_read(states):
    workbook = Workbook()
    workbook.remove(workbook.active)
    for place, state in enumerate(states):
        sheet = workbook.create_sheet()
        sheet.append(["id"])
        sheet.append([place])
        sheet.sheet_state = state
    workbook.active = states.index("visible")
    content = io.BytesIO()
    workbook.save(content)
    assert cells_of(content.getvalue()) == [(states.index("visible"),)]


def test_a_workbook_whose_sheets_are_all_hidden_is_refused():
    content = changed(
        xlsx_file(["id"], [1]), {"xl/workbook.xml": lambda text: text.replace('"visible" r', '"hidden" r')}
    )
    assert refusal(content) == "The workbook has no visible sheet."


def test_hidden_rows_and_columns_are_read():
    workbook = Workbook()
    for row in (["id", "title"], [1, "a"], [2, "b"]):
        workbook.active.append(row)
    workbook.active.row_dimensions[2].hidden = True
    workbook.active.column_dimensions["B"].hidden = True
    content = io.BytesIO()
    workbook.save(content)
    assert cells_of(content.getvalue()) == [(1, "a"), (2, "b")]


MERGED = "Row {}: Cells {} are merged, so it is unclear what their value is for. Unmerge them."


@pytest.mark.parametrize(
    ("ranges", "named"),
    [
        (["A2:A3"], [(2, "A2:A3")]),
        (["A2:B2"], [(2, "A2:B2")]),
        (["A1:A2"], [(1, "A1:A2")]),
        (["C1:D1", "B2:B3"], [(2, "B2:B3")]),
        (["A3:A4", "B2:B4"], [(3, "A3:A4"), (2, "B2:B4")]),
    ],
)
def test_merged_cells_below_the_header_are_refused(ranges, named):
    workbook = Workbook()
    for row in (["id", "title"], [1, "a"], [2, "b"], [3, "c"]):
        workbook.active.append(row)
    content = io.BytesIO()
    workbook.save(content)
    references = "".join(f'<mergeCell ref="{cells}"/>' for cells in ranges)
    merged = changed(content.getvalue(), {SHEET: lambda text: text.replace("<pageM", f"{references}<pageM")})
    assert refusal(merged).splitlines() == [MERGED.format(*place) for place in named]


def test_merged_cells_of_the_header_alone_do_no_harm():
    merged = '<mergeCells count="1"><mergeCell ref="A1:C1"/></mergeCells>'
    assert cells_of(workbook_of(HEADER + '<row r="2"><c r="A2"><v>7</v></c></row>', merged)) == [(7,)]


@pytest.mark.parametrize(
    ("strings", "text"),
    [
        ("<si><t>a</t></si>", "a"),
        ("<si><r><t>a</t></r><r><t>b</t></r></si>", "ab"),
        ("<si><t>a</t><rPh sb='0' eb='1'><t>read aloud</t></rPh></si>", "a"),
        ("<si><t>_x0041_</t></si>", "A"),
        ("<si><t>_x005F_x0041_</t></si>", "_x0041_"),
        ("<si><t>x005F_</t></si>", "x005F_"),
        ("<si><t>a_x000D_\nb</t></si>", "a\r\nb"),
        ("<si><t>&lt;&#65;</t></si>", "<A"),
        ("<si><t>#N/A</t></si>", "#N/A"),
        ("<x:si xmlns:x='urn:x'><x:t>a</x:t></x:si>", "a"),
    ],
)
def test_texts_that_cells_share(strings, text):
    assert cells_of(workbook_of(HEADER + '<row r="2"><c r="A2" t="s"><v>0</v></c></row>', strings=strings)) == [(text,)]


def test_names_of_parts_have_no_case_and_may_be_written_with_a_backslash():
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx_file(["id"], [1]))) as whole, zipfile.ZipFile(found, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name.upper().replace("/", "\\"), whole.read(name))
    assert cells_of(found.getvalue()) == [(1,)]


def test_a_workbook_of_the_strict_kind_is_read():
    strict = changed(
        xlsx_file(["id"], [1]),
        {
            SHEET: lambda text: text.replace("schemas.openxmlformats.org/spreadsheetml/2006", "purl.oclc.org/ooxml"),
            "xl/workbook.xml": lambda text: text.replace("schemas.openxmlformats.org/", "purl.oclc.org/ooxml/"),
        },
    )
    assert cells_of(strict) == [(1,)]


WORKBOOK = xlsx_file(["id", "title"], [1, "a"], [2, "b"])


@given(st.integers(min_value=0, max_value=len(WORKBOOK) - 1), st.binary(min_size=1, max_size=40))
def test_no_damage_crashes_the_reader_of_workbooks(place, damage):
    content = WORKBOOK[:place] + damage + WORKBOOK[place + len(damage) :]
    with suppress(ImportRefused):
        assert read(content)


@given(st.text())
def test_no_xml_crashes_the_reader_of_workbooks(text):
    """A workbook whose sheet holds something else."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as whole, zipfile.ZipFile(content, "w") as changed:
        for member in whole.namelist():
            is_sheet = member.endswith("sheet1.xml")
            sheet = f'<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>{text}</v></c></row></sheetData></worksheet>'
            changed.writestr(member, sheet.encode("utf-8", "replace") if is_sheet else whole.read(member))
    with suppress(ImportRefused):
        assert read(content.getvalue())
