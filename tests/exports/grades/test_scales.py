"""What a column without a known schema takes for a grade: words and plain numbers, nothing in between."""

from dataclasses import replace
from decimal import Decimal

import pytest

from exports.grades.facts import Column, Entry, Refused
from exports.grades.rules import value_of
from exports.grades.translating import Marks, NotTranslatable, Scale, Translator

POINTS = Scale(points=Decimal(100))
BOUNDS = Scale(points=Decimal(100), symbols=frozenset({"P", "F"}))
COLUMN = Column(course_id="BIO", name="Exam", scale=POINTS)

HALF_NUMBERS = [
    *("7,5", "75,0", "85%", "85 %", "1 000", "75/100", "1.234,50", "75,", "1'000", "(5)", "0x1F", "12 ", " 12"),
    *(
        "½",
        "75½",
        "x²",
        "Ⅳ",
        "٣%",
        "\uff17,\uff15",
        "१/२",
        "1st",
        "7+",
        "B2",
        "A 75",
        "12 points",
        "7:5",
        "~80",
        "€5",
        "5\u00a0000",
    ),
]
NO_GRADES = [
    *(
        "-",
        "--",
        "\u2013",
        "\u2014",
        "\u2212",
        "N/A",
        "n/a",
        " N/A ",
        "null",
        "NULL",
        "Null",
        "undefined",
        "None",
        "NONE",
    ),
    *("[]", "{}", "()", "[ ]", "{ }", "( )"),
]
WORDS = ["B", "A+", "E*", "Ikke bestået", "Pass", "F-", "U", "Fx", "合格", "зачтено", "N.A.", "nonexistent", "A/B"]


@pytest.mark.parametrize("value", HALF_NUMBERS)
def test_what_holds_a_digit_and_is_no_plain_number_is_refused_with_its_blanks_shown(value):
    with pytest.raises(NotTranslatable) as caught:
        POINTS.check(value, is_named=True)

    assert caught.value.detail == {"reason": "VALUE_NO_NUMBER", "value": value}
    assert str(caught.value) == f"'{value}' is not a plain number such as 89.99"


@pytest.mark.parametrize("value", NO_GRADES)
def test_what_stands_for_no_grade_is_refused(value):
    with pytest.raises(NotTranslatable) as caught:
        POINTS.check(value)

    assert caught.value.detail == {"reason": "VALUE_NO_GRADE", "value": value}
    POINTS.check(value, is_named=True)


@pytest.mark.parametrize("value", WORDS)
def test_words_are_left_to_learn(value):
    POINTS.check(value)


@pytest.mark.parametrize("value", [*HALF_NUMBERS, *NO_GRADES])
def test_a_symbol_of_the_schema_is_a_grade_however_it_looks(value):
    for takes_numbers in (True, False):
        Scale(points=Decimal(100), symbols=frozenset({value}), takes_numbers=takes_numbers).check(value)


@pytest.mark.parametrize("value", [*HALF_NUMBERS, *NO_GRADES])
def test_what_is_no_symbol_of_the_schema_stays_refused(value):
    with pytest.raises(NotTranslatable):
        BOUNDS.check(value)


def test_a_schema_that_only_learn_knows_may_have_symbols_with_digits():
    replace(POINTS, has_unknown_symbols=True).check("2:1")


@pytest.mark.parametrize("value", ["7,5", "85%", "½", "-", "null", "[]"])
def test_marks_and_alternative_grades_are_refused_alike(value):
    for entry in (Entry(user_id="1", mark=value), Entry(user_id="1", alternative_grade=value)):
        assert isinstance(value_of(entry, COLUMN), Refused)


@pytest.mark.parametrize("kind", ["mark", "alternative_grade"])
def test_a_line_of_the_translation_may_name_a_dash_but_no_half_number(kind):
    table = {"U": "-", "H": "7,5"}
    column = replace(COLUMN, translator=Translator(marks=Marks.TABLE, marks_table=table, alternatives=table))

    assert value_of(Entry(user_id="1", **{kind: "U"}), column) == "-"
    assert isinstance(value_of(Entry(user_id="1", **{kind: "H"}), column), Refused)


def test_a_translation_that_leaves_marks_as_written_names_none():
    column = replace(COLUMN, translator=Translator(alternatives={"U": "-"}))

    assert isinstance(value_of(Entry(user_id="1", mark="-"), column), Refused)
