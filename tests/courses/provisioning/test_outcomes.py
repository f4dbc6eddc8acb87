"""Runs whose process died, deletions, and the status of rows after both."""

import pytest
from django.utils import timezone

from courses import provisioning
from courses.models import EnrolmentMetadata, GradeColumn, ProvisioningRun, ProvisioningStep
from courses.provisioning.execution import claim, record
from courses.provisioning.outcomes import finish, record_outcomes, sweep_run
from tests.courses.provisioning.conftest import columns_of, outcomes, provision
from tests.factories import (
    EnrolmentMetadataFactory,
    GradeColumnFactory,
    ProvisioningRunFactory,
    ProvisioningStepFactory,
)


@pytest.fixture
def deleted():
    """What the signal tells of columns that are deleted, or may be."""
    told = []

    def take(sender, *, column, is_certain, **_):
        told.append((column.name, is_certain))

    provisioning.column_deleted.connect(take)
    yield told
    provisioning.column_deleted.disconnect(take)


def delete(column):
    run = provisioning.request_deletion(column, by=None)
    provisioning.carry_out(run)
    column.refresh_from_db()
    return run


@pytest.mark.django_db
def test_a_sweep_ends_the_run_of_a_dead_process_and_sends_nothing():
    run = ProvisioningRunFactory(dead=True)
    sent, queued = ProvisioningStepFactory(run=run, sending=True), ProvisioningStepFactory(run=run)

    assert provisioning.sweep() == 1

    run.refresh_from_db()
    assert run.state == ProvisioningRun.State.FAILED
    found = outcomes(run)
    assert found[sent.name] == (
        "UNCONFIRMED",
        "The request to Learn was interrupted. Check in Learn before you try again.",
    )
    assert found[queued.name] == ("FAILED", "GradeBridge was interrupted before it was sent. Provision it again.")
    assert GradeColumn.objects.get(pk=sent.column_id).status == GradeColumn.Status.UNCONFIRMED
    assert GradeColumn.objects.get(pk=queued.column_id).status == GradeColumn.Status.FAILED


@pytest.mark.django_db
def test_a_sweep_leaves_a_run_alone_whose_process_lives():
    ProvisioningStepFactory()
    assert provisioning.sweep() == 0


@pytest.mark.django_db
def test_two_steps_of_one_column_are_both_told_of_it_when_swept():
    step = ProvisioningStepFactory(run__dead=True, sending=True, column__external=True)
    kind = ProvisioningStep.Kind.EXTERNAL_GRADE
    ProvisioningStepFactory(run=step.run, kind=kind, stage=1000, column=step.column)

    provisioning.sweep()

    column = GradeColumn.objects.get()
    assert column.status == GradeColumn.Status.UNCONFIRMED
    assert column.external_message == "GradeBridge was interrupted before it was sent. Provision it again."


def test_what_was_swept_keeps_its_state_when_the_answer_comes_after_all(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam")
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)
    batch = claim(run)
    ProvisioningRun.objects.update(lease_ends_at=timezone.now())
    provisioning.sweep()

    record(run, batch.steps, [None], [])

    assert outcomes(run)["ULTRA · Exam"][0] == "UNCONFIRMED"


def test_a_deleted_column_is_gone_and_takes_no_grades(learn, ultra, deleted):
    column = GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=GradeColumn.objects.all())
    column.refresh_from_db()

    delete(column)

    assert columns_of(learn, "ULTRA") == {}
    assert (column.status, column.provisioned_at) == (GradeColumn.Status.DELETED, None)
    assert not column.takes_grades
    assert deleted == [("Exam", True)]


def test_while_a_deletion_is_on_its_way_no_grade_goes_there(learn, ultra):
    column = GradeColumnFactory(course=ultra, in_learn=True)
    provisioning.request_deletion(column, by=None)
    column.refresh_from_db()
    assert not column.takes_grades


@pytest.mark.parametrize(("traits", "status"), [({"in_learn": True}, "PROVISIONED"), ({}, "NOT_PROVISIONED")])
def test_a_deletion_that_learn_rejects_leaves_the_column_where_it_stood(learn, ultra, deleted, traits, status):
    column = GradeColumnFactory(course=ultra, name="Not there", **traits)
    delete(column)
    assert column.status == status
    assert column.provisioning_message.startswith("Learn rejected it: ")
    assert deleted == []


def test_a_deletion_that_is_not_confirmed_leaves_the_column_in_doubt(learn, ultra, deleted):
    column = GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=GradeColumn.objects.all())
    learn.faults.add("reset_after", service="gradeColumnDeleteAPI")
    delete(column)
    assert column.status == GradeColumn.Status.UNCONFIRMED
    assert deleted == [("Exam", False)]


def test_a_deleted_column_can_be_created_again(learn, ultra):
    column = GradeColumnFactory(course=ultra, name="Exam", deleted=True)
    provision(columns=GradeColumn.objects.all(), again=True)
    column.refresh_from_db()
    assert column.is_provisioned
    assert column.takes_grades
    assert list(columns_of(learn, "ULTRA")) == ["Exam"]


@pytest.mark.django_db
def test_a_run_is_finished_once_and_not_before_all_its_steps_are_settled():
    run = ProvisioningStepFactory().run
    finish(run)
    run.refresh_from_db()
    assert run.state == ProvisioningRun.State.RUNNING

    ProvisioningStep.objects.update(state="DONE", finished_at=timezone.now())
    finish(run)
    run.refresh_from_db()
    finished_at = run.finished_at
    finish(run)
    run.refresh_from_db()
    assert (run.state, run.finished_at) == (ProvisioningRun.State.DONE, finished_at)


CREATE, EXTERNAL, DELETE = "COLUMN", "EXTERNAL_GRADE", "DELETION"
NOT_DONE = ["REFUSED", "REJECTED", "FAILED"]


@pytest.mark.parametrize(
    ("kind", "status", "states", "after"),
    [
        (CREATE, "NOT_PROVISIONED", ["DONE"], "PROVISIONED"),
        (CREATE, "NOT_PROVISIONED", NOT_DONE, "FAILED"),
        (CREATE, "NOT_PROVISIONED", ["UNCONFIRMED"], "UNCONFIRMED"),
        (CREATE, "FAILED", ["DONE"], "PROVISIONED"),
        (CREATE, "FAILED", NOT_DONE, "FAILED"),
        (CREATE, "FAILED", ["UNCONFIRMED"], "UNCONFIRMED"),
        (CREATE, "PROVISIONED", ["DONE", *NOT_DONE, "UNCONFIRMED"], "PROVISIONED"),
        (CREATE, "UNCONFIRMED", ["DONE"], "PROVISIONED"),
        (CREATE, "UNCONFIRMED", [*NOT_DONE, "UNCONFIRMED"], "UNCONFIRMED"),
        (CREATE, "DELETED", ["DONE"], "PROVISIONED"),
        (CREATE, "DELETED", NOT_DONE, "DELETED"),
        (CREATE, "DELETED", ["UNCONFIRMED"], "UNCONFIRMED"),
        (EXTERNAL, "PROVISIONED", ["DONE", *NOT_DONE, "UNCONFIRMED"], "PROVISIONED"),
        (EXTERNAL, "DELETED", ["DONE", *NOT_DONE, "UNCONFIRMED"], "DELETED"),
        (DELETE, "DELETING", ["DONE"], "DELETED"),
        (DELETE, "DELETING", ["UNCONFIRMED"], "UNCONFIRMED"),
        (DELETE, "PROVISIONED", NOT_DONE, "PROVISIONED"),  # it was not being deleted any more
    ],
)
@pytest.mark.django_db
def test_where_a_row_stands_after_a_step(kind, status, states, after):
    for state in states:
        since = timezone.now() if status == "PROVISIONED" else None
        column = GradeColumnFactory(external=True, status=status, provisioned_at=since)
        step = ProvisioningStepFactory(kind=kind, column=column, sending=True)
        record_outcomes([(step, state, "" if state == "DONE" else "Why")], timezone.now())
        column.refresh_from_db()
        assert column.status == after, state


@pytest.mark.parametrize("before", ["NOT_PROVISIONED", "PROVISIONED", "FAILED", "UNCONFIRMED"])
@pytest.mark.parametrize("state", NOT_DONE)
@pytest.mark.django_db
def test_a_deletion_that_did_not_happen_leaves_the_column_as_it_was(before, state):
    step = ProvisioningStepFactory(kind=DELETE, column__being_deleted=True, sending=True, status_before=before)
    record_outcomes([(step, state, "Why")], timezone.now())
    assert GradeColumn.objects.get().status == before


@pytest.mark.django_db
def test_what_another_process_has_recorded_during_the_call_stays():
    step = ProvisioningStepFactory(kind=EXTERNAL, column__external=True, column__in_learn=True, sending=True)
    GradeColumn.objects.update(status="DELETED", provisioned_at=None)  # `step.column` still says otherwise
    record_outcomes([(step, "DONE", "")], timezone.now())
    assert GradeColumn.objects.get().status == "DELETED"


@pytest.mark.django_db
def test_a_column_that_is_no_external_grade_any_more_is_not_said_to_be_set():
    step = ProvisioningStepFactory(kind=EXTERNAL, column__external=True, column__in_learn=True, sending=True)
    GradeColumn.objects.update(is_external_grade=False)
    record_outcomes([(step, "DONE", "")], timezone.now())
    assert GradeColumn.objects.get().external_set_at is None


@pytest.mark.django_db
def test_a_grade_that_arrived_during_the_call_outweighs_a_rejection():
    step = ProvisioningStepFactory(sending=True)
    GradeColumn.objects.found_in_learn({(step.column.course.course_id, step.column.name)})
    record_outcomes([(step, "REJECTED", "Learn rejected it: already exists")], timezone.now())
    column = GradeColumn.objects.get()
    assert (column.status, column.provisioning_message) == ("PROVISIONED", "")


def test_a_run_that_is_claimed_meanwhile_is_not_swept(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam")
    run, _plan = provisioning.request(provisioning.ProvisioningRequest(columns=GradeColumn.objects.all()), by=None)
    ProvisioningRun.objects.update(lease_ends_at=timezone.now())
    dead = ProvisioningRun.objects.filter(lease_ends_at__lt=timezone.now())
    assert dead.exists()
    claim(run)
    assert sweep_run(run.pk, dead, timezone.now()) is False


def test_metadata_in_doubt_is_set_once_more_by_the_next_run(learn, ultra):
    EnrolmentMetadataFactory(course=ultra, user_id="s1")
    learn.faults.add("reset_after", times=None, service="userMetadataAPI")
    run = provision(metadata=EnrolmentMetadata.objects.all())
    [(state, message)] = outcomes(run).values()
    assert state == "UNCONFIRMED"
    assert message.endswith("Provision it again: Learn stores the same data once more.")
    learn.faults.clear()
    assert set(outcomes(provision(metadata=EnrolmentMetadata.objects.all())).values()) == {("DONE", "")}
