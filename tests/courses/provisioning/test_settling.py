"""Runs whose process died, deletions, and where rows stand after both."""

import pytest
from django.utils import timezone

from courses import provisioning
from courses.models import GradeColumn, ProvisioningRun, ProvisioningStep
from courses.provisioning.carrying_out import claim, record
from courses.provisioning.settling import finish
from tests.courses.provisioning.conftest import columns_of, outcomes, provision
from tests.factories import GradeColumnFactory, ProvisioningRunFactory, ProvisioningStepFactory


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
        "The call to Learn was interrupted. Look in Learn before you try again.",
    )
    assert found[queued.name] == ("FAILED", "GradeBridge was interrupted before it was sent. Provision it again.")
    assert GradeColumn.objects.get(pk=sent.column_id).standing == GradeColumn.Standing.UNCONFIRMED
    assert GradeColumn.objects.get(pk=queued.column_id).standing == GradeColumn.Standing.FAILED


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
    assert column.standing == GradeColumn.Standing.UNCONFIRMED
    assert column.external_message == "GradeBridge was interrupted before it was sent. Provision it again."


def test_what_was_swept_keeps_its_state_when_the_answer_comes_after_all(learn, ultra):
    GradeColumnFactory(course=ultra, name="Exam")
    run, _choice = provisioning.request(provisioning.Wanted(columns=GradeColumn.objects.all()), by=None)
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
    assert (column.standing, column.provisioned_at) == (GradeColumn.Standing.DELETED, None)
    assert not column.takes_grades
    assert deleted == [("Exam", True)]


def test_while_a_deletion_is_on_its_way_no_grade_goes_there(learn, ultra):
    column = GradeColumnFactory(course=ultra, in_learn=True)
    provisioning.request_deletion(column, by=None)
    column.refresh_from_db()
    assert not column.takes_grades


@pytest.mark.parametrize(("traits", "standing"), [({"in_learn": True}, "PROVISIONED"), ({}, "NOT_PROVISIONED")])
def test_a_deletion_that_learn_rejects_leaves_the_column_where_it_stood(learn, ultra, deleted, traits, standing):
    column = GradeColumnFactory(course=ultra, name="Not there", **traits)
    delete(column)
    assert column.standing == standing
    assert column.provisioning_message.startswith("Learn rejected it: ")
    assert deleted == []


def test_a_deletion_that_is_not_confirmed_leaves_the_column_in_doubt(learn, ultra, deleted):
    column = GradeColumnFactory(course=ultra, name="Exam")
    provision(columns=GradeColumn.objects.all())
    learn.faults.add("reset_after", service="gradeColumnDeleteAPI")
    delete(column)
    assert column.standing == GradeColumn.Standing.UNCONFIRMED
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

    ProvisioningStep.objects.update(state="DONE", settled_at=timezone.now())
    finish(run)
    run.refresh_from_db()
    finished_at = run.finished_at
    finish(run)
    run.refresh_from_db()
    assert (run.state, run.finished_at) == (ProvisioningRun.State.DONE, finished_at)
