"""Old history goes; what is open, what a manager needs, and what was exported stays."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses import quota
from courses.models import GradeColumn, ProvisioningRun, ProvisioningStep, ServiceCall
from exports import retrying
from exports.models import Delivery, Digest, Event, ExportAttempt, Flow, Participant, RefusedRequest, WebhookMessage
from exports.privacy import purge
from exports.tasks import deliver_attempt
from tests.conftest import COURSE
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    DeliveryFactory,
    DigestFactory,
    EventFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    HoldFactory,
    ParticipantFactory,
    ProvisioningRunFactory,
    ProvisioningStepFactory,
    RefusedRequestFactory,
    ServiceCallFactory,
    WebhookMessageFactory,
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
    ProvisioningStep.objects.filter(pk=step.pk).update(state="DONE", finished_at=days_ago(31))
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


def test_a_grade_of_several_sources_that_was_held_can_still_be_retried(learn, flow, wiseflow):
    learn.world.merge({"courses": {COURSE: {"columns": {"Lab report": {"points": None}}}}})
    course = flow.column_mappings.get().grade_column.course
    lab = GradeColumnFactory(course=course, name="Lab report", in_learn=True)
    ColumnMappingFactory(flow=flow, source_code="S", grade_column=lab)
    Flow.objects.update(allow_overwrite=True)
    wiseflow.export({"userId": "u1", "mark": "B", "sourceCode": "S"}, {"userId": "u1", "mark": "B", "sourceCode": "T"})
    hold = HoldFactory(flow=flow)
    wiseflow.export({"userId": "u1", "mark": "A", "sourceCode": "S"})
    assert Participant.objects.get().state == "EXPORTED"
    ExportAttempt.objects.update(started_at=days_ago(31), finished_at=days_ago(31))

    call_command("purge", "--older-than", "30", "--apply")
    hold.delete()

    assert retrying.retry(Participant.objects.all(), by=None, in_background=False).queued == 1
    assert Delivery.objects.get(state="QUEUED").mark == "A"


def test_old_task_results_go_and_waiting_tasks_stay():
    task_result(finished_at=days_ago(31))
    kept = [task_result(finished_at=days_ago(29)), task_result(finished_at=None)]

    call_command("purge", "--older-than", "30", "--apply")

    assert set(DBTaskResult.objects.all()) == set(kept)


def test_without_apply_it_only_says_what_would_go(capsys):
    DeliveryFactory(attempt__started_at=days_ago(31), participant__exported=True)
    task_result(finished_at=days_ago(31))

    call_command("purge", "--older-than", "30")

    said = capsys.readouterr().out
    assert "Would delete deliveries: 1, attempts: 1, " in said
    assert "task results: 1, " in said
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


def test_old_refused_requests_go():
    RefusedRequestFactory(at=days_ago(40), last_at=days_ago(31))
    again = RefusedRequestFactory(at=days_ago(40), last_at=days_ago(29))

    call_command("purge", "--older-than", "30", "--apply")

    assert list(RefusedRequest.objects.all()) == [again]


def test_the_last_change_of_what_is_there_stays_in_the_history():
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
    assert "attempts: 5" in capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "1000000000"])
def test_a_senseless_number_of_days_is_refused(days):
    with pytest.raises(CommandError, match=r"^--older-than must be 1 to 36500 days\.$"):
        call_command("purge", f"--older-than={days}", "--apply")


# Names


def named(attempt=None, **flow):
    """Somebody with a name on a roster of 31 days ago, unless `flow` says otherwise; `attempt`: when one finished."""
    dates = {"roster_imported_at": days_ago(31), "assessment_ends_at": days_ago(31), **flow}
    person = ParticipantFactory(flow=FlowFactory(**dates), missing=True, first_name="Ada", last_name="Lovelace")
    if attempt:
        ExportAttemptFactory(flow=person.flow, started_at=attempt, finished_at=attempt)
    return person


def names():
    return [person.name for person in Participant.objects.order_by("pk")]


def test_names_go_with_the_last_that_was_done_with_their_flow():
    named()
    named(attempt=days_ago(31), assessment_ends_at=None)

    call_command("purge", "--older-than", "30", "--apply")

    assert names() == ["", ""]
    assert Participant.objects.missing().count() == 2  # the rest of them stays


@pytest.mark.parametrize(
    "recent",
    [
        pytest.param({"attempt": days_ago(29)}, id="an attempt"),
        pytest.param({"roster_imported_at": days_ago(29)}, id="a roster"),
        pytest.param({"assessment_ends_at": days_ago(-10)}, id="a period that runs"),
    ],
)
def test_names_stay_while_something_of_their_flow_is_younger(recent):
    named(**recent)

    call_command("purge", "--older-than", "30", "--apply")

    assert names() == ["Ada Lovelace"]


def test_names_stay_while_an_attempt_runs():
    ExportAttemptFactory(flow=named().flow, running=True, started_at=days_ago(31))

    call_command("purge", "--older-than", "30", "--apply")

    assert names() == ["Ada Lovelace"]


def test_without_apply_names_are_only_counted(capsys):
    named()
    ParticipantFactory(flow=FlowFactory(roster_imported_at=days_ago(31)), missing=True)  # without a name

    call_command("purge", "--older-than", "30")

    assert "names of participants: 1, " in capsys.readouterr().out
    assert names()[0] == "Ada Lovelace"


def test_old_events_go_with_what_was_sent_of_them():
    old = EventFactory(at=days_ago(31))
    DigestFactory(sent=True, finished_at=days_ago(31), events=[old])
    WebhookMessageFactory(sent=True, event=old)
    young = EventFactory(at=days_ago(29))

    call_command("purge", "--older-than", "30", "--apply")

    assert list(Event.objects.all()) == [young]
    assert not Digest.objects.exists()
    assert not WebhookMessage.objects.exists()


def test_events_that_are_still_being_sent_or_are_still_so_stay():
    waiting, posted = EventFactory(at=days_ago(31)), EventFactory(at=days_ago(31))
    DigestFactory(events=[waiting])
    WebhookMessageFactory(event=posted)
    late = EventFactory(at=days_ago(31), kind=Event.Kind.NOT_ARRIVED, flow=FlowFactory())
    EventFactory(at=days_ago(31), kind=Event.Kind.NOT_ARRIVED, flow=FlowFactory(running=True))  # it has until later

    call_command("purge", "--older-than", "30", "--apply")

    assert set(Event.objects.all()) == {waiting, posted, late}
