"""Texts -> texts that no spreadsheet takes for something else, and back."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common import spelling
from common.spreadsheets import apostrophes, cells, leftovers, writing

FORMULAS = [
    "=1+1",
    "+1",
    "-3+1",
    "-",
    "--3",
    "-3,",
    "-3.5.1",
    "-3 ",
    "-a",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "'=1",
    "''@x",
]
WIDE = [
    "\N{FULLWIDTH EQUALS SIGN}1",
    "\N{FULLWIDTH PLUS SIGN}1",
    "\N{FULLWIDTH HYPHEN-MINUS}a",
    "\N{FULLWIDTH COMMERCIAL AT}A1",
]
LEFT_OVER = ["#N/A", "1.5E+10", "########", "#WERT!", "1E+09"]


@pytest.mark.parametrize("text", [*FORMULAS, *WIDE, *LEFT_OVER])
def test_what_looks_like_something_else_gets_an_apostrophe_that_the_import_takes_off(text):
    assert apostrophes.add(text) == f"'{text}"
    assert cells.text_of(f"'{text}") == text.strip()


@pytest.mark.parametrize("text", ["-3", "-0", "-3,5", "-3.5", "-10", "-02", "-0.001", "-100,25", "-999999", "-1,0"])
def test_a_plain_negative_number_is_no_formula(text):
    assert apostrophes.add(text) == text
    assert cells.text_of(text) == text
    assert cells.text_of(f"'{text}") == text  # as it was exported before


@pytest.mark.parametrize(
    "text", ["", "B", "'quoted'", "'", "O'Neill", "a=b", "12:30", "1-2", "a;b", "a | b", "#1 of 2", "12E4"]
)
def test_other_text_stays_as_it_is(text):
    assert apostrophes.add(text) == text
    assert cells.text_of(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("u;=1+1;z", "u;'=1+1;z"),
        ("u\t=1", "u\t'=1"),
        ("u|=1", "u|'=1"),
        ("u\n=1", "u\n'=1"),
        ("u\r\n@x", "u\r\n'@x"),
        (";=1", ";'=1"),
        ("a;+1;-b", "a;'+1;'-b"),
        ("a;'=1", "a;''=1"),
        ("a;-3", "a;-3"),
        ("a;-3,5;b", "a;-3,5;b"),
        ("a;-3+1", "a;'-3+1"),
        ("=1;=2", "'=1;'=2"),
        ("\t=1", "'\t'=1"),
        ("-3;=1", "'-3;'=1"),
        ('x";=1', "x\";'=1"),
        ("a, =1", "a, =1"),
        ("a; b=1", "a; b=1"),
    ],
)
def test_a_formula_behind_a_character_that_may_cut_the_line_gets_one_too(text, safe):
    assert apostrophes.add(text) == safe
    assert apostrophes.take_off(safe) == text


ANY_TEXT = st.text("=+-@'\";|,\t\r\n#N/A1E. a") | st.text() | st.sampled_from([*FORMULAS, *WIDE, *LEFT_OVER])


@given(ANY_TEXT)
@example("' #N/A")
@example("a;''-3")
def test_every_text_comes_back(text):
    assert apostrophes.take_off(apostrophes.add(text)) == text


@given(ANY_TEXT, ANY_TEXT)
@example("u;=1+1;z", "b")
def test_no_cell_of_csv_is_a_formula_wherever_a_spreadsheet_cuts_the_line(first, second):
    content = writing.to_csv(["id", "title"], [(first, second)]).decode("utf-8-sig")
    (_header, row) = csv.reader(io.StringIO(content, newline=""))
    for cell in row:
        for part in re.split("[;|\t\r\n]", cell):
            assert not re.match("[=+@]", part)
            assert not part.startswith("-") or apostrophes.PLAIN_NUMBER.fullmatch(part)


@given(st.text())
def test_a_text_that_is_clean_stays_as_it_is(text):
    try:
        clean = spelling.clean(text)
    except ValueError:
        return
    assert spelling.clean(clean) == clean
    assert leftovers.is_left_over(text.strip()) == leftovers.is_left_over(text.strip().strip())
