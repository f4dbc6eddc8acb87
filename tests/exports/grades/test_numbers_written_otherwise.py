"""A number is the same grade however it is written; a symbol of the schema is not a number."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exports.grades.causes import Cause
from exports.grades.conflicts import contradictions, join_same_places
from exports.grades.facts import AlreadyExported, Column, Entry, FlowFacts, PersonFacts, PlacedGrade, Refused, Send
from exports.grades.rules import judge
from exports.grades.translating import Marks, NotTranslatable, Scale, Translator

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POINTS = Scale(points=Decimal(100))
DANISH = Scale(points=Decimal(100), symbols=frozenset({"12", "7", "02", "00"}), takes_numbers=False)
BOUNDED = replace(DANISH, takes_numbers=True)
COLUMN = Column(course_id="BIO101", name="Final grade", scale=POINTS)


def into(scale, translator=None):
    return FlowFacts(now=NOW, columns={"": replace(COLUMN, scale=scale, translator=translator)})


def exported(value, code=""):
    grade = PlacedGrade(
        place=("BIO101", "Final grade", "u1"),
        value=value,
        mark="" if code else value,
        alternative_grade=code,
        since=NOW,
    )
    return PersonFacts(pk=1, state="EXPORTED", grades=[grade])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("75", "75.0"),
        ("75.0", "75"),
        ("75", "75.00"),
        ("75", "075"),
        ("0", "0.0"),
        ("0", "00"),
        ("7.5", "7.50"),
        ("100", "1E2"),
        ("100", "1e+2"),
        ("0.1", "1E-1"),
        ("75", "+75"),
        ("-0", "0"),
    ],
)
def test_in_a_column_of_points_an_equal_number_is_the_grade_that_is_there(first, second):
    assert judge(Entry(user_id="u1", mark=second), exported(first), into(POINTS)) == AlreadyExported(first)


@pytest.mark.parametrize(
    ("first", "second", "scale"),
    [
        ("75", "75.01", POINTS),
        ("75", "57", POINTS),
        ("0", "0.0000001", POINTS),
        ("A", "a", POINTS),
        ("7", "07", DANISH),  # no symbol
        ("02", "2", DANISH),
        ("7", "7.0", BOUNDED),  # a symbol, and 7 points
        ("75", "75.0", None),  # a column that nothing is known of
    ],
)
def test_what_only_looks_alike_is_another_grade(first, second, scale):
    verdict = judge(Entry(user_id="u1", mark=second), exported(first), into(scale))

    assert isinstance(verdict, Refused)
    assert verdict.cause == Cause.ALREADY_EXPORTED


def test_an_alternative_grade_is_never_a_number():
    verdict = judge(Entry(user_id="u1", alternative_grade="0.0"), exported("0", code="0"), into(POINTS))

    assert isinstance(verdict, Refused)
    assert verdict.cause == Cause.ALTERNATIVE_GRADE_LOCKED


@pytest.mark.parametrize("other", ["75.0", "75.00", "075", "7.5e1", "+75"])
def test_entries_of_one_person_that_differ_only_so_do_not_contradict_each_other_and_are_sent_once(other):
    entries = [Entry(user_id="u1", mark="75"), Entry(user_id="u1", mark=other)]

    assert contradictions(entries) == set()
    kept, carried = join_same_places({entry: judge(entry, PersonFacts(), into(POINTS)) for entry in entries})
    assert list(kept.values()) == [Send("75", COLUMN, "u1")]
    assert carried == {entries[1]: entries[0]}


@pytest.mark.parametrize("value", ["12", "7", "02", "00"])
def test_a_number_that_is_also_a_symbol_of_a_schema_with_bounds_is_refused_unless_a_translation_names_it(value):
    with pytest.raises(NotTranslatable, match="a translation must say which"):
        BOUNDED.check(value)

    table = Translator(marks=Marks.TABLE, marks_table={"x": value})
    assert judge(Entry(user_id="u1", mark="x"), PersonFacts(), into(BOUNDED, table)).value == value


@pytest.mark.parametrize(("scale", "value"), [(DANISH, "12"), (DANISH, "02"), (BOUNDED, "75"), (BOUNDED, "12.0")])
def test_a_number_that_can_mean_one_thing_only_is_sent(scale, value):
    scale.check(value)
