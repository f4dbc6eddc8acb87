"""Values -> cells that no spreadsheet takes for a formula."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from common.spreadsheets import cells, writing
from common.spreadsheets.files import read_rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (100.0, "100"),
        (0.0001, "0.0001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (Decimal("100.00000000"), "100"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+2"), "100"),
        (datetime(2026, 7, 1, 10, tzinfo=UTC), "2026-07-01T12:00:00+02:00"),
    ],
)
def test_values_become_what_the_import_reads(value, text):
    assert writing.text_of(value) == text


def test_a_csv_file_opens_in_excel_as_it_is_meant():
    assert writing.to_csv(["id", "title"], [("1", 'Prøve, "A"'), ("=2", None)]) == (
        b'\xef\xbb\xbfid,title\r\n1,"Pr\xc3\xb8ve, ""A"""\r\n\'=2,\r\n'
    )


def test_a_workbook_holds_text_and_no_formula():
    content = writing.to_xlsx(["id", "title"], [("00123", "=1+1"), ("a\x01", None)])
    rows = list(load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(min_row=2))
    assert [[cell.value for cell in row] for row in rows] == [["00123", "'=1+1"], ["a\N{REPLACEMENT CHARACTER}", None]]
    assert {cell.data_type for cell in rows[0]} == {"s"}
    assert {cell.number_format for cell in rows[0]} == {"@"}


TEXT = st.one_of(
    st.sampled_from(
        ["=1+1", "a;=1", "a|-b", "'=1", "a;'=1", "-3", "#N/A", "1.5E+10", "####", "00123", "_x0041_", "_x005F_"]
    ),
    st.text("=+-@'\";|,#N/A1E. a_x0", max_size=12),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])),
).map(str.strip)


@pytest.mark.parametrize(("name", "write"), [("a.csv", writing.to_csv), ("a.xlsx", writing.to_xlsx)])
@settings(deadline=None)
@given(rows=st.lists(st.tuples(TEXT.filter(bool), TEXT), min_size=1, max_size=10))
@example(rows=[("u;=1+1;z", "\N{FULLWIDTH EQUALS SIGN}1"), ("' #N/A", "a;''-3")])
def test_an_exported_table_reads_back_as_it_was(name, write, rows):
    content = write(["id", "title"], rows)
    found = read_rows(name, content, known=["id", "title"], required=["id"])
    assert [tuple(cells.text_of(cell) for cell in row.cells.values()) for row in found] == rows
