"""What the entries of one body mean for each other, and for what is in Learn already."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exports.grades.causes import Cause
from exports.grades.conflicts import Holder, contradictions, join_same_places, refuse_shared_places, refuse_taken_places
from exports.grades.facts import Column, Entry, PersonFacts, PlacedGrade, Refused, Send

COLUMN = Column(course_id="BIO101", name="Final grade")
OTHER = Column(course_id="BIO102", name="Final grade")
HERE = ("BIO101", "Final grade", "L")
B = Entry(user_id="u1", mark="B")
OF_S, OF_T = replace(B, source_code="S"), replace(B, source_code="T")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(B, mark="C"), id="another mark"),
        pytest.param(replace(B, mark=""), id="no mark"),
        pytest.param(replace(B, alternative_grade="U"), id="an alternative grade"),
        pytest.param(replace(B, learn_user_id="L"), id="another Learn user"),
        pytest.param(replace(OF_S, learn_user_id="L"), id="another Learn user for another source"),
    ],
)
def test_entries_that_contradict_each_other_are_all_refused(other):
    assert contradictions([B, other, Entry(user_id="u2", mark="D")]) == {B, other}


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([B, B], id="the same"),
        pytest.param([replace(OF_S, mark="C"), OF_T], id="different grades for different sources"),
        pytest.param([B, replace(B, user_id="u2", mark="C")], id="different people"),
        pytest.param([B, replace(B, mark="", fault=Cause.ENTRY_NOT_USABLE)], id="one is not usable"),
    ],
)
def test_other_entries_contradict_nothing(entries):
    assert contradictions(entries) == set()


def test_equal_grades_of_one_person_for_one_place_are_sent_once():
    verdicts = {OF_S: Send("B", COLUMN, "L"), OF_T: Send("B", COLUMN, "L")}

    assert join_same_places(verdicts) == ({OF_S: Send("B", COLUMN, "L")}, {OF_T: OF_S})


def test_different_grades_of_one_person_for_one_place_are_contradictory():
    other = replace(OF_T, mark="C")

    kept, carried = join_same_places({OF_S: Send("B", COLUMN, "L"), other: Send("C", COLUMN, "L")})

    assert kept == dict.fromkeys([OF_S, other], Refused(Cause.CONTRADICTORY_ENTRIES))
    assert carried == {}


def test_grades_for_different_places_stand_beside_each_other():
    verdicts = {OF_S: Send("B", COLUMN, "L"), OF_T: Send("B", OTHER, "L")}

    assert join_same_places(verdicts) == (verdicts, {})
    assert refuse_shared_places(verdicts) == verdicts


def test_everyone_who_leads_to_one_place_is_told_of_the_others():
    entries = [Entry(user_id=f"u{number}", mark="B") for number in range(6)]

    verdicts = refuse_shared_places({entry: Send("B", COLUMN, "L") for entry in entries})

    assert verdicts[entries[0]] == Refused(
        Cause.SAME_LEARN_USER, {"learn_user_id": "L", "others": ["u1", "u2", "u3", "u4", "u5"]}
    )


MINE = Holder(1, "u1", 7, "77", "B")
SAME_FLOW = Holder(2, "u2", 7, "77", "A")
RESIT = Holder(3, "u1", 8, "78", "C")


@pytest.mark.parametrize(
    ("holders", "is_correction", "expected"),
    [
        pytest.param([MINE], False, Send("B", COLUMN, "L"), id="their own"),
        pytest.param(
            [SAME_FLOW],
            False,
            Refused(Cause.SAME_LEARN_USER, {"learn_user_id": "L", "others": ["u2"]}),
            id="the same flow",
        ),
        pytest.param(
            [replace(SAME_FLOW, is_in_progress=True)],
            False,
            Refused(Cause.SAME_LEARN_USER, {"learn_user_id": "L", "others": ["u2"]}),
            id="on its way",
        ),
        pytest.param([RESIT], False, Send("B", COLUMN, "L"), id="another flow: it is replaced"),
        pytest.param(
            [replace(RESIT, alternative_grade="U", value="U")],
            True,
            Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER, {"value": "U", "user_id": "u1", "flow_id": "78"}),
            id="a correction replaces no alternative grade of another flow",
        ),
        pytest.param(
            [replace(RESIT, alternative_grade="U", value="U")], False, Send("B", COLUMN, "L"), id="a resit does"
        ),
    ],
)
def test_whose_grade_may_be_replaced(holders, is_correction, expected):
    entry = replace(B, is_correction=is_correction)
    known = {"u1": PersonFacts(pk=1)}

    assert refuse_taken_places({entry: Send("B", COLUMN, "L")}, known, {HERE: holders}, 7) == {entry: expected}


@pytest.mark.parametrize(
    ("ended_as", "is_certain", "cause"),
    [
        ("OVERWRITTEN", True, Cause.REPLACED),
        ("OVERWRITTEN", False, Cause.REPLACED),  # it was replaced for certain, by a grade that is in doubt since
        ("DOUBTED", True, Cause.REPLACED),
        ("DOUBTED", False, Cause.PERHAPS_REPLACED),
    ],
)
def test_a_grade_that_another_flow_has_replaced_does_not_come_back(ended_as, is_certain, cause):
    mine = PlacedGrade(place=HERE, value="B", since=datetime(2026, 5, 1, tzinfo=UTC), ended_as=ended_as)
    known = {"u1": PersonFacts(pk=1, grades=[mine])}
    holders = {HERE: [replace(RESIT, is_certain=is_certain)]}

    verdicts = refuse_taken_places({B: Send("B", COLUMN, "L")}, known, holders, 7)

    assert verdicts == {B: Refused(cause, RESIT.detail)}
