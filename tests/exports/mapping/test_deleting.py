"""Deleting a column in Learn: what keeps it, and what becomes of the grades that stood in it."""

import pytest
from django.db import transaction

from courses import provisioning
from courses.models import GradeColumn, ProvisioningRun
from exports import correcting, retrying
from exports.correcting import NotCorrectable
from exports.grades.causes import Cause
from exports.mapping import deleting
from exports.mapping.deleting import DeletionRefused
from exports.models import ExportState, Flow, GradeInLearn, Participant
from exports.tasks import deliver_attempt
from tests.conftest import let_no_one_look
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    DeliveryFactory,
    GradeColumnFactory,
    GradeInLearnFactory,
    ParticipantFactory,
    ProvisioningStepFactory,
    UserFactory,
)

COLUMN = "Written exam"


@pytest.fixture
def column(flow):
    return GradeColumn.objects.get()


@pytest.fixture
def exported(learn, wiseflow, column):
    """u1 has a B in Learn, u2 the alternative grade U."""
    answer = wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "adminGrade": "U"})
    assert answer["numberOfSuccess"] == 2


def delete(column, *, although_graded=True, typed_name=COLUMN, carry_out=True):
    run = deleting.delete_in_learn(
        column,
        typed_name=typed_name,
        although_graded=although_graded,
        by=UserFactory(administrator=True),
        in_background=not carry_out,
    )
    if carry_out:
        provisioning.carry_out(run)
    return run


def retry(**wanted):
    run = retrying.retry(Participant.objects.filter(**wanted), by=None, in_background=False)
    for attempt in run.attempts:
        deliver_attempt.call(attempt.pk)


@pytest.mark.parametrize("typed_name", ["", "written exam", "Exam"])
def test_the_name_must_be_typed(flow, column, typed_name):
    with pytest.raises(DeletionRefused, match="the name of the column is 'Written exam'"):
        delete(column, typed_name=typed_name)
    assert not ProvisioningRun.objects.exists()


def test_delivered_grades_keep_the_column(exported, column):
    with pytest.raises(DeletionRefused, match="2 delivered grades are in this column"):
        delete(column, although_graded=False)
    column.refresh_from_db()
    assert column.takes_grades


def test_a_grade_on_its_way_keeps_the_column(flow, column):
    delivery = DeliveryFactory(queued=True, participant__queued=True, attempt__flow=flow, attempt__running=True)
    place = {"course_id": column.course.course_id, "column_name": column.name}
    type(delivery).objects.update(**place)
    with pytest.raises(DeletionRefused, match="being sent to this column"):
        delete(column)


def test_a_grade_that_may_stand_there_keeps_the_column(learn, wiseflow, column):
    let_no_one_look(learn)
    learn.faults.add("reset_after", times=None, service="gradeValueAPI")
    wiseflow.export({"userId": "u1", "mark": "B"})
    learn.faults.clear()
    with pytest.raises(DeletionRefused, match="1 grade may be in this column: Learn has not confirmed it"):
        delete(column, although_graded=False)
    assert deleting.content_of(column).holds_grades
    delete(column)
    column.refresh_from_db()
    assert column.status == GradeColumn.Status.DELETED


def test_another_run_keeps_the_column(flow, column):
    ProvisioningStepFactory(column=column)
    with pytest.raises(DeletionRefused, match="already being changed in Learn"):
        delete(column)


@pytest.mark.parametrize("trait", ["being_deleted", "deleted"])
@pytest.mark.django_db
def test_a_column_is_deleted_once(trait):
    column = GradeColumnFactory(name=COLUMN, **{trait: True})
    with pytest.raises(DeletionRefused, match="deleted in Learn already"):
        delete(column)


def test_what_stood_in_it_is_failed_and_no_longer_said_to_be_in_learn(exported, column, flow):
    delete(column)

    people = Participant.objects.order_by("user_id")
    assert [(person.state, person.cause) for person in people] == [("FAILED", "COLUMN_DELETED")] * 2
    assert people[0].error_info == (
        "Column Written exam was deleted in Learn. Ask an administrator to create it again or to choose another "
        "column, then retry."
    )
    assert not GradeInLearn.objects.in_learn().exists()
    assert {person.value_in_learn for person in people} == {""}
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == (ExportState.FAILED, 2, 0)


def test_a_column_without_grades_is_deleted_without_further_ado(learn, flow, column):
    delete(column, although_graded=False)
    column.refresh_from_db()
    assert column.status == GradeColumn.Status.DELETED


@pytest.mark.parametrize("carry_out", [False, True])
def test_from_the_request_on_no_grade_goes_there(learn, wiseflow, column, carry_out):
    delete(column, carry_out=carry_out)

    answer = wiseflow.export({"userId": "u3", "mark": "B"})

    assert answer["numberOfErrors"] == 1
    assert answer["errors"][0]["errorInfo"].startswith("Column Written exam was deleted in Learn.")


def test_once_it_is_created_again_a_retry_brings_all_back(learn, exported, column):
    delete(column)
    run, _plan = provisioning.request(
        provisioning.ProvisioningRequest(columns=GradeColumn.objects.all(), again=True), by=None
    )
    provisioning.carry_out(run)
    learn.world.merge({"courses": {"BIO101-2026": {"columns": {COLUMN: {"points": None}}}}})  # to take letters

    retry()

    assert set(Participant.objects.values_list("state", "cause")) == {("EXPORTED", "")}
    assert learn.world.values("BIO101-2026", COLUMN) == {"u1": "B", "u2": "U"}


def test_a_retry_to_another_column_works_without_unlocking_what_is_gone(learn, exported, column, flow):
    delete(column)
    learn.world.merge({"courses": {"BIO101-2026": {"columns": {"New": {"points": None}}}}})
    other = GradeColumnFactory(course=column.course, name="New", in_learn=True)
    flow.column_mappings.update(grade_column=other)

    retry()

    assert learn.world.values("BIO101-2026", "New") == {"u1": "B", "u2": "U"}


@pytest.mark.parametrize(
    ("user_id", "given"), [("u1", {"mark": "A"}), ("u2", {"mark": "A"}), ("u2", {"adminGrade": "X"})]
)
def test_another_grade_is_still_refused_for_it_was_exported(learn, wiseflow, exported, column, flow, user_id, given):
    delete(column)
    learn.world.merge({"courses": {"BIO101-2026": {"columns": {"New": {"points": None}}}}})
    flow.column_mappings.update(grade_column=GradeColumnFactory(course=column.course, name="New", in_learn=True))

    answer = wiseflow.export({"userId": user_id, **given})

    assert answer["numberOfErrors"] == 1
    assert learn.world.values("BIO101-2026", "New") == {}


def test_where_learn_did_not_confirm_it_the_grades_are_in_doubt(learn, exported, column):
    learn.faults.add("reset_after", service="gradeColumnDeleteAPI")
    delete(column)
    person = Participant.objects.get(user_id="u1")
    assert (person.state, person.cause) == (ExportState.FAILED, Cause.UNCONFIRMED)
    assert person.detail["reason"] == "COLUMN_PERHAPS_DELETED"
    assert person.error_info.startswith("Column Written exam may have been deleted in Learn on ")
    [grade] = person.in_learn
    assert (grade.column_name, grade.certainty) == (COLUMN, "DOUBTFUL")
    assert person.value_in_learn == ""


def test_a_deletion_that_learn_rejects_changes_nothing(learn, exported, column):
    learn.faults.add("partial", service="gradeColumnDeleteAPI")
    delete(column)
    assert set(Participant.objects.values_list("state", flat=True)) == {ExportState.EXPORTED}
    column.refresh_from_db()
    assert column.takes_grades


def test_a_grade_on_its_way_to_another_column_goes_on(learn, exported, column):
    Participant.objects.filter(user_id="u1").update(state=ExportState.QUEUED)
    Flow.objects.refresh(list(Flow.objects.values_list("pk", flat=True)))
    delete(column)
    person = Participant.objects.get(user_id="u1")
    assert (person.state, person.cause, person.in_learn) == (ExportState.QUEUED, "", [])


def test_what_stands_in_other_columns_is_left_alone(learn, exported, column):
    other = ParticipantFactory(exported=True, grade__course_id="BIO101-2026", grade__column_name="Other")
    delete(column)
    other.refresh_from_db()
    assert other.state == ExportState.EXPORTED


def test_what_a_column_holds_is_counted_by_flow(exported, column, flow):
    ColumnMappingFactory(grade_column=column, flow__flow_id="88")
    content = deleting.content_of(column)
    assert (content.delivered, content.in_progress) == (2, 0)
    assert content.flows == ["77", "88"]
    assert content.flows_with_grades == [("77", 2)]


def test_what_was_left_behind_or_is_in_doubt_counts_as_well(flow, column):
    """Whatever is in the column goes with it, whether its person leads there or not."""
    place = {"course_id": column.course.course_id, "column_name": column.name}
    elsewhere = ParticipantFactory(exported=True, flow__flow_id="88")
    GradeInLearnFactory(participant=elsewhere, left_behind=True, **place)
    GradeInLearnFactory(doubtful=True, participant__flow=flow, **place)
    GradeInLearnFactory(overwritten=True, participant__flow=flow, **place)

    content = deleting.content_of(column)

    assert (content.delivered, content.unconfirmed, content.flows_with_grades) == (1, 1, [("88", 1)])
    with pytest.raises(DeletionRefused, match="1 delivered grade is in this column"):
        delete(column, although_graded=False)


def test_who_has_left_a_grade_behind_there_is_not_failed_by_the_deletion(learn, flow, column):
    place = {"course_id": column.course.course_id, "column_name": column.name}
    elsewhere = ParticipantFactory(exported=True)
    left = GradeInLearnFactory(participant=elsewhere, left_behind=True, **place)

    delete(column)

    elsewhere.refresh_from_db()
    left.refresh_from_db()
    assert (elsewhere.state, elsewhere.value_in_learn) == (ExportState.EXPORTED, "B")
    assert left.ended_as == GradeInLearn.Ending.COLUMN_DELETED


def test_a_waiting_correction_of_a_lost_grade_is_not_lost(learn, exported, column):
    correction = CorrectionFactory(participant=Participant.objects.get(user_id="u1"))
    delete(column)
    correction.refresh_from_db()
    assert correction.state == "ASKED"


def create_again(learn, column):
    run, _plan = provisioning.request(
        provisioning.ProvisioningRequest(columns=GradeColumn.objects.all(), again=True), by=None
    )
    provisioning.carry_out(run)
    learn.world.merge({"courses": {"BIO101-2026": {"columns": {COLUMN: {"points": None}}}}})  # to take letters


def test_the_very_grade_that_was_lost_is_sent_again_whatever_wiseflow_said_since(learn, wiseflow, exported, column):
    wiseflow.export({"userId": "u1", "mark": "A"})  # refused: exported as B
    delete(column)
    create_again(learn, column)

    retry()

    assert learn.world.values("BIO101-2026", COLUMN) == {"u1": "B", "u2": "U"}
    person = Participant.objects.get(user_id="u1")
    assert (person.state, person.mark, person.changed_since_export) == ("EXPORTED", "A", True)


def test_what_is_lost_is_nowhere_said_to_be_in_learn(exported, column, wiseflow):
    delete(column)
    answer = wiseflow.get("/api/wiseflow/flows/77/participants").json()
    assert {person["value"] for person in answer["results"]} == {""}
    with pytest.raises(NotCorrectable, match="Retry the failed grade first"):
        correcting.ask(Participant.objects.get(user_id="u1"), mark="A", reason="Why", by=UserFactory(manager=True))


def test_a_column_that_somebody_has_deleted_in_learn_by_hand_takes_its_grades_along(learn, exported, column):
    learn.world.replace({"courses": {"BIO101-2026": {"users": ["u1", "u2"]}}})

    assert deleting.mark_as_not_in_learn(GradeColumn.objects.all()) == 1

    assert set(Participant.objects.values_list("state", "cause")) == {("FAILED", "COLUMN_DELETED")}
    create_again(learn, column)
    retry()
    assert learn.world.values("BIO101-2026", COLUMN) == {"u1": "B", "u2": "U"}


@pytest.fixture
def resit(learn, wiseflow, exported, column):
    """Another flow has replaced u1's B by an A in the same column."""
    ColumnMappingFactory(grade_column=column, flow__flow_id="88")
    participants = {"participants": [{"userId": "u1", "mark": "A"}]}
    answer = wiseflow.post(participants, "/api/wiseflow/flows/88/export")
    assert answer.json()["numberOfSuccess"] == 1


def test_what_another_export_has_replaced_is_not_counted_and_does_not_come_back(learn, resit, column):
    assert deleting.content_of(column).delivered == 2  # the A, and u2's U
    delete(column)
    create_again(learn, column)

    retry()

    assert learn.world.values("BIO101-2026", COLUMN) == {"u1": "A", "u2": "U"}
    assert Participant.objects.get(user_id="u1", flow__flow_id="77").cause == Cause.REPLACED


def test_a_deletion_in_doubt_does_not_make_a_replaced_grade_sendable(learn, wiseflow, resit, column):
    learn.faults.add("reset_before", service="gradeColumnDeleteAPI")
    delete(column)

    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfErrors"] == 1

    assert learn.world.values("BIO101-2026", COLUMN)["u1"] == "A"


def test_a_newer_grade_that_did_not_arrive_is_what_a_retry_sends(learn, flow, wiseflow, column):
    wiseflow.export({"userId": "u1", "mark": "B"})
    with transaction.atomic():
        deleting.take_grades_out(None, column=column, is_certain=True)
    Flow.objects.update(allow_overwrite=True)
    learn.faults.add("maintenance")
    assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfErrors"] == 1

    retry(user_id="u1")

    assert Participant.objects.get(user_id="u1").value_in_learn == "A"
