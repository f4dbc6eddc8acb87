"""Provisioning in the background."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from common import stopping
from courses import tasks
from courses.models import GradeColumn
from courses.provisioning import ProvisioningRequest
from exports.tasks import finish_dead_tasks
from tests.courses.provisioning.conftest import columns_of
from tests.factories import CourseFactory, GradeColumnFactory, ProvisioningRunFactory, UserFactory


def test_a_worker_carries_out_what_was_asked_for(learn):
    learn.world.merge({"courses": {"ULTRA": {}}})
    GradeColumnFactory(course=CourseFactory(course_id="ULTRA"), name="Exam")

    run, _plan = tasks.provision(ProvisioningRequest(columns=GradeColumn.objects.all()), by=UserFactory())
    [task] = DBTaskResult.objects.all()
    tasks.carry_out_run.call(*task.args_kwargs["args"])

    run.refresh_from_db()
    assert run.state == run.State.DONE
    assert list(columns_of(learn, "ULTRA")) == ["Exam"]


def test_the_next_worker_goes_on_where_one_had_to_stop(learn, monkeypatch):
    learn.world.merge({"courses": {"ULTRA": {}}})
    GradeColumnFactory(course=CourseFactory(course_id="ULTRA"), name="Exam")
    run, _plan = tasks.provision(ProvisioningRequest(columns=GradeColumn.objects.all()), by=UserFactory())

    with monkeypatch.context() as stopped:
        stopped.setattr(stopping.stop, "at", timezone.now())
        tasks.carry_out_run.call(run.pk)
    run.refresh_from_db()
    assert run.finished_at is None
    assert DBTaskResult.objects.ready().count() == 2

    tasks.carry_out_run.call(run.pk)
    run.refresh_from_db()
    assert run.state == run.State.DONE


@pytest.mark.django_db
def test_with_nothing_to_do_no_task_is_enqueued():
    run, _plan = tasks.provision(ProvisioningRequest(), by=UserFactory())
    assert run is None
    assert not DBTaskResult.objects.exists()


@pytest.mark.django_db
def test_the_task_of_a_run_that_was_swept_is_failed():
    run = ProvisioningRunFactory(done=True, started_at=timezone.now() - timedelta(minutes=5))
    tasks.carry_out_run.enqueue(run.pk)
    DBTaskResult.objects.get().claim("worker")
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(minutes=5))

    assert finish_dead_tasks() == 1

    assert DBTaskResult.objects.get().status == "FAILED"
