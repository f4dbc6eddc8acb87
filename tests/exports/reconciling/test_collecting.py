"""WISEflow, GradeBridge and Learn, each as it really is: what reconciliation says of every person."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from exports.fetching.flows import fetch
from exports.grades.translating import Marks
from exports.holding import hold_people
from exports.models import Correction, ExportAttempt, Flow, FlowInWiseflow, GradeInLearn, Participant, PersonInWiseflow
from exports.reconciling.collecting import reconcile
from exports.reconciling.kinds import Kind
from tests.conftest import COLUMN, COURSE
from tests.exports.fetching.conftest import MASTER, SECOND, hold
from tests.exports.reconciling.conftest import given, kinds, person, prove_all, reconciled
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    DecisionFactory,
    GradeColumnFactory,
    TranslationFactory,
    UserFactory,
)

EXPORTED, FAILED = 2, 3  # WISEflow's export states


def in_wiseflow(licence, flow, *people, **changes):
    hold(licence, *people, **changes)
    fetch(flow)


def test_what_all_three_agree_on(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "B"))
    in_wiseflow(licence, flow, person(1, grade="B", exportState=EXPORTED))
    prove_all()

    [line] = reconciled(flow).lines

    assert line.kinds == [Kind.AGREES]
    assert (line.wiseflow.given, line.spot.value, line.spot.written.value, line.learn.shown) == ("B", "B", "B", "B")
    assert line.spot.place == (COURSE, COLUMN, "1")


def test_graded_and_not_exported(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "B"))
    people = [person(1, grade="B", exportState=EXPORTED), person(2, grade="C"), person(3), person(4, adminGrade="U")]
    in_wiseflow(licence, flow, *people)

    assert kinds(flow) == {
        "1": [],
        "2": [Kind.GRADED_NOT_EXPORTED],
        "3": [Kind.NOT_GRADED],
        "4": [Kind.GRADED_NOT_EXPORTED],
    }
    assert reconciled(flow).missing == ["2", "3", "4"]


def test_without_wiseflows_api_who_is_expected_and_has_nothing_is_missing(flow, learn, wiseflow):
    wiseflow.export(given(1, "B"))
    Flow.objects.filter(pk=flow.pk).update(roster_imported_at=timezone.now())
    flow.participants.create(user_id="2", on_roster=True, added_by="SIS")

    assert kinds(flow) == {"1": [], "2": [Kind.MISSING]}


def test_while_the_period_runs_nothing_is_due(flow, learn, licence):
    flow.assessment_ends_at = timezone.now() + timedelta(days=1)
    flow.save()
    in_wiseflow(licence, flow, person(1, grade="B"), person(2))

    assert kinds(flow) == {"1": [Kind.NOT_DUE], "2": [Kind.NOT_DUE]}


def test_came_and_not_delivered(flow, learn, licence, wiseflow):
    wiseflow.export({**given(30, "B")})  # whom Learn does not know
    in_wiseflow(licence, flow, person(30, grade="B", exportState=FAILED, externalIds={"Learn id": "nobody"}))

    assert kinds(flow) == {"30": [Kind.NOT_DELIVERED]}


def test_wiseflow_says_exported_and_nothing_was_delivered(flow, learn, licence, wiseflow):
    wiseflow.export(given(30, "B"))
    people = [person(30, grade="B", exportState=EXPORTED), person(2, grade="C", exportState=EXPORTED)]
    in_wiseflow(licence, flow, *people)

    assert kinds(flow) == {
        "30": [Kind.EXPORTED_THERE_ONLY, Kind.NOT_DELIVERED],
        "2": [Kind.EXPORTED_THERE_ONLY, Kind.GRADED_NOT_EXPORTED],
    }


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (0, [Kind.DELIVERED_BUT_NOT_THERE]),
        (1, []),
        (2, []),
        (3, [Kind.DELIVERED_BUT_FAILED_THERE]),
        (5, []),  # which no one has documented
    ],
)
def test_delivered_and_what_wiseflow_says_of_it(flow, learn, licence, wiseflow, state, said):
    wiseflow.export(given(1, "B"))
    in_wiseflow(licence, flow, person(1, grade="B", exportState=state))

    assert kinds(flow) == {"1": said}


def test_what_wiseflow_said_before_the_export_says_nothing(flow, learn, licence, wiseflow):
    in_wiseflow(licence, flow, person(1, grade="B", exportState=0), person(2, grade="C"))
    wiseflow.export(given(1, "B"), given(2, "D"))

    assert kinds(flow) == {"1": [], "2": [Kind.READ_BEFORE]}


def test_an_export_from_wiseflows_api_is_known_not_to_be_followed_there(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "B"))
    ExportAttempt.objects.update(trigger=ExportAttempt.Trigger.PULL)
    in_wiseflow(licence, flow, person(1, grade="B", exportState=0))

    assert kinds(flow) == {"1": [Kind.PULLED]}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"grade": "B"}, []),
        ({"grade": "A"}, [Kind.CHANGED_IN_WISEFLOW]),
        ({"grade": "B", "adminGrade": "U"}, [Kind.CHANGED_IN_WISEFLOW]),
        ({}, [Kind.GONE_IN_WISEFLOW]),
    ],
)
def test_another_grade_in_wiseflow_than_was_exported(flow, learn, licence, wiseflow, there, said):
    wiseflow.export(given(1, "B"))
    in_wiseflow(licence, flow, person(1, exportState=EXPORTED, **there))

    assert kinds(flow) == {"1": said}


def test_another_grade_in_wiseflow_than_failed(flow, learn, licence, wiseflow):
    """A retry would send the old one."""
    wiseflow.export(given(30, "B"))
    in_wiseflow(licence, flow, person(30, grade="A", exportState=FAILED))

    assert kinds(flow) == {"30": [Kind.CHANGED_IN_WISEFLOW, Kind.NOT_DELIVERED]}


def test_numbers_are_compared_as_people_see_them(flow, learn, licence, wiseflow):
    scale = {"input": {"min": 0, "max": 10000, "modifier": 100, "decimals": 2}}
    wiseflow.export(given(1, "89.99"), given(2, "89.99"), given(3, "75.0"))
    people = [
        person(1, grade="8999", exportState=EXPORTED),
        person(2, grade="8998", exportState=EXPORTED),
        person(3, grade="7500", exportState=EXPORTED),
    ]
    in_wiseflow(licence, flow, *people, gradingScale=scale)

    lines = {line.person.user_id: line for line in reconciled(flow).lines}

    assert {who: line.kind for who, line in lines.items()} == {
        "1": Kind.NOT_READ,
        "2": Kind.CHANGED_IN_WISEFLOW,
        "3": Kind.NOT_READ,
    }
    assert (lines["2"].wiseflow.mark, lines["2"].spot.value) == ("89.98", "89.98")


def test_a_translation_that_divides_sees_the_number_as_it_is_stored(flow, learn, licence, wiseflow):
    flow.column_mappings.update(translation=TranslationFactory(marks=Marks.NUMERIC, divisor=Decimal(100)))
    scale = {"input": {"min": 0, "max": 10000, "modifier": 100, "decimals": 2}}
    wiseflow.export(given(1, "8999"))
    in_wiseflow(licence, flow, person(1, grade="8999", exportState=EXPORTED), gradingScale=scale)

    [line] = reconciled(flow).lines

    assert (line.kind, line.spot.value, line.spot.written.value) == (Kind.NOT_READ, "89.99", "89.99")


def test_a_number_of_which_no_one_knows_what_it_means_is_no_difference(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "89.99"), given(2, "B"))
    licence.missing_modules = {"grading_scale"}
    people = [person(1, grade="8999", exportState=EXPORTED), person(2, grade="C", exportState=EXPORTED)]
    in_wiseflow(licence, flow, *people)

    assert kinds(flow) == {"1": [Kind.NOT_COMPARABLE], "2": [Kind.CHANGED_IN_WISEFLOW]}


def test_a_translated_grade_is_the_same_grade(flow, learn, licence, wiseflow):
    translation = TranslationFactory(table={"B": "80", "A": "90"}, alternatives={"U": "0"})
    flow.column_mappings.update(translation=translation)
    wiseflow.export(given(1, "B"), given(2, "", "U"))
    in_wiseflow(
        licence, flow, person(1, grade="B", exportState=EXPORTED), person(2, adminGrade="U", exportState=EXPORTED)
    )

    lines = reconciled(flow).lines

    assert [(line.kind, line.spot.value, line.spot.written.value) for line in lines] == [
        (Kind.NOT_READ, "80", "80"),
        (Kind.NOT_READ, "0", "0"),
    ]


def test_left_out_by_a_rule_is_no_difference(flow, learn, licence, wiseflow):
    sources = [{"sourceId": 1, "code": "UNIwise||001||2021", "participants": [501, 503, 504]}]
    people = [
        person(1, grade="B"),
        person(2, grade="B"),  # by hand
        person(3, grade="B", activated=False),
        person(4, grade=""),
    ]
    in_wiseflow(licence, flow, *people, sources=sources)
    hold_people([Participant.objects.get(user_id="1").pk], reason="Appeal", by=UserFactory())

    assert kinds(flow) == {
        "1": [Kind.SKIPPED],
        "2": [Kind.SKIPPED],
        "3": [Kind.DEACTIVATED],
        "4": [Kind.NOT_GRADED],
    }


def test_a_grade_of_somebody_whom_wiseflow_does_not_list(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "B"), given(2, "C"))
    in_wiseflow(licence, flow, person(1, grade="B", exportState=EXPORTED))

    assert kinds(flow) == {"1": [], "2": [Kind.NOT_LISTED]}


def test_what_a_teacher_typed_and_what_was_cleared(flow, learn, wiseflow):
    wiseflow.export(given(1, "B"), given(2, "C"), given(3, "D"))
    learn.world.type_grade(COURSE, COLUMN, "1", "12", by="M. Hansen")
    learn.world.type_grade(COURSE, COLUMN, "2", "", by="M. Hansen")
    prove_all()

    found = reconciled(flow)

    assert [line.kinds for line in found.lines] == [[Kind.DIFFERENT_IN_LEARN], [Kind.ABSENT_IN_LEARN], [Kind.AGREES]]
    assert found.lines[0].learn.shown == "12"
    assert found.learn_read_at is not None


def test_a_difference_that_is_decided_is_none(flow, learn, wiseflow):
    wiseflow.export(given(1, "B"))
    learn.world.type_grade(COURSE, COLUMN, "1", "12", by="M. Hansen")
    prove_all()
    grade = GradeInLearn.objects.get()
    DecisionFactory(grade=grade, shown=grade.proof.shown, kind="KEEP", state="APPROVED", **decided())

    assert kinds(flow) == {"1": [Kind.DECIDED]}


def decided():
    user = UserFactory()
    return {"requested_by": user, "decided_by": user, "decided_at": timezone.now()}


def test_a_grade_that_was_not_sent_because_of_a_teachers(flow, learn, wiseflow):
    Flow.objects.update(protect_first_export=True)
    learn.world.type_grade(COURSE, COLUMN, "1", "12", by="M. Hansen")
    wiseflow.export(given(1, "B"))

    assert kinds(flow) == {"1": [Kind.DIFFERENT_IN_LEARN]}


def test_what_learn_does_not_let_be_read_is_no_difference(flow, learn, wiseflow):
    wiseflow.export(given(1, "B"))
    learn.privileges.take_away("course.gradebook-grades.VIEW")
    prove_all()

    assert kinds(flow) == {"1": [Kind.NOT_READABLE]}


def test_a_corrected_grade_is_another_than_wiseflows_on_purpose(flow, learn, licence, wiseflow):
    wiseflow.export(given(1, "B"))
    who = Participant.objects.get()
    GradeInLearn.objects.update(mark="A", value="A")
    CorrectionFactory(participant=who, mark_before="B", value_before="B", mark="A", approved=True)
    in_wiseflow(licence, flow, person(1, grade="B", exportState=EXPORTED))

    assert Correction.objects.get().state == "APPROVED"
    assert kinds(flow) == {"1": [Kind.CORRECTED]}


def test_each_source_is_compared_where_it_leads(flow, learn, licence, wiseflow):
    essay = GradeColumnFactory(course=flow.column_mappings.get().grade_column.course, name="Essay", in_learn=True)
    ColumnMappingFactory(flow=flow, source_code=SECOND, grade_column=essay)
    sources = [
        {"sourceId": 1, "code": MASTER, "participants": [501]},
        {"sourceId": 2, "code": SECOND, "participants": [501, 502]},
    ]
    people = [person(1, grade="B", exportState=EXPORTED), person(2, grade="C", exportState=EXPORTED)]
    in_wiseflow(licence, flow, *people, sources=sources)
    ColumnMappingFactory(
        flow=flow, source_code=MASTER, grade_column=flow.column_mappings.get(source_code="").grade_column
    )
    flow.column_mappings.filter(source_code="").delete()
    wiseflow.export(given(1, "B"), given(2, "C"))
    learn.world.type_grade(COURSE, "Essay", "1", "12", by="M. Hansen")
    prove_all()
    fetch(flow)

    lines = [(line.person.user_id, line.spot.place[1], line.kinds) for line in reconciled(flow).lines]

    assert sorted(lines) == [
        ("1", "Essay", [Kind.DIFFERENT_IN_LEARN]),
        ("1", COLUMN, [Kind.AGREES]),
        ("2", "Essay", [Kind.AGREES]),
    ]


def test_a_source_that_is_mapped_since_has_not_got_its_grade(flow, learn, licence, wiseflow):
    sources = [{"sourceId": 1, "code": MASTER, "participants": [501]}]
    in_wiseflow(licence, flow, person(1, grade="B", exportState=EXPORTED), sources=sources)
    wiseflow.export(given(1, "B"))
    fetch(flow)
    other = GradeColumnFactory(course=flow.column_mappings.get().grade_column.course, name="Essay", in_learn=True)
    ColumnMappingFactory(flow=flow, source_code=MASTER, grade_column=other)

    lines = [(line.spot.place[1], line.kinds) for line in reconciled(flow).lines]

    assert lines[0] == ("Essay", [Kind.EXPORTED_THERE_ONLY, Kind.GRADED_NOT_EXPORTED])
    assert lines[1][0] == COLUMN


def test_a_grade_that_was_left_behind(flow, learn, wiseflow):
    wiseflow.export(given(1, "B"))
    GradeInLearn.objects.update(left_behind_at=timezone.now())

    [line] = reconciled(flow).lines

    assert line.kinds == [Kind.LEFT_BEHIND, Kind.NOT_READ]


@pytest.mark.parametrize("people", [3, 60])
def test_the_number_of_statements_does_not_grow_with_people(flow, people, django_assert_num_queries, db):
    rows = [Participant(flow=flow, user_id=f"p{number:03}", on_roster=True, added_by="SIS") for number in range(people)]
    Participant.objects.bulk_create(rows)
    FlowInWiseflow.objects.create(flow=flow, fetched_at=timezone.now(), modifier=1)
    PersonInWiseflow.objects.bulk_create(
        PersonInWiseflow(participant=row, number=row.pk, grade="7", sources=[MASTER], fetched_at=timezone.now())
        for row in Participant.objects.all()
    )
    Flow.objects.refresh([flow.pk])
    flow.refresh_from_db()

    with django_assert_num_queries(STATEMENTS):
        [found] = reconcile([flow], now=timezone.now())

    assert {line.kind for line in found.lines} == {Kind.GRADED_NOT_EXPORTED}


STATEMENTS = 10
