"""A manager's retry: the failed grades, no one else, with today's mapping."""

from uuid import uuid4

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports import retrying
from exports.delivering import batches, finishing
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Participant, RetryRun
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.factories import DeliveryFactory, ExportAttemptFactory, ParticipantFactory, TranslationFactory, UserFactory


def run_tasks():
    """What a task worker does with the tasks that wait."""
    for task in DBTaskResult.objects.ready():
        deliver_attempt.func(*task.args_kwargs["args"])


@pytest.fixture
def manager(db):
    return UserFactory(manager=True)


def test_only_the_failed_ones_travel_and_the_flow_becomes_exported(learn, flow, wiseflow, manager):
    wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "late", "mark": "B"})
    learn.world.merge({"courses": {COURSE: {"users": ["late"]}}})
    learn.calls.clear()

    retry = retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    assert (retry.queued, retry.refused) == (1, 0)
    assert [call.items for call in learn.calls.of("gradeValueAPI")] == [1]
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "late": "B"}
    flow.refresh_from_db()
    assert flow.state == ExportState.EXPORTED
    attempt = ExportAttempt.objects.get(trigger=ExportAttempt.Trigger.RETRY)
    assert (attempt.state, attempt.requested_by, attempt.number_of_success) == (ExportState.EXPORTED, manager, 1)


def test_the_first_attempt_stays_as_history(learn, flow, wiseflow, manager):
    learn.faults.add("maintenance", times=1)
    wiseflow.export({"userId": "u1", "mark": "A"})

    retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["FAILED", "DELIVERED"]
    assert list(ExportAttempt.objects.order_by("pk").values_list("state", flat=True)) == ["FAILED", "EXPORTED"]


def test_a_retry_uses_todays_mapping(learn, flow, wiseflow, manager):
    unmapped = wiseflow.export({"userId": "u1", "mark": "A"}, path="/api/wiseflow/flows/78/export")
    assert unmapped["numberOfErrors"] == 1
    person = Participant.objects.get()
    person.flow.synchronised_at = timezone.now()
    person.flow.save()
    flow.column_mappings.update(flow=person.flow)

    retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    person.refresh_from_db()
    assert person.state == ExportState.EXPORTED


def test_a_retry_uses_todays_translation(learn, flow, wiseflow, manager):
    translation = TranslationFactory(table={"12": "A"}, alternatives={"U": "0"})
    flow.column_mappings.update(translation=translation)
    answer = wiseflow.export(
        {"userId": "u1", "mark": "12"}, {"userId": "u2", "mark": "10"}, {"userId": "u3", "adminGrade": "FE"}
    )
    assert answer["numberOfSuccess"] == 1
    assert "the mark '10' is not in this flow's translation table" in answer["errors"][0]["errorInfo"]
    translation.grades.create(kind="MARK", given="10", value="B")
    translation.grades.create(kind="ALTERNATIVE_GRADE", given="FE", value="1")
    translation.grades.filter(given="12").update(value="1st")

    retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "u2": "B", "u3": "1"}
    again = wiseflow.export({"userId": "u1", "mark": "12"}, {"userId": "u3", "adminGrade": "FE"})
    assert again["numberOfSuccess"] == 2
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A"]


def test_a_rule_that_still_forbids_refuses_again(flow, manager):
    flow.column_mappings.all().delete()
    ParticipantFactory(flow=flow, failed=True)

    retry = retrying.retry(Participant.objects.all(), by=manager)

    assert (retry.queued, retry.refused) == (0, 1)
    assert Participant.objects.get().cause == Cause.NOT_MAPPED
    assert retry.sentence().endswith("1 grade was refused again.")
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("cause", [Cause.CONTRADICTORY_ENTRIES, Cause.ENTRY_NOT_USABLE])
def test_an_unusable_entry_stays_refused_until_a_new_export(flow, manager, cause):
    ParticipantFactory(
        flow=flow, failed=True, cause=cause, detail={"reason": "FIELD_OF_KIND", "field": "mark", "found": "array"}
    )

    retry = retrying.retry(Participant.objects.all(), by=manager)

    assert retry.refused == 1
    assert Participant.objects.get().cause == cause


def test_without_failed_ones_nothing_is_recorded(flow, manager):
    ParticipantFactory(flow=flow, exported=True)
    ParticipantFactory(flow=flow, queued=True)

    retry = retrying.retry(Participant.objects.all(), by=manager)

    assert retry.sentence() == "Nothing to retry: none of these grades has failed."
    assert not ExportAttempt.objects.exists()


def test_two_retries_send_nobody_twice(learn, flow, wiseflow, manager):
    learn.faults.add("maintenance", times=1)
    wiseflow.export({"userId": "u1", "mark": "A"})

    first = retrying.retry(Participant.objects.all(), by=manager)
    second = retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    assert (first.queued, second.queued) == (1, 0)
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A"], list(Delivery.objects.values("state", "cause", "detail"))


def test_the_task_is_enqueued_with_the_attempt(flow, manager):
    ParticipantFactory(flow=flow, failed=True)

    retry = retrying.retry(Participant.objects.all(), by=manager)

    assert [task.args_kwargs["args"] for task in DBTaskResult.objects.all()] == [[retry.attempts[0].pk]]


def test_a_task_that_comes_twice_sends_once(learn, flow, manager):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    retry = retrying.retry(Participant.objects.all(), by=manager)

    deliver_attempt.func(retry.attempts[0].pk)
    deliver_attempt.func(retry.attempts[0].pk)

    assert learn.world.sent(COURSE, COLUMN, "u1") == ["B"]


def test_every_retry_is_a_run_with_its_attempts(flow, manager):
    ParticipantFactory(flow=flow, failed=True)
    ParticipantFactory(failed=True)

    retry = retrying.retry(Participant.objects.all(), by=manager, scope=retrying.Scope(cause=Cause.LEARN_UNAVAILABLE))

    run = RetryRun.objects.get()
    assert retry.run == run
    assert list(run.attempts.order_by("pk")) == list(retry.attempts)
    assert (run.requested_by, run.cause, run.purpose) == (
        manager,
        Cause.LEARN_UNAVAILABLE,
        "All failed grades with the cause Learn not available",
    )


def test_where_nothing_has_failed_there_is_no_run(flow, manager):
    ParticipantFactory(flow=flow, exported=True)

    assert retrying.retry(Participant.objects.all(), by=manager).run is None
    assert not RetryRun.objects.exists()


def test_what_was_confirmed_twice_is_one_run(flow, manager):
    ParticipantFactory(flow=flow, failed=True)
    token = uuid4()

    first = retrying.retry(Participant.objects.all(), by=manager, token=token)
    ParticipantFactory(flow=flow, failed=True)
    second = retrying.retry(Participant.objects.all(), by=manager, token=token)

    assert second.run == first.run
    assert (second.is_repeated, second.queued) == (True, 1)
    assert ExportAttempt.objects.count() == 1


def test_what_was_confirmed_and_never_recorded_can_be_confirmed_again(flow, manager):
    """The process died in between, or the database failed."""
    person, token = ParticipantFactory(flow=flow, failed=True), uuid4()
    begun, _is_new = retrying.begin(retrying.CHOSEN, by=manager, token=token)

    outcome = retrying.retry(Participant.objects.all(), by=manager, token=token)

    assert (outcome.run, outcome.queued, outcome.is_repeated) == (begun, 1, False)
    assert [delivery.participant for delivery in Delivery.objects.all()] == [person]


def test_the_attempt_of_a_retry_counts_what_a_rule_refused_apart(learn, flow, wiseflow, manager):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    ParticipantFactory(flow=flow, user_id="unknown in Learn", failed=True)
    ParticipantFactory(flow=flow, failed=True, mark="")

    retrying.retry(Participant.objects.all(), by=manager)
    run_tasks()

    attempt = ExportAttempt.objects.get()
    assert (attempt.number_of_success, attempt.number_of_errors) == (1, 2)
    assert (attempt.number_of_refused, attempt.number_of_failures) == (1, 1)
    (line,) = RetryRun.objects.get().progress().flows
    assert (line.delivered, line.refused, line.undelivered, line.is_finished) == (1, 1, 1, True)


class TestCancelRun:
    @pytest.fixture
    def run(self, manager):
        ParticipantFactory.create_batch(2, failed=True)
        return retrying.retry(Participant.objects.all(), by=manager).run

    def test_nothing_of_any_flow_is_sent_any_more(self, run, manager):
        assert retrying.cancel_run(run, by=manager) == 2

        assert set(run.attempts.values_list("state", "cancelled_by")) == {(ExportState.FAILED, manager.pk)}
        assert batches.claim(at_least=1) is None
        progress = run.progress()
        assert (progress.is_finished, progress.is_cancellable, progress.causes) == (True, False, [(Cause.CANCELLED, 2)])

    def test_a_flow_that_is_just_being_recorded_is_not_sent_either(self, run, manager):
        late = ParticipantFactory(failed=True)
        retrying.cancel_run(run, by=manager)

        assert retrying.retry_in(run, Participant.objects.filter(pk=late.pk)).attempts == []
        late.refresh_from_db()
        assert late.state == ExportState.FAILED

    def test_who_cancelled_first_has_cancelled_it(self, run, manager):
        retrying.cancel_run(run, by=manager)

        assert retrying.cancel_run(run, by=UserFactory()) == 0
        run.refresh_from_db()
        assert run.cancelled_by == manager

    def test_what_is_finished_cannot_be_cancelled(self, manager):
        run = ExportAttemptFactory(retry=True).retry_run

        assert retrying.cancel_run(run, by=manager) == 0
        run.refresh_from_db()
        assert run.cancelled_at is None


class TestCancel:
    @pytest.fixture
    def retry(self, flow, manager):
        ParticipantFactory.create_batch(3, flow=flow, failed=True)
        return retrying.retry(Participant.objects.all(), by=manager).attempts[0]

    def test_what_is_not_yet_sent_stays_failed_and_is_never_sent(self, retry, manager):
        assert retrying.cancel(retry, by=manager) == 3

        retry.refresh_from_db()
        assert (retry.state, retry.cancelled_by, retry.number_of_errors) == (ExportState.FAILED, manager, 3)
        assert set(Participant.objects.values_list("state", "cause")) == {(ExportState.FAILED, Cause.CANCELLED)}
        assert batches.claim(at_least=1) is None

    def test_what_is_in_a_call_is_left_to_it(self, retry, manager, settings):
        settings.LEARN_BATCH_SIZE = 1
        batch = batches.claim(at_least=1)

        assert retrying.cancel(retry, by=manager) == 2
        batches.record(batch, batches.Sent(outcomes=[None]))
        finishing.finish([retry.pk])

        retry.refresh_from_db()
        assert (retry.number_of_success, retry.number_of_errors) == (1, 2)

    def test_twice_is_once(self, retry, manager):
        retrying.cancel(retry, by=manager)

        assert retrying.cancel(retry, by=UserFactory()) == 0
        retry.refresh_from_db()
        assert retry.cancelled_by == manager

    def test_an_export_is_not_cancelled(self, flow, manager):
        attempt = ExportAttemptFactory(flow=flow, running=True)
        DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)

        assert retrying.cancel(attempt, by=manager) == 0
        assert Delivery.objects.get().state == Delivery.State.QUEUED
