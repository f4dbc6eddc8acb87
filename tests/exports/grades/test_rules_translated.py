"""The rules where grades are translated: the value is sent, but the grade decides what is the same."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exports.grades.causes import Cause
from exports.grades.conflicts import refuse_shared_places
from exports.grades.facts import AlreadyExported, Column, Entry, FlowFacts, PersonFacts, PlacedGrade, Refused, Send
from exports.grades.rules import judge
from exports.grades.translating import Marks, Scale, Translator

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
COLUMN = Column(course_id="BIO101", name="Final grade")
FLOW = FlowFacts(now=NOW, columns={"": COLUMN})
UNMAPPED = replace(FLOW, columns={})
UNSYNCHRONISED = replace(FLOW, is_synchronised=False)
OVERWRITING = replace(FLOW, allow_overwrite=True)

NEW = PersonFacts()
IN_LEARN = PlacedGrade(place=("BIO101", "Final grade", "u1"), value="B", mark="B", since=NOW)
EXPORTED = PersonFacts(pk=1, state="EXPORTED", grades=[IN_LEARN])


def in_doubt(person):
    """An overwrite by another mark may have arrived."""
    [grade] = person.grades
    doubt = replace(grade, value="another", mark="another", is_certain=False)
    return replace(person, state="FAILED", cause="UNCONFIRMED", grades=[doubt, replace(grade, ended_as="DOUBTED")])


IN_DOUBT = in_doubt(EXPORTED)


def mark(text):
    return Entry(user_id="u1", mark=text)


def alternative(text, mark=""):
    return Entry(user_id="u1", mark=mark, alternative_grade=text)


TRANSLATED = replace(
    COLUMN,
    translator=Translator(
        marks=Marks.NUMERIC, divisor=Decimal(100), alternatives={"U": "0", "FE": "0", "SYG": "1", "X": "101"}
    ),
    scale=Scale(points=Decimal(100)),
)
LETTERS = replace(
    COLUMN, translator=Translator(marks=Marks.TABLE, marks_table={"10": "B", "12": "A", "13": "A", "A": "B"})
)
SYMBOLS = replace(COLUMN, scale=Scale(points=Decimal(100), symbols=frozenset("AB"), takes_numbers=False))


def into(column, flow=FLOW):
    return replace(flow, columns={"": column})


def exported(mark="", alternative_grade="", *, value):
    """A person whose grade was translated to `value`."""
    grade = replace(IN_LEARN, value=value, mark=mark, alternative_grade=alternative_grade)
    return replace(EXPORTED, grades=[grade])


@pytest.mark.parametrize(
    ("entry", "column", "value"),
    [
        (mark("8999"), TRANSLATED, "89.99"),
        (mark("10000"), TRANSLATED, "100"),
        (alternative("U"), TRANSLATED, "0"),
        (alternative("SYG", "8999"), TRANSLATED, "1"),
        (mark("10"), LETTERS, "B"),
        (mark("A"), SYMBOLS, "A"),
        (mark("75.0"), replace(COLUMN, scale=Scale(points=Decimal(100))), "75.0"),
    ],
)
def test_the_translated_value_is_what_is_sent(entry, column, value):
    assert judge(entry, NEW, into(column)) == Send(value, column, "u1")


@pytest.mark.parametrize(
    ("entry", "column", "detail"),
    [
        (mark("A"), TRANSLATED, {"reason": "MARK_NO_NUMBER", "mark": "A"}),
        (mark("10001"), TRANSLATED, {"reason": "VALUE_OUT_OF_RANGE", "value": "100.01", "points": "100"}),
        (mark("7"), LETTERS, {"reason": "MARK_NOT_IN_TRANSLATION", "mark": "7"}),
        (alternative("FX"), TRANSLATED, {"reason": "CODE_NOT_IN_TRANSLATION", "mark": "FX"}),
        (alternative("U"), LETTERS, {"reason": "CODE_NOT_IN_TRANSLATION", "mark": "U"}),
        (alternative("12"), LETTERS, {"reason": "CODE_NOT_IN_TRANSLATION", "mark": "12"}),
        (alternative("X"), TRANSLATED, {"reason": "VALUE_OUT_OF_RANGE", "value": "101", "points": "100"}),
        (alternative("U", "A"), SYMBOLS, {"reason": "VALUE_NO_SYMBOL", "value": "U"}),
        (mark("75"), SYMBOLS, {"reason": "VALUE_NO_SYMBOL", "value": "75"}),
    ],
)
def test_a_grade_without_a_value_for_its_column_is_refused_and_says_why(entry, column, detail):
    assert judge(entry, NEW, into(column)) == Refused(Cause.VALUE_NOT_USABLE, detail)


def test_a_rule_that_forbids_the_grade_comes_before_a_value_that_is_not_usable():
    assert judge(mark("7"), NEW, into(LETTERS, UNSYNCHRONISED)) == Refused(Cause.NOT_SYNCHRONISED)


@pytest.mark.parametrize(
    ("entry", "person", "column"),
    [
        pytest.param(mark("8999"), exported("8999", value="89.99"), TRANSLATED, id="the same mark"),
        pytest.param(mark("10"), exported("10", value="C"), LETTERS, id="the same mark, another translation today"),
        pytest.param(mark("7"), exported("7", value="C"), LETTERS, id="the same mark, no translation today"),
        pytest.param(mark("13"), exported("12", value="A"), LETTERS, id="another mark that is translated alike"),
        pytest.param(alternative("U"), exported("", "U", value="0"), TRANSLATED, id="the same code"),
        pytest.param(alternative("U"), exported("", "U", value="-"), TRANSLATED, id="the same code, another today"),
        pytest.param(alternative("BF"), exported("", "BF", value="-"), TRANSLATED, id="the same code, none today"),
    ],
)
@pytest.mark.parametrize("flow", [FLOW, OVERWRITING])
def test_r3_the_exported_grade_again_is_a_success_whatever_its_translation_is_today(entry, person, column, flow):
    assert judge(entry, person, into(column, flow)) == AlreadyExported(person.grades[0].value)


def test_r3_the_exported_mark_again_is_a_success_where_the_flow_is_no_longer_mapped():
    assert judge(mark("8999"), exported("8999", value="89.99"), UNMAPPED) == AlreadyExported("89.99")


@pytest.mark.parametrize(
    ("entry", "person", "flow", "cause"),
    [
        pytest.param(
            mark("89.99"), exported("8999", value="89.99"), into(TRANSLATED), Cause.ALREADY_EXPORTED, id="a hundredth"
        ),
        pytest.param(
            mark("A"), exported("12", value="A"), into(LETTERS), Cause.ALREADY_EXPORTED, id="A, which means B today"
        ),
        pytest.param(
            mark("89.99"), exported("8999", value="89.99"), UNMAPPED, Cause.ALREADY_EXPORTED, id="nobody can tell today"
        ),
        pytest.param(
            mark("89.99"),
            in_doubt(exported("8999", value="89.99")),
            into(TRANSLATED),
            Cause.ALREADY_EXPORTED,
            id="a hundredth of what is in doubt",
        ),
        pytest.param(
            alternative("B"), IN_DOUBT, FLOW, Cause.ALREADY_EXPORTED, id="in doubt: an alternative grade is no mark"
        ),
        pytest.param(
            alternative("U"), exported("0", value="0"), into(TRANSLATED), Cause.ALREADY_EXPORTED, id="a code shown as 0"
        ),
        pytest.param(
            mark("0"),
            exported("", "U", value="0"),
            into(TRANSLATED, OVERWRITING),
            Cause.ALTERNATIVE_GRADE_LOCKED,
            id="R11: a mark that is shown as the code was",
        ),
        pytest.param(
            alternative("FE"),
            exported("", "U", value="0"),
            into(TRANSLATED, OVERWRITING),
            Cause.ALTERNATIVE_GRADE_LOCKED,
            id="R11: another code that is shown as the code was",
        ),
    ],
)
def test_a_grade_that_only_looks_like_the_exported_one_is_another(entry, person, flow, cause):
    verdict = judge(entry, person, flow)

    assert isinstance(verdict, Refused)
    assert verdict.cause == cause
    assert verdict.detail == {"value": person.grades[-1].value, "since_on": person.grades[-1].since.isoformat()}


def test_a_code_that_is_shown_as_the_exported_mark_is_sent_where_overwriting_is_allowed_so_that_it_is_locked():
    flow = into(TRANSLATED, OVERWRITING)

    assert judge(alternative("U"), exported("0", value="0"), flow) == Send("0", TRANSLATED, "u1")


def test_in_doubt_the_confirmed_grade_goes_again_by_todays_translation():
    person = in_doubt(exported("10", value="C"))

    assert judge(mark("10"), person, into(LETTERS)) == Send("B", LETTERS, "u1")


@pytest.mark.parametrize("marks", [("12", "12"), ("12", "13"), ("12", "10")])
def test_two_people_of_one_learn_user_are_refused_whatever_their_grades(marks):
    entries = [
        Entry(user_id=f"u{number}", mark=given, learn_user_id="L") for number, given in enumerate(marks, start=1)
    ]
    judged = {entry: judge(entry, NEW, into(LETTERS)) for entry in entries}

    assert list(refuse_shared_places(judged).values()) == [
        Refused(Cause.SAME_LEARN_USER, {"learn_user_id": "L", "others": ["u2"]}),
        Refused(Cause.SAME_LEARN_USER, {"learn_user_id": "L", "others": ["u1"]}),
    ]
