"""Files of every make -> the same rows, or one clear sentence."""

from contextlib import suppress

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


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty. Its first row must name the columns."),
        (b"\n\n , \n", "The file is empty. Its first row must name the columns."),
        (b"id,title\n\n", "The file has no rows below its header."),
        (b"title\na", "Row 1: Column id is missing."),
        (b"id,titel\n1,a", "Row 1: The column 'titel' is unknown. The columns are id, title."),
        (b"id,ID\n1,1", "Row 1: Column id appears twice."),
        (b"id,title\n1,a\n2,b,c", "Row 3: 'c' in cell 3 has no column heading."),
        (b'id,title\n1,"never closed\n2,b', "Row 2 cannot be read: unexpected end of data."),
        (b"id\n" + b"x" * 200_000, "Row 2 cannot be read: field larger than field limit (131072)."),
        ("id\n1".encode("utf-16"), "The file is UTF-16 text. Save it as CSV UTF-8."),
        (b"id\n\x81", "The file is neither UTF-8 nor Windows-1252 text. Save it as CSV UTF-8."),
        (xlsx_file(["id"], [1]), "The file is not CSV text but looks like a workbook. Name it .xlsx."),
    ],
)
def test_a_csv_file_that_cannot_be_read_gets_a_sentence(content, sentence):
    assert refusal(content) == sentence


@pytest.mark.parametrize(("name", "make"), [("a.csv", csv_file), ("a.xlsx", xlsx_file)])
def test_too_many_rows_are_refused(monkeypatch, name, make):
    monkeypatch.setattr(files, "MAX_ROWS", 3)
    assert len(read(make(["id"], [1], [2], [3]), name)) == 3
    assert refusal(make(["id"], [1], [2], [3], [4]), name) == "The file has more than 3 rows. Divide it."


WIDE = {
    "commas": b"id" + b"," * 30_000 + b"\n1",
    "semicolons": b"id" + b";" * 30_000 + b"\n1",
    "tabs": b"id\ttitle\n1" + b"\t" * 30_000,
    "named": b"sep=;\nid\n1" + b";" * 30_000,
    "in quotes": b'id\n"' + b"," * 30_000 + b'"',
    "over many lines": b"id\n" + b'"\n",' * 30_000,
    "carriage returns": b"id\r" + b'"\r",' * 30_000,
    "values": b"id\n" + b"1," * 30_000,
    "quoted values": b"id\n" + b'"1",' * 30_000,
    "second row": b"id\n1\n2" + b"," * 30_000,
}


@pytest.mark.parametrize("content", WIDE.values(), ids=WIDE)
def test_a_row_with_masses_of_separators_is_refused_before_it_is_taken_apart(content):
    assert refusal(content).endswith("has more than 20,000 separators. Delete them.")


def test_separators_are_counted_by_row():
    assert len(read(b"id,title\n" + b"1,a\n" * 20_001)) == 20_001


def test_a_value_beyond_the_columns_that_are_read_is_refused():
    assert read(b"id\n1" + b"," * 300) == [Row(2, {"id": "1"})]
    assert refusal(b"id\n1" + b"," * 50 + b"x") == "Row 2 has a value beyond the 50 columns that are read."
    assert refusal(b"id\n1" + b"," * 49 + b"x") == "Row 2: 'x' in cell 50 has no column heading."
    assert refusal(b"id" + b"," * 50 + b"title\n1") == "Row 1 has a value beyond the 50 columns that are read."


def test_too_many_empty_rows_of_csv_are_refused_too(monkeypatch):
    monkeypatch.setattr(files, "MAX_EMPTY_ROWS", 3)
    assert refusal(b"id\n1\n\n\n\n\n") == "The file has more than 3 empty rows. Delete them."
    assert len(read(b"id\n\n\n\n1\n")) == 1


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
    assert refusal(content) == (
        f"Row {row} contains a byte that is not UTF-8, unlike the rest. Save the file as CSV UTF-8."
    )


def test_another_kind_of_file_is_refused():
    assert refusal(b"id\n1", "people.ods") == "people.ods is neither a .csv nor an .xlsx file."


def test_a_file_that_is_not_there_or_too_large_is_refused(monkeypatch, tmp_path):
    with pytest.raises(ImportRefused, match=r"nowhere\.csv cannot be read: No such file or directory\."):
        load(tmp_path / "nowhere.csv")
    monkeypatch.setattr(files, "MAX_BYTES", 1_000_000)
    (tmp_path / "large.csv").write_bytes(bytes(1_000_001))
    with pytest.raises(ImportRefused, match="is larger than 1 MB"):
        load(tmp_path / "large.csv")


def test_only_the_first_problems_are_shown():
    shown = str(ImportRefused(*range(60))).splitlines()
    assert shown[49:] == ["49", "And 10 more problems."]


@given(st.binary())
def test_no_bytes_crash_the_reader_of_csv(content):
    with suppress(ImportRefused):
        assert read(content)
