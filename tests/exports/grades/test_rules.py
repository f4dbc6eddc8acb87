"""WISEflow's rules as tables: what is given and known -> what is to become of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exports.grades.causes import Cause
from exports.grades.facts import (
    AlreadyExported,
    Column,
    Entry,
    FlowFacts,
    OpenDelivery,
    PersonFacts,
    PlacedGrade,
    Refused,
    Send,
)
from exports.grades.rules import by_source, judge

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=ZoneInfo("Europe/Copenhagen"))
EARLIER = datetime(2026, 5, 3, 22, 30, tzinfo=UTC)  # the 4th of May in Copenhagen
LATER = NOW + timedelta(days=2)
B_OF_MAY = {"value": "B", "since_on": EARLIER.isoformat()}
COLUMN = Column(course_id="BIO101", name="Final grade")
OTHER = Column(course_id="BIO102", name="Final grade")

FLOW = FlowFacts(now=NOW, columns={"": COLUMN})
RUNNING = replace(FLOW, assessment_ends_at=LATER)
INSTANT = replace(RUNNING, instant_export=True)
UNMAPPED = replace(FLOW, columns={})
UNSYNCHRONISED = replace(FLOW, is_synchronised=False)
WITH_ROSTER = replace(FLOW, has_roster=True)
OVERWRITING = replace(FLOW, allow_overwrite=True)

NEW = PersonFacts()
HERE = ("BIO101", "Final grade", "u1")
IN_LEARN = PlacedGrade(place=HERE, value="B", mark="B", since=EARLIER)
CODE_IN_LEARN = PlacedGrade(place=HERE, value="U", alternative_grade="U", since=EARLIER)
DOUBT = replace(IN_LEARN, value="C", mark="C", is_certain=False)
EXPORTED = PersonFacts(pk=1, state="EXPORTED", grades=[IN_LEARN])
LOCKED = PersonFacts(pk=1, state="EXPORTED", grades=[CODE_IN_LEARN])
IN_DOUBT = PersonFacts(pk=1, state="FAILED", cause="UNCONFIRMED", grades=[DOUBT, replace(IN_LEARN, ended_as="DOUBTED")])
LOST = PersonFacts(pk=1, state="FAILED", cause="COLUMN_DELETED", grades=[replace(IN_LEARN, ended_as="COLUMN_DELETED")])
ELSEWHERE = replace(EXPORTED, grades=[replace(IN_LEARN, place=("BIO101", "Final grade", "wrong"))])
FAILED = PersonFacts(pk=1, state="FAILED", cause="LEARN_UNAVAILABLE")
OPEN = OpenDelivery(source_code="", place=HERE)
ON_ITS_WAY = PersonFacts(pk=1, state="QUEUED", open_deliveries=[OPEN])
BEING_OVERWRITTEN = replace(EXPORTED, state="QUEUED", open_deliveries=[OPEN])
LISTED = PersonFacts(pk=1, on_roster=True)
ADDED_BY_HAND = replace(LISTED, added_by="MANUAL")


def mark(text):
    return Entry(user_id="u1", mark=text)


def alternative(text, mark=""):
    return Entry(user_id="u1", mark=mark, alternative_grade=text)


NOTHING = Entry(user_id="u1")


@pytest.mark.parametrize(
    ("entry", "person", "flow"),
    [
        pytest.param(mark("B"), NEW, FLOW, id="a new person"),
        pytest.param(mark("0"), NEW, FLOW, id="R7: 0 is an assessment"),
        pytest.param(mark("B"), FAILED, FLOW, id="R5: a failed one may go again"),
        pytest.param(
            mark("B"), NEW, replace(FLOW, assessment_ends_at=NOW), id="R2: the end itself is after the period"
        ),
        pytest.param(mark("B"), NEW, INSTANT, id="R9: instant export lifts R2"),
        pytest.param(alternative("U"), NEW, FLOW, id="an alternative grade with the normal export"),
        pytest.param(
            alternative("U"),
            NEW,
            replace(INSTANT, assessment_ends_at=NOW - timedelta(seconds=1)),
            id="R10: after the end an alternative grade goes with instant export too",
        ),
        pytest.param(mark("B"), LISTED, WITH_ROSTER, id="R8: on the roster"),
        pytest.param(mark("A"), EXPORTED, OVERWRITING, id="overwriting is allowed"),
        pytest.param(alternative("U"), EXPORTED, OVERWRITING, id="overwriting a mark with an alternative grade"),
        pytest.param(mark("B"), IN_DOUBT, FLOW, id="in doubt: the confirmed grade is sent again"),
        pytest.param(mark("B"), IN_DOUBT, OVERWRITING, id="in doubt: never claimed blindly"),
        pytest.param(mark("A"), IN_DOUBT, OVERWRITING, id="in doubt: the new grade again"),
    ],
)
def test_a_grade_that_no_rule_forbids_is_sent_as_it_was_given(entry, person, flow):
    assert judge(entry, person, flow) == Send(entry.given, COLUMN, "u1")


@pytest.mark.parametrize(
    ("entry", "person", "flow", "cause"),
    [
        pytest.param(mark("B"), NEW, UNSYNCHRONISED, Cause.NOT_SYNCHRONISED, id="R1"),
        pytest.param(mark("B"), NEW, RUNNING, Cause.ASSESSMENT_NOT_ENDED, id="R2"),
        pytest.param(mark("A"), EXPORTED, FLOW, Cause.ALREADY_EXPORTED, id="R3"),
        pytest.param(alternative("U"), EXPORTED, FLOW, Cause.ALREADY_EXPORTED, id="R3: by an alternative grade"),
        pytest.param(mark("A"), IN_DOUBT, FLOW, Cause.ALREADY_EXPORTED, id="R3: in doubt, another grade"),
        pytest.param(mark("b"), EXPORTED, FLOW, Cause.ALREADY_EXPORTED, id="R3: case makes another grade"),
        pytest.param(NOTHING, NEW, FLOW, Cause.NO_ASSESSMENT, id="R7"),
        pytest.param(NOTHING, EXPORTED, FLOW, Cause.NO_ASSESSMENT, id="R7: exported before"),
        pytest.param(NOTHING, LOCKED, OVERWRITING, Cause.NO_ASSESSMENT, id="R7: locked before"),
        pytest.param(mark("B"), NEW, WITH_ROSTER, Cause.NOT_ON_ROSTER, id="R8"),
        pytest.param(mark("B"), ADDED_BY_HAND, WITH_ROSTER, Cause.ADDED_BY_HAND, id="R8: added by hand"),
        pytest.param(alternative("U"), NEW, INSTANT, Cause.ALTERNATIVE_GRADE_TOO_EARLY, id="R10"),
        pytest.param(alternative("U", "B"), NEW, INSTANT, Cause.ALTERNATIVE_GRADE_TOO_EARLY, id="R10: beside a mark"),
        pytest.param(mark("B"), LOCKED, FLOW, Cause.ALTERNATIVE_GRADE_LOCKED, id="R11: by a mark"),
        pytest.param(alternative("FE"), LOCKED, OVERWRITING, Cause.ALTERNATIVE_GRADE_LOCKED, id="R11: by another code"),
        pytest.param(mark("B"), LOCKED, OVERWRITING, Cause.ALTERNATIVE_GRADE_LOCKED, id="R11: overwriting is allowed"),
        pytest.param(mark("B"), ON_ITS_WAY, FLOW, Cause.IN_PROGRESS, id="on its way"),
        pytest.param(mark("B"), BEING_OVERWRITTEN, OVERWRITING, Cause.IN_PROGRESS, id="its grade is being overwritten"),
        pytest.param(mark("B"), NEW, UNMAPPED, Cause.NOT_MAPPED, id="no column"),
        pytest.param(
            mark("B"), NEW, replace(FLOW, columns={"S": COLUMN}), Cause.SOURCE_NOT_MAPPED, id="no column for no source"
        ),
        pytest.param(
            replace(mark("B"), fault=Cause.ENTRY_NOT_USABLE), EXPORTED, FLOW, Cause.ENTRY_NOT_USABLE, id="not usable"
        ),
    ],
)
def test_a_rule_that_forbids_a_grade_gives_its_cause(entry, person, flow, cause):
    verdict = judge(entry, person, flow)

    assert isinstance(verdict, Refused)
    assert verdict.cause == cause


@pytest.mark.parametrize(
    ("entry", "person"),
    [
        pytest.param(mark("B"), EXPORTED, id="the mark"),
        pytest.param(alternative("U"), LOCKED, id="the alternative grade"),
        pytest.param(alternative("U", "B"), LOCKED, id="the alternative grade, with a mark that it overrides"),
        pytest.param(mark("U"), LOCKED, id="the same value as a mark"),
    ],
)
@pytest.mark.parametrize("flow", [FLOW, OVERWRITING, RUNNING, UNMAPPED, UNSYNCHRONISED, WITH_ROSTER])
def test_what_learn_has_confirmed_is_a_success_without_a_call_whatever_became_of_the_flow(entry, person, flow):
    assert judge(entry, person, flow) == AlreadyExported(person.grades[0].value)


def test_the_first_rule_that_refuses_gives_the_reason():
    """Everything is wrong at once; each repair brings the next reason to light, until the grade may go."""
    flow = replace(FlowFacts(now=NOW), is_synchronised=False, assessment_ends_at=LATER, has_roster=True)
    entry, person = NOTHING, BEING_OVERWRITTEN
    seen = []

    def look():
        verdict = judge(entry, person, flow)
        seen.append(verdict.cause if isinstance(verdict, Refused) else type(verdict))

    look()
    person = LOCKED
    entry = alternative("FE")
    look()
    person = EXPORTED
    look()
    person = NEW
    look()
    flow = replace(flow, columns={"S": COLUMN})
    look()
    flow = replace(flow, is_synchronised=True)
    look()
    flow = replace(flow, instant_export=True)
    look()
    entry = NOTHING
    look()
    entry = mark("B")
    look()
    person = ADDED_BY_HAND
    look()
    person = LISTED
    look()
    entry = replace(entry, source_code="S")
    look()

    assert seen == [
        Cause.IN_PROGRESS,
        Cause.ALTERNATIVE_GRADE_LOCKED,
        Cause.ALREADY_EXPORTED,
        Cause.NOT_MAPPED,
        Cause.NOT_SYNCHRONISED,
        Cause.ASSESSMENT_NOT_ENDED,
        Cause.ALTERNATIVE_GRADE_TOO_EARLY,
        Cause.NO_ASSESSMENT,
        Cause.NOT_ON_ROSTER,
        Cause.ADDED_BY_HAND,
        Cause.SOURCE_NOT_MAPPED,
        Send,
    ]


@pytest.mark.parametrize(
    ("in_entry", "of_person", "columns", "column"),
    [
        ("", "", {"": COLUMN}, COLUMN),
        ("S", "", {"": COLUMN}, COLUMN),
        ("S", "", {"": COLUMN, "S": OTHER}, OTHER),
        ("", "S", {"": COLUMN, "S": OTHER}, OTHER),
        ("S", "T", {"T": COLUMN, "S": OTHER}, OTHER),
        ("", "", {"": COLUMN, "S": OTHER}, COLUMN),
        ("", "S", {"": COLUMN}, COLUMN),
    ],
)
def test_the_source_of_the_entry_else_of_the_person_decides_the_column(in_entry, of_person, columns, column):
    sources = {of_person: "SIS"} if of_person else {}
    entry, person = replace(mark("B"), source_code=in_entry), PersonFacts(sources=sources)
    flow = FlowFacts(now=NOW, columns=columns)

    [part] = by_source(entry, person, flow)

    assert judge(part, person, flow) == Send("B", column, "u1")


@pytest.mark.parametrize(
    ("sources", "columns", "parts"),
    [
        pytest.param({"S": "SIS", "T": "SIS"}, {"S": COLUMN, "T": OTHER}, ["S", "T"], id="both are mapped"),
        pytest.param({"S": "SIS", "T": "SIS"}, {"": COLUMN, "T": OTHER}, ["T"], id="one is mapped"),
        pytest.param({"S": "SIS", "T": "SIS"}, {"": COLUMN}, ["S"], id="none is mapped: the default, once"),
        pytest.param({"S": "SIS", "T": "MANUAL"}, {"S": COLUMN, "T": OTHER}, ["S"], id="added to one by hand"),
        pytest.param({"S": "", "T": None}, {"S": COLUMN, "T": OTHER}, ["S"], id="the roster knows one alone"),
        pytest.param({"S": None, "T": None}, {"S": COLUMN, "T": OTHER}, ["S", "T"], id="bodies have named both"),
        pytest.param({"S": "MANUAL"}, {"S": COLUMN}, [""], id="added by hand altogether"),
        pytest.param({}, {"S": COLUMN, "": OTHER}, [""], id="no source is known"),
    ],
)
def test_an_entry_without_a_source_is_for_each_that_the_person_has_and_the_flow_maps(sources, columns, parts):
    person, flow = PersonFacts(on_roster=True, sources=sources), FlowFacts(now=NOW, columns=columns)

    assert [part.source_code for part in by_source(mark("B"), person, flow)] == parts
    assert by_source(replace(mark("B"), source_code="X"), person, flow) == (replace(mark("B"), source_code="X"),)


# Places: a grade is exported where it is

OF_S = replace(IN_LEARN, source_code="S")
IN_S = PersonFacts(pk=1, state="EXPORTED", sources={"S": None}, grades=[OF_S])
TWO_COLUMNS = replace(FLOW, columns={"S": COLUMN, "T": OTHER})


@pytest.mark.parametrize(
    ("entry", "person", "flow", "expected"),
    [
        pytest.param(mark("B"), ELSEWHERE, FLOW, Send("B", COLUMN, "u1"), id="the same mark, at another Learn user"),
        pytest.param(mark("A"), ELSEWHERE, FLOW, Send("A", COLUMN, "u1"), id="another mark, where there was none"),
        pytest.param(
            mark("B"), EXPORTED, replace(FLOW, columns={"": OTHER}), Send("B", OTHER, "u1"), id="another column"
        ),
        pytest.param(
            replace(mark("B"), source_code="T"), IN_S, TWO_COLUMNS, Send("B", OTHER, "u1"), id="the other source"
        ),
        pytest.param(replace(mark("B"), source_code="S"), IN_S, TWO_COLUMNS, AlreadyExported("B"), id="its own source"),
        pytest.param(mark("B"), LOST, FLOW, Send("B", COLUMN, "u1"), id="lost with its column: the same grade"),
        pytest.param(mark("A"), LOST, FLOW, Refused(Cause.ALREADY_EXPORTED, B_OF_MAY), id="lost: no other grade"),
        pytest.param(
            mark("B"),
            replace(EXPORTED, grades=[replace(IN_LEARN, is_called=True)]),
            FLOW,
            Refused(Cause.IN_PROGRESS),
            id="another grade is on its way to the place",
        ),
        pytest.param(
            mark("B"),
            replace(EXPORTED, grades=[replace(IN_LEARN, is_left_behind=True)]),
            FLOW,
            AlreadyExported("B"),
            id="left behind, and led to again",
        ),
        pytest.param(
            mark("A"), replace(EXPORTED, grades=[DOUBT]), FLOW, Send("A", COLUMN, "u1"), id="doubtful since the first"
        ),
        pytest.param(mark("C"), IN_DOUBT, FLOW, Send("C", COLUMN, "u1"), id="in doubt: the grade that may be there"),
    ],
)
def test_already_exported_means_that_it_is_at_the_place_where_it_would_go(entry, person, flow, expected):
    assert judge(entry, person, flow) == expected


def test_an_alternative_grade_goes_along_to_another_place_and_stays_locked_there():
    person = replace(LOCKED, grades=[replace(CODE_IN_LEARN, place=("BIO101", "Final grade", "wrong"))])

    assert judge(alternative("U"), person, FLOW) == Send("U", COLUMN, "u1")
    for other in (alternative("FE"), mark("B")):
        assert judge(other, person, OVERWRITING).cause == Cause.ALTERNATIVE_GRADE_LOCKED


def test_a_source_without_a_column_is_named():
    flow = FlowFacts(now=NOW, columns={"S": COLUMN})

    assert judge(replace(mark("B"), source_code="UNIwise||001||2021"), NEW, flow) == Refused(
        Cause.SOURCE_NOT_MAPPED, {"source_code": "UNIwise||001||2021"}
    )


@pytest.mark.parametrize(
    ("in_entry", "of_person", "learn_user"), [("", "", "u1"), ("", "L1", "L1"), ("L2", "L1", "L2"), ("L2", "", "L2")]
)
def test_the_learn_user_is_what_the_entry_says_else_the_roster_else_the_user_id(in_entry, of_person, learn_user):
    entry, person = replace(mark("B"), learn_user_id=in_entry), PersonFacts(learn_user_id=of_person)

    assert judge(entry, person, FLOW) == Send("B", COLUMN, learn_user)


@pytest.mark.parametrize(
    ("entry", "person", "flow", "detail"),
    [
        (mark("A"), EXPORTED, FLOW, B_OF_MAY),
        (mark("A"), LOCKED, FLOW, B_OF_MAY | {"value": "U"}),
        (mark("A"), NEW, RUNNING, {"ends_at": LATER.isoformat()}),
        (alternative("U"), NEW, INSTANT, {"ends_at": LATER.isoformat()}),
    ],
)
def test_a_refusal_carries_the_grade_and_the_moment_that_it_is_about(entry, person, flow, detail):
    verdict = judge(entry, person, flow)

    assert isinstance(verdict, Refused)
    assert verdict.detail == detail


def test_a_fault_of_the_entry_itself_comes_before_everything_that_is_known():
    entry = replace(mark("B"), fault=Cause.CONTRADICTORY_ENTRIES, fault_detail={"text": "as it is"})

    assert judge(entry, EXPORTED, FLOW) == Refused(Cause.CONTRADICTORY_ENTRIES, {"text": "as it is"})


def test_5_and_the_text_5_are_one_person():
    number, text = (Entry(user_id="5", user_id_is_number=is_number, mark="B") for is_number in (True, False))

    assert {number, text} == {number}


# Approved corrections: from B to A

APPROVED_NOT_SENT = replace(EXPORTED, approved_mark="A", cause="NOT_MAPPED")  # a rule has refused it
APPROVED_IN_DOUBT = replace(IN_DOUBT, approved_mark="A")


@pytest.mark.parametrize("person", [APPROVED_NOT_SENT, APPROVED_IN_DOUBT])
def test_an_approved_mark_may_replace_the_exported_one_and_no_other_may(person):
    assert judge(mark("A"), person, FLOW) == Send("A", COLUMN, "u1")
    assert judge(mark("C"), person, FLOW) == Refused(
        Cause.ALREADY_EXPORTED, B_OF_MAY | {"reason": "CORRECTION_APPROVED", "mark": "A"}
    )


@pytest.mark.parametrize("person", [APPROVED_NOT_SENT, APPROVED_IN_DOUBT])
def test_it_is_approved_as_a_mark_and_not_as_an_alternative_grade(person):
    assert isinstance(judge(alternative("A"), person, FLOW), Refused)
    assert isinstance(judge(alternative("A", "A"), person, FLOW), Refused)


def test_the_old_mark_is_a_success_where_learn_surely_shows_it_and_undoes_nothing_in_doubt():
    assert judge(mark("B"), APPROVED_NOT_SENT, FLOW) == AlreadyExported("B")
    assert isinstance(judge(mark("B"), APPROVED_IN_DOUBT, FLOW), Refused)


@pytest.mark.parametrize(
    ("person", "cause"),
    [
        (replace(LOCKED, approved_mark="A"), Cause.ALTERNATIVE_GRADE_LOCKED),
        (replace(BEING_OVERWRITTEN, approved_mark="A"), Cause.IN_PROGRESS),
    ],
)
@pytest.mark.parametrize("flow", [FLOW, OVERWRITING])
def test_an_approval_lifts_no_other_rule(person, cause, flow):
    assert judge(mark("A"), person, flow).cause == cause


@pytest.mark.parametrize(
    ("letter", "is_sent"),
    [pytest.param("x", True), pytest.param("é", True), pytest.param("学", False), pytest.param("🎓", False)],
)
def test_a_place_whose_names_do_not_fit_into_the_index_of_calls_holds_up_nobody_else(letter, is_sent):
    column = Column(course_id=letter * 333, name=letter * 333)
    verdict = judge(Entry(user_id="u1", mark="B", learn_user_id=letter * 333), NEW, replace(FLOW, columns={"": column}))
    if is_sent:
        assert isinstance(verdict, Send)
    else:
        assert verdict == Refused(Cause.VALUE_NOT_USABLE, {"reason": "NAMES_TOO_LONG"})


def test_a_column_that_is_deleted_in_learn_takes_nothing():
    deleted = replace(COLUMN, takes_grades=False)
    assert judge(mark("B"), NEW, replace(FLOW, columns={"": deleted})) == Refused(
        Cause.COLUMN_DELETED, {"column_name": "Final grade"}
    )


def test_an_alternative_grade_that_learn_no_longer_holds_may_be_sent_again_and_no_other():
    gone = replace(LOCKED, state="FAILED", grades=[replace(CODE_IN_LEARN, ended_as="COLUMN_DELETED")])
    assert isinstance(judge(alternative("U"), gone, FLOW), Send)
    for other in (alternative("X"), mark("U")):
        assert judge(other, gone, FLOW).cause == Cause.ALTERNATIVE_GRADE_LOCKED
