"""Why one person's grade does not arrive: step by step, up to the first thing that is wrong."""

import pytest

from courses.models import ServiceCall
from exports.delivering import workers
from exports.mapping.health.why import MAX_CALLS, why
from exports.mapping.health.why_saying import say_answers
from exports.models import Participant
from tests.conftest import COLUMN, COURSE
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)

STEPS = ["PLACE", "COURSE", "OPEN", "COLUMN", "ENROLMENT", "AVAILABILITY", "VALUE", "SHOWN"]


def calls():
    return list(ServiceCall.objects.exclude(service="token").order_by("pk").values_list("service", flat=True))


def outcomes(participant):
    [place] = why(participant).places
    assert [answer.step for answer in place.answers] == STEPS
    return [answer.outcome.value for answer in place.answers]


def said(participant):
    """Step -> sentence and what to do, of those that were asked."""
    return {
        answer.step.value: f"{answer.sentence} {answer.what_to_do}".strip()
        for place in why(participant).places
        for answer in say_answers(place.answers, participant)
    }


def wrong_at(step):
    place = STEPS.index(step)
    return ["FOUND"] * place + ["WRONG"] + ["NOT_ASKED"] * (len(STEPS) - place - 1)


def set_up(learn, *, column=None, schemas=None, **course):
    given = {"points": 100.0, **(column or {})}
    held = {"users": ["u1", "u2"], "columns": {COLUMN: given}, "name": "Biology", **course}
    learn.world.replace({"schemas": schemas or {}, "courses": {COURSE: held, "BIO-ALL": {"columns": {COLUMN: given}}}})


@pytest.fixture
def person(learn, flow):
    """u1, whose 75 has failed."""
    set_up(learn)
    return ParticipantFactory(flow=flow, user_id="u1", failed=True, mark="75", first_name="Ada", last_name="Berg")


def test_where_nothing_is_in_the_way_every_step_is_green_in_five_calls(person):
    assert outcomes(person) == ["FOUND"] * 8
    assert calls() == ["course", "columns", "member", "schemas", "grade"]
    seen = said(person)
    assert seen["PLACE"] == f"A grade goes to column {COLUMN} of course {COURSE}, for Learn user u1."
    assert seen["COURSE"] == "It is in Learn, named Biology."
    assert seen["SHOWN"].startswith("Learn shows no grade.")


@pytest.mark.parametrize(
    ("there", "step", "words", "most"),
    [
        ({"parent": "BIO-ALL"}, "COURSE", "is merged into course BIO-ALL", 2),
        ({"closedComplete": True}, "OPEN", "is marked as completed", 1),
        ({"available": "Disabled"}, "OPEN", "is disabled in Learn", 1),
        ({"columns": {}}, "COLUMN", f"has no column named {COLUMN}", 2),
        ({"column": {"copies": [{"points": 1.0}]}}, "COLUMN", "has 2 columns named", 2),
        ({"column": {"itemType": "TOTAL_COLUMN"}}, "COLUMN", "Learn calculates column", 2),
        ({"users": ["u2"]}, "ENROLMENT", "The student is not enrolled in course BIO101-2026", 3),
        ({"memberships": {"u1": {"available": "Disabled"}}}, "AVAILABILITY", "but not available there", 3),
        ({"column": {"points": 50.0}}, "VALUE", "has 50 points in Learn, and 100 here", 4),
    ],
)
def test_the_first_thing_that_is_wrong_is_explained_and_the_rest_not_asked(person, learn, there, step, words, most):
    set_up(learn, **there)

    assert outcomes(person) == wrong_at(step)
    assert len(calls()) == most
    assert words in said(person)[step]


def test_a_course_that_is_not_in_learn(person, learn):
    learn.world.replace({"courses": {}})

    assert outcomes(person) == wrong_at("COURSE")
    assert calls() == ["course"]


def test_a_course_that_students_cannot_see_takes_grades(person, learn):
    set_up(learn, available="No")

    assert outcomes(person) == ["FOUND"] * 8
    assert "is not available in Learn" in said(person)["OPEN"]


def test_the_symbol_that_would_be_sent_is_looked_for(person, learn):
    mapping = person.flow.column_mappings.get()
    mapping.translation = TranslationFactory(table={"75": "B", "90": "A"})
    mapping.save()
    mapping.grade_column.grade_schema = GradeSchemaFactory(title="Letters", symbols="A=80:B=50:F=0")
    mapping.grade_column.save()
    column = {"schema": "Letters"}

    set_up(learn, column=column, schemas={"Letters": {"symbols": "A=80:F=0"}})
    assert outcomes(person) == wrong_at("VALUE")
    assert "which does not have: B." in said(person)["VALUE"]

    set_up(learn, column=column, schemas={"Letters": {"symbols": "B=50:F=0"}})  # no A, which is not theirs
    assert outcomes(person) == ["FOUND"] * 8


def test_a_grade_that_cannot_be_converted_is_said(person):
    Participant.objects.update(mark="175")
    person.refresh_from_db()

    assert outcomes(person) == wrong_at("VALUE")
    assert said(person)["VALUE"].startswith("The grade cannot be converted for Learn: ")


def test_what_a_teacher_has_typed_is_shown(person, learn):
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")

    assert outcomes(person) == wrong_at("SHOWN")
    assert "Learn shows 12 of 100, which GradeBridge has not sent" in said(person)["SHOWN"]


@pytest.mark.parametrize(
    ("typed", "outcome", "words"),
    [
        ("75", "FOUND", "Learn shows 75 of 100, as it was sent."),
        ("12", "WRONG", "Learn shows 12 of 100, and 75 was sent."),
        (None, "WRONG", "Learn shows no grade, and 75 was sent."),
    ],
)
def test_of_a_grade_that_was_sent_what_learn_shows_is_compared(learn, flow, wiseflow, typed, outcome, words):
    set_up(learn)
    wiseflow.export({"userId": "u1", "mark": "75"})
    workers.workers.wait_until_idle(seconds=20)
    learn.world.type_grade(COURSE, COLUMN, "u1", typed, by="M. Hansen")
    person = Participant.objects.get()

    assert outcomes(person)[-1] == outcome
    assert words in said(person)["SHOWN"]


def test_of_a_person_without_a_grade_no_value_is_looked_for(learn, flow):
    set_up(learn)
    person = ParticipantFactory(flow=flow, user_id="u1")

    assert outcomes(person) == ["FOUND"] * 6 + ["NOT_ASKED", "FOUND"]


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        ({"added_by_hand": True}, "was added by hand"),
        ({}, "is not on the roster"),
    ],
)
def test_who_is_not_exported_is_not_looked_up(learn, traits, words):
    person = ParticipantFactory(flow=FlowFactory(mapped=True, with_roster=True), **traits)

    assert outcomes(person) == wrong_at("PLACE")
    assert words in said(person)["PLACE"]
    assert calls() == []


def test_without_a_column_nothing_is_looked_up(learn):
    assert "No grade column is chosen" in said(ParticipantFactory(flow=FlowFactory()))["PLACE"]
    assert calls() == []


@pytest.mark.parametrize(
    ("privilege", "step"),
    [
        ("system.course.VIEW", "COURSE"),
        ("course.gradebook.MODIFY", "COLUMN"),
        ("course.gradebook-grades.VIEW", "SHOWN"),
    ],
)
def test_what_a_privilege_hides_could_not_be_read_and_is_not_wrong(person, learn, privilege, step):
    learn.privileges.take_away(privilege)

    found = outcomes(person)
    assert found[STEPS.index(step)] == "NOT_READ"
    assert "WRONG" not in found
    assert "privilege" in said(person)[step]


def test_an_anonymous_column_cannot_be_read_back(person, learn):
    set_up(learn, column={"anonymous": True, "itemType": "ASSIGNMENT"})

    assert outcomes(person)[-1] == "NOT_READ"


@pytest.mark.parametrize(
    "fault", ["wrong_types", "wrong_shape", "endless_paging", "foreign_page", "huge_name", "maintenance", "quota_long"]
)
def test_where_learn_is_away_or_odd_nothing_is_claimed(person, learn, fault):
    learn.faults.add(fault, times=None)

    found = outcomes(person)

    assert "WRONG" not in found
    assert "NOT_READ" in found


def test_of_several_places_at_most_six_calls_are_made(learn, flow):
    courses = {f"C{number}": {"users": ["u1"], "columns": {"Lab": {"points": 100.0}}} for number in range(3)}
    learn.world.replace({"courses": courses})
    flow.column_mappings.all().delete()
    for number in range(3):
        column = GradeColumnFactory(course=CourseFactory(course_id=f"C{number}"), name="Lab")
        ColumnMappingFactory(flow=flow, grade_column=column, source_code=f"S{number}")
    person = ParticipantFactory(
        flow=flow, user_id="u1", failed=True, mark="75", sources={f"S{number}": None for number in range(3)}
    )

    looked = why(person)

    assert looked.calls == len(calls()) == MAX_CALLS
    assert [place.source_code for place in looked.places] == ["S0", "S1", "S2"]
    assert [answer.outcome.value for answer in looked.places[0].answers] == ["FOUND"] * 8
    assert [answer.outcome.value for answer in looked.places[1].answers] == ["FOUND"] * 3 + ["NOT_ASKED"] * 5
    last = looked.places[-1].answers
    assert [answer.outcome.value for answer in last] == ["FOUND"] + ["NOT_ASKED"] * 7
    assert say_answers(last, person)[1].sentence == "One look makes no more than 6 calls to Learn."


def test_a_course_of_several_sources_is_read_once(learn, flow):
    learn.world.replace(
        {"courses": {COURSE: {"users": ["u1"], "columns": {name: {"points": 100.0} for name in ("A", "B")}}}}
    )
    course = flow.column_mappings.get().grade_column.course
    flow.column_mappings.all().delete()
    for name in ("A", "B"):
        ColumnMappingFactory(flow=flow, grade_column=GradeColumnFactory(course=course, name=name), source_code=name)
    person = ParticipantFactory(flow=flow, user_id="u1", failed=True, mark="75", sources={"A": None, "B": None})

    looked = why(person)

    assert calls() == ["course", "columns", "member", "schemas", "grade", "grade"]
    assert looked.calls == 6
    assert [answer.outcome for answer in looked.places[1].answers] == ["FOUND"] * 8


def test_many_pages_of_columns_do_not_break_the_bound(person, learn):
    columns = {f"Column {number:04}": {"points": 1.0} for number in range(1500)}
    learn.world.merge({"courses": {COURSE: {"columns": columns}}})

    looked = why(person)

    assert looked.calls == len(calls()) == MAX_CALLS
