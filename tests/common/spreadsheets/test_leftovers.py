"""What a spreadsheet leaves in place of an id is refused as one, and is a text like any other elsewhere."""

import pytest

from common.spreadsheets import cells
from courses.models import GradeSchema
from exports.models import Flow, Participant

read_id = cells.identifier(Participant, "learn_user_id")
read_title = cells.text(Flow, "title")

SHORTENED = [
    "1E+09",
    "1E+11",
    "1.2E+9",
    "1,5E+10",
    "1.0012345E7",
    "1.0012345e7",
    "1e+21",
    "12.3E+9",
    "1.00E-05",
    "1E-05",
    "9e-07",
    "-1.5E+10",
    "1.23457E+15",
    "0,0E+00",
]
ERRORS = [
    "#NULL!",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#N/A",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
    "#I/T",  # Danish
    "#REFERENCE!",
    "#DIVISION/0!",
    "#VÆRDI!",
    "#NAVN?",
    "#NV",  # German
    "#WERT!",
    "#ÜBERLAUF!",
    "#¿NOMBRE?",  # Spanish
    "#¡REF!",
    "#¡DIV/0!",
    "#N/D",
    "#SAKNAS!",  # Swedish
    "#PUUTTUU!",  # Finnish
    "#NENÍ_K_DISPOZICI",  # Czech
    "#HIÁNYZIK",  # Hungarian
    "#YOK",  # Turkish
    "#Н/Д",  # Russian  # noqa: RUF001
    "#ИМЯ?",
    "#スピル!",  # Japanese
    "Err:502",  # LibreOffice
]
TOO_NARROW = ["#", "##", "########"]
FORMULAS = ['="0012345"', "=A1", "=1+1", "="]
IDS = [
    "12E4",
    "1e5",
    "0012E3",
    "5E-2",
    "12E-04",
    "1E400E+1",
    "E+09",
    "#1",
    "#12345",
    "#abc",
    "#Anna",
    "a#N/A",
    "N/A",
    "1.5",
    "1001",
    "00123",
    "1+1",
    "a=b",
    "BIO:502",
    "sis||001||2026",
]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "is a number that a spreadsheet has shortened") for text in SHORTENED),
        *((text, "This is a formula that could not be calculated") for text in ERRORS),
        *((text, "a column shows that is too narrow") for text in TOO_NARROW),
        *((text, r"This is a formula .*\. Write its value") for text in FORMULAS),
    ],
)
def test_an_id_is_nothing_that_a_spreadsheet_left(text, why):
    for cell in (text, f" {text} "):
        with pytest.raises(ValueError, match=why):
            read_id(cell)


@pytest.mark.parametrize("text", IDS)
def test_what_may_be_an_id_is_one(text):
    assert read_id(text) == text


@pytest.mark.parametrize("text", [*SHORTENED, *ERRORS, *TOO_NARROW, *FORMULAS, *IDS])
def test_in_a_title_all_of_them_are_texts(text):
    assert read_title(text) == text
    assert cells.text(GradeSchema, "title", required=True)(text) == text


@pytest.mark.parametrize("text", [*SHORTENED, *ERRORS, *TOO_NARROW, *FORMULAS])
def test_behind_an_apostrophe_it_is_meant_as_it_is(text):
    assert read_id(f"'{text}") == text
