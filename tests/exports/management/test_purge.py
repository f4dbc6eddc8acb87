"""Old history goes; what is open, what a manager needs, and what was exported stays."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses import quota
from courses.models import GradeColumn, ProvisioningRun, ProvisioningStep, ServiceCall
from exports.management.commands import purge
from exports.models import Delivery, ExportAttempt, Participant
from exports.tasks import deliver_attempt
from tests.factories import (
    CourseFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    ProvisioningRunFactory,
    ProvisioningStepFactory,
    ServiceCallFactory,
)

pytestmark = pytest.mark.django_db


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def task_result(*, finished_at):
    task = DBTaskResult.objects.get(pk=deliver_attempt.enqueue(0).id)
    task.status, task.finished_at = ("SUCCESSFUL" if finished_at else "READY"), finished_at
    task.save()
    return task


def test_what_finished_longer_ago_goes_and_the_rest_stays():
    DeliveryFactory(attempt__started_at=days_ago(31), participant__exported=True)
    ExportAttemptFactory(started_at=days_ago(31))
    young = DeliveryFactory(attempt__started_at=days_ago(29), participant__exported=True)

    call_command("purge", "--older-than", "30", "--apply")

    assert list(Delivery.objects.all()) == [young]
    assert list(ExportAttempt.objects.all()) == [young.attempt]


def test_where_participants_stand_is_kept_so_that_no_grade_travels_twice():
    DeliveryFactory(attempt__started_at=days_ago(31), participant__exported=True, participant__user_id="u1")
    before = list(Participant.objects.values())

    call_command("purge", "--older-than", "30", "--apply")

    assert not ExportAttempt.objects.exists()
    assert list(Participant.objects.values()) == before


def test_old_provisioning_runs_go_and_what_they_created_stays_as_it_is_known():
    step = ProvisioningStepFactory(run__done=True, run__started_at=days_ago(31), column__in_learn=True)
    ProvisioningStep.objects.filter(pk=step.pk).update(state="DONE", settled_at=days_ago(31))
    kept = [ProvisioningRunFactory(done=True, started_at=days_ago(29)), ProvisioningRunFactory(dead=True)]

    call_command("purge", "--older-than", "30", "--apply")

    assert set(ProvisioningRun.objects.all()) == set(kept)
    assert GradeColumn.objects.get().is_provisioned


def test_what_is_open_stays_however_old():
    DeliveryFactory(queued=True, attempt__running=True, attempt__started_at=days_ago(31), participant__queued=True)
    DeliveryFactory(sending=True, attempt__started_at=days_ago(31), participant__queued=True)

    call_command("purge", "--older-than", "1", "--apply")

    assert ExportAttempt.objects.count() == Delivery.objects.count() == 2


def test_an_attempt_stays_whole_while_one_of_its_people_is_failed_now():
    failed = DeliveryFactory(failed=True, attempt__started_at=days_ago(31), participant__failed=True)
    DeliveryFactory(attempt=failed.attempt, participant__exported=True)
    repaired = DeliveryFactory(failed=True, attempt__started_at=days_ago(31), participant__exported=True)

    call_command("purge", "--older-than", "30", "--apply")

    assert list(ExportAttempt.objects.all()) == [failed.attempt]
    assert Delivery.objects.count() == 2
    assert not Delivery.objects.filter(pk=repaired.pk).exists()


def test_old_task_results_go_and_waiting_tasks_stay():
    task_result(finished_at=days_ago(31))
    kept = [task_result(finished_at=days_ago(29)), task_result(finished_at=None)]

    call_command("purge", "--older-than", "30", "--apply")

    assert set(DBTaskResult.objects.all()) == set(kept)


def test_without_apply_it_only_says_what_would_go(capsys):
    DeliveryFactory(attempt__started_at=days_ago(31), participant__exported=True)
    task_result(finished_at=days_ago(31))

    call_command("purge", "--older-than", "30")

    assert "Would delete attempts: 1, deliveries: 1, task results: 1, finished before" in capsys.readouterr().out
    assert ExportAttempt.objects.count() == DBTaskResult.objects.count() == 1


def test_old_calls_go_with_their_attempts_and_what_the_quota_is_counted_from_stays(settings):
    settings.LEARN_DAILY_CALLS = 10
    ServiceCallFactory(started_at=days_ago(31))
    gone = ServiceCallFactory(started_at=days_ago(31))
    ExportAttemptFactory(started_at=days_ago(31)).calls.add(gone)
    recent = ServiceCallFactory(started_at=days_ago(1) + timedelta(minutes=1), error="Unavailable", ok_count=0)
    blocking = ServiceCallFactory(started_at=days_ago(31), lifts_at=timezone.now() + timedelta(hours=1))

    call_command("purge", "--older-than", "1", "--apply")

    assert set(ServiceCall.objects.all()) == {recent, blocking}
    assert quota.lifts_at(timezone.now()) == blocking.lifts_at
    assert quota.calls_left(timezone.now()) == 9


def test_the_calls_of_an_attempt_that_stays_stay_too():
    failed = DeliveryFactory(failed=True, attempt__started_at=days_ago(31), participant__failed=True)
    shared = ServiceCallFactory(started_at=days_ago(31))
    failed.attempt.calls.add(shared)
    ExportAttemptFactory(started_at=days_ago(31)).calls.add(shared)

    call_command("purge", "--older-than", "30", "--apply")

    assert list(failed.attempt.calls.all()) == [shared]
    assert ExportAttempt.objects.count() == 1


def test_the_history_of_the_configuration_stays():
    course = CourseFactory()
    course.history.update(history_date=days_ago(31))

    call_command("purge", "--older-than", "30", "--apply")

    assert course.history.count() == 1


def test_more_than_a_chunk_goes_too(monkeypatch, capsys):
    monkeypatch.setattr(purge, "CHUNK", 2)
    for _ in range(5):
        ExportAttemptFactory(started_at=days_ago(31))

    call_command("purge", "--older-than", "30", "--apply")

    assert not ExportAttempt.objects.exists()
    assert "Deleted attempts: 5" in capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "1000000000"])
def test_a_senseless_number_of_days_is_refused(days):
    with pytest.raises(CommandError, match=r"^--older-than takes 1 to 36500 days\.$"):
        call_command("purge", f"--older-than={days}", "--apply")
