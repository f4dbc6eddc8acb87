"""Files of every make -> the same rows, or one clear sentence."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.spreadsheets import files
from common.spreadsheets.files import ImportRefused, Row, load, read_rows
from tests.exports.importing.files import csv_file, xlsx_file


def read(content, name="people.csv"):
    return read_rows(name, content, known=["id", "title"], required=["id"])


def refusal(content, name="people.csv"):
    with pytest.raises(ImportRefused) as refused:
        read(content, name)
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encoding_and_delimiter_are_found_out(encoding, delimiter):
    content = csv_file(["id", "title"], ["1", "Prøve"], delimiter=delimiter, encoding=encoding)
    assert read(content) == [Row(2, {"id": "1", "title": "Prøve"})]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_line_breaks_in_quotes(line_end):
    content = line_end.join(["id,title", '1,"two', 'lines"', "2,b"]).encode()
    assert [(row.number, row.cells["id"]) for row in read(content)] == [(2, "1"), (3, "2")]


def test_the_header_is_trimmed_and_takes_any_case_and_order():
    assert read(b" TITLE , Id\nExam,1") == [Row(2, {"title": "Exam", "id": "1"})]


def test_a_column_that_is_not_there_is_not_in_the_row():
    assert read(b"id\n1") == [Row(2, {"id": "1"})]


def test_empty_rows_are_left_out_and_the_numbers_stay_those_of_the_file():
    assert [row.number for row in read(b"id,title\n\n1,a\n , \n,\n2,b\n\n")] == [3, 6]
    workbook = xlsx_file(["id"], [], [1], [None], [" "], [2])
    assert [row.number for row in read(workbook, "people.xlsx")] == [3, 6]


def test_a_short_row_has_empty_cells_at_its_end():
    assert read(b"id,title\n1") == [Row(2, {"id": "1", "title": None})]


def test_trailing_delimiters_do_no_harm():
    assert read(b"id,title,,\n1,a,,\n") == [Row(2, {"id": "1", "title": "a"})]


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
    assert [tuple(row.cells.values()) for row in read(content, "a.xlsx")] == [
        ("00123", date(2026, 5, 31)),
        (123, midnight),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty; its first row must name the columns."),
        (b"\n\n , \n", "The file is empty; its first row must name the columns."),
        (b"id,title\n\n", "The file has no rows below its header."),
        (b"title\na", "row 1: column id is missing"),
        (b"id,titel\n1,a", "row 1: unknown column 'titel'; known are id, title"),
        (b"id,ID\n1,1", "row 1: column id stands there twice"),
        (b"id,title\n1,a\n2,b,c", "row 3: 'c' in cell 3 stands under no column name"),
        (b'id,title\n1,"never closed\n2,b', "row 2 cannot be read: unexpected end of data"),
        (b"id\n" + b"x" * 200_000, "row 2 cannot be read: field larger than field limit (131072)"),
        ("id\n1".encode("utf-16"), "The file is UTF-16 text; save it as CSV UTF-8."),
        (b"id\n\x81", "The file is neither UTF-8 nor Windows-1252 text; save it as CSV UTF-8."),
        (xlsx_file(["id"], [1]), "The file is no CSV text but looks like a workbook; name it .xlsx."),
    ],
)
def test_a_csv_file_that_cannot_be_read_gets_a_sentence(content, sentence):
    assert refusal(content) == sentence


BROKEN = "The file cannot be read as an .xlsx workbook; save it once more as .xlsx."


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
        (encrypted(xlsx_file(["id"], [1])), "The workbook has a password; save it without one."),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
            "The workbook has a password or the old .xls format; save it as .xlsx without a password.",
        ),
        (xlsx_file(), "The file is empty; its first row must name the columns."),
        (xlsx_file(["id"]), "The file has no rows below its header."),
    ],
)
def test_a_workbook_that_cannot_be_read_gets_a_sentence(content, sentence):
    assert refusal(content, "people.xlsx") == sentence


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES_UNPACKED", 2_000_000)
    assert refusal(zip_file(bomb=bytes(3_000_000)), "a.xlsx") == "The workbook unpacks to more than 2 MB."


@pytest.mark.parametrize(("name", "make"), [("a.csv", csv_file), ("a.xlsx", xlsx_file)])
def test_too_many_rows_are_refused(monkeypatch, name, make):
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    assert len(read(make(["id"], [1], [2], [3]), name)) == 3
    assert refusal(make(["id"], [1], [2], [3], [4]), name) == "The file has more than 3 rows; divide it."


def workbook_of(rows):
    """A workbook whose sheet has these rows, written by hand."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_file(["id"]))) as whole,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for member in whole.namelist():
            sheet = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData></worksheet>'
            changed.writestr(member, sheet if member.endswith("sheet1.xml") else whole.read(member))
    return content.getvalue()


NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'


def test_reading_a_workbook_ends_at_the_first_empty_row_that_is_too_many(monkeypatch):
    """Millions of them fit into some hundred kilobytes."""
    read_so_far = []

    class Counting(files.Parser):
        def parse_row(self, row):
            read_so_far.append(row)
            return super().parse_row(row)

    monkeypatch.setattr(files, "Parser", Counting)
    monkeypatch.setattr(files, "MOST_EMPTY_ROWS", 100)
    content = workbook_of(HEADER + "<row/>" * 10_000)

    assert refusal(content, "a.xlsx") == "The file has more than 100 empty rows; delete them."
    assert len(read_so_far) == 102


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("<row/>" * 1000, "A sheet has more than 250 rows, empty ones included; delete or divide them."),
        (f"<row>{'<c/>' * 3000}</row>", "The workbook has too many cells; divide it."),
    ],
)
def test_masses_of_rows_or_cells_are_refused_before_the_workbook_is_opened(monkeypatch, rows, sentence):
    """Opening it takes half a minute and gigabytes for the twenty million rows that fit into some hundred kilobytes."""
    monkeypatch.setattr(files, "MOST_ROWS", 200)
    monkeypatch.setattr(files, "MOST_EMPTY_ROWS", 50)
    monkeypatch.setattr(files, "MOST_TAGS", 2500)
    monkeypatch.setattr(files, "load_workbook", lambda *_args, **_options: pytest.fail("it was opened"))
    assert refusal(workbook_of(rows), "a.xlsx") == sentence


def test_too_many_empty_rows_of_csv_are_refused_too(monkeypatch):
    monkeypatch.setattr(files, "MOST_EMPTY_ROWS", 3)
    assert refusal(b"id\n1\n\n\n\n\n") == "The file has more than 3 empty rows; delete them."
    assert len(read(b"id\n\n\n\n1\n")) == 1


def test_rows_that_a_workbook_leaves_out_are_not_made_up():
    """Padding up to the last row that Excel has takes many seconds."""
    content = workbook_of(HEADER + '<row r="1048576"><c r="A1048576"><v>7</v></c><c r="XFD1048576"><v>8</v></c></row>')
    assert [number for number, _cells in files.xlsx_lines(content)] == [1, 1_048_576]
    assert read(content, "a.xlsx") == [Row(1_048_576, {"id": 7})]


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
    content = workbook_of(f'{HEADER}<row r="2">{cell}</row>')
    assert refusal(content, "a.xlsx") == "row 2: cell A2 holds a formula without a value; paste its values"


def test_a_formula_counts_as_the_value_that_is_kept_with_it():
    rows = '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row><row r="3"><c r="A3" t="str"><f>""</f><v></v></c></row>'
    assert read(workbook_of(HEADER + rows), "a.xlsx") == [Row(2, {"id": 2})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_first_line_for_excel_names_the_separator(end, separator, mark):
    lines = [f"sep={separator}", f"id{separator}title", f"1{separator}å"]
    assert read((mark + end.join(lines)).encode()) == [Row(3, {"id": "1", "title": "å"})]


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"id,title\n1,\xc3\xa5se\n2,\xe5se", 3),
        (b"id,title\n1,\xe5se\n2,\xc3\xa5se", 2),
        (b"id,title\r\n1,\xc3\xa5\r\n2,\xff", 3),
        (b"id,title\r1,\xc3\xa5\r2,\x80", 3),
        (b"\xef\xbb\xbfid,title\n1,\xf8", 2),
        (b"\xef\xbb\xbfid\n1\n2\xe6", 3),
        (b"id,title\n1,\xe2\x82\xac\n2,\xe2\x82", 3),
        (b"id,title\n1,\xf0\x9f\x8e\x93\n2,\x92", 3),
        (b"id,title\n1,\xce\xb1\n2,b\n3,\xfc", 4),
        (b"id,t\xc3\xa6\n1,\x85", 2),
    ],
)
def test_a_stray_byte_in_utf_8_is_refused_with_its_row(content, row):
    assert refusal(content) == f"row {row} holds a byte that is not UTF-8, unlike the rest; save it as CSV UTF-8."


def test_another_kind_of_file_is_refused():
    assert refusal(b"id\n1", "people.ods") == "people.ods is neither a .csv nor an .xlsx file."


def test_a_file_that_is_not_there_or_too_large_is_refused(monkeypatch, tmp_path):
    with pytest.raises(ImportRefused, match=r"nowhere\.csv cannot be read: No such file or directory\."):
        load(tmp_path / "nowhere.csv")
    monkeypatch.setattr(files, "MOST_BYTES", 1_000_000)
    (tmp_path / "large.csv").write_bytes(bytes(1_000_001))
    with pytest.raises(ImportRefused, match="is larger than 1 MB"):
        load(tmp_path / "large.csv")


def test_only_the_first_problems_are_shown():
    shown = str(ImportRefused(*range(60))).splitlines()
    assert shown[49:] == ["49", "and 10 more"]


WORKBOOK = xlsx_file(["id", "title"], [1, "a"], [2, "b"])


@given(st.binary())
def test_no_bytes_crash_the_reader_of_csv(content):
    with suppress(ImportRefused):
        assert read(content)


@given(st.integers(min_value=0, max_value=len(WORKBOOK) - 1), st.binary(min_size=1, max_size=40))
def test_no_damage_crashes_the_reader_of_workbooks(place, damage):
    content = WORKBOOK[:place] + damage + WORKBOOK[place + len(damage) :]
    with suppress(ImportRefused):
        assert read(content, "a.xlsx")


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
        assert read(content.getvalue(), "a.xlsx")
