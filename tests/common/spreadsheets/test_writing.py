"""Values -> cells that no spreadsheet takes for a formula."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from common.spreadsheets import cells, writing


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-3+1", "-", "--3", "-3,", "-3.5.1", "-3 ", "-a", "@SUM(A1)", "\tx", "\rx", "\nx", "'=1", "''@x"],
)
def test_what_looks_like_a_formula_gets_an_apostrophe_that_the_import_takes_off(text):
    assert writing.neutralised(text) == f"'{text}"
    assert cells.text_of(f"'{text}") == text.strip()


@pytest.mark.parametrize("text", ["-3", "-0", "-3,5", "-3.5", "-10", "-02", "-0.001", "-100,25", "-999999", "-1,0"])
def test_a_plain_negative_number_is_no_formula(text):
    assert writing.neutralised(text) == text
    assert cells.text_of(text) == text
    assert cells.text_of(f"'{text}") == text  # as it was exported before


@pytest.mark.parametrize("text", ["", "B", "'quoted'", "'", "O'Neill", "a=b", "12:30", "1-2"])
def test_other_text_stays_as_it_is(text):
    assert writing.neutralised(text) == text
    assert cells.text_of(text) == text


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
