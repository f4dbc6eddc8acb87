"""Tasks whose worker was killed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports.models import ExportAttempt
from exports.tasks import check_with_learn, deliver_attempt, finish_dead_tasks
from tests.factories import ExportAttemptFactory

pytestmark = pytest.mark.django_db


def running_task(attempt: ExportAttempt, *, minutes: int) -> DBTaskResult:
    """A task that a worker has taken so many minutes ago."""
    deliver_attempt.enqueue(attempt.pk)
    task = DBTaskResult.objects.get()
    task.claim("worker")
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(minutes=minutes))
    return task


def finished_attempt(*, minutes: int) -> ExportAttempt:
    return ExportAttemptFactory(started_at=timezone.now() - timedelta(minutes=minutes))


def test_a_running_task_of_an_attempt_that_was_swept_is_failed():
    task = running_task(finished_attempt(minutes=5), minutes=5)

    assert finish_dead_tasks() == 1
    task.refresh_from_db()
    assert task.status == "FAILED"
    assert "WorkerDied" in task.exception_class_path


def test_a_task_whose_attempt_has_only_just_finished_is_left_to_its_worker():
    running_task(finished_attempt(minutes=0), minutes=5)

    assert finish_dead_tasks() == 0


def test_a_task_of_a_running_attempt_is_left_alone():
    running_task(ExportAttemptFactory(running=True), minutes=5)

    assert finish_dead_tasks() == 0


def test_a_task_of_an_attempt_that_was_purged_is_failed():
    attempt = finished_attempt(minutes=5)
    running_task(attempt, minutes=5)
    attempt.delete()

    assert finish_dead_tasks() == 1


@pytest.mark.parametrize(("minutes", "failed"), [(20, 0), (40, 1)])
def test_a_check_with_learn_whose_worker_died_is_failed(minutes: int, failed: int):
    check_with_learn.enqueue([1, 2])
    task = DBTaskResult.objects.get()
    task.claim("worker")
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(minutes=minutes))

    assert finish_dead_tasks() == failed
