"""What the delivery leaves behind: the log of calls, ends, outcomes and what a sweep finds."""

import inspect
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from courses.grades_journey import HostUnknown, LearnError, QuotaUsedUp, Unconfirmed
from courses.models import ServiceCall
from exports.delivering import batches, finishing, outcomes
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow
from tests.conftest import COLUMN, COURSE
from tests.exports.delivering.conftest import People
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory, ServiceCallFactory


class TestCallLog:
    def test_each_call_is_logged_once_with_its_attempts_and_nothing_of_a_person(self, learn, flow, wiseflow):
        wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "stranger", "mark": "B"})

        first, second = ServiceCall.objects.order_by("pk")
        assert (first.service, first.items, first.status, first.ok_count, first.error_count) == (
            "gradeValueAPI",
            2,
            412,
            1,
            1,
        )
        assert (second.items, second.error_count) == (1, 1)  # the rejected one was asked for once more
        assert list(first.attempts.all()) == list(ExportAttempt.objects.all())
        assert first.rate_limit == 10_000

    def test_a_long_quota_stops_every_process_until_it_lifts(self, learn, flow, wiseflow):
        learn.faults.add("quota_long", times=1)
        wiseflow.export({"userId": "u1", "mark": "A"})
        learn.calls.clear()

        answer = wiseflow.export({"userId": "u2", "mark": "A"})

        assert "Learn's daily call limit is reached. Sending can resume on " in answer["errors"][0]["errorInfo"]
        assert learn.calls.of("gradeValueAPI") == []

    def test_a_quota_of_the_token_service_stops_every_process_too(self, learn, flow, wiseflow):
        learn.faults.add("token_quota", times=None)

        for user in ("u1", "u2"):
            answer = wiseflow.export({"userId": user, "mark": "A"})
            assert "Learn's daily call limit is reached. Sending can resume on " in answer["errors"][0]["errorInfo"]

        assert len(learn.calls.of("token")) == 1

    def test_what_the_database_cannot_tell_of_the_quota_learn_tells(self, learn, flow, wiseflow, monkeypatch):
        def away(now):
            raise OperationalError("the connection is closed")

        monkeypatch.setattr(batches.quota, "lifts_at", away)

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1

    def test_a_used_up_quota_is_logged_later_when_the_database_is_away_at_the_moment(
        self, learn, flow, wiseflow, monkeypatch
    ):
        log_calls, times = batches.quota.log_calls, []

        def away_at_first(calls):
            times.append(len(calls))
            if len(times) == 1:
                raise OperationalError("the connection is closed")
            return log_calls(calls)

        monkeypatch.setattr(batches.quota, "log_calls", away_at_first)
        learn.faults.add("quota_long")

        wiseflow.export({"userId": "u1", "mark": "A"})

        [call] = ServiceCall.objects.all()
        assert call.lifts_at > timezone.now()
        assert list(call.attempts.all()) == list(ExportAttempt.objects.all())

    def test_a_quota_that_lifts_in_time_is_waited_for(self, learn, flow, wiseflow):
        ServiceCallFactory(lifts_at=timezone.now() + timedelta(seconds=0.5))

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1


def test_an_export_goes_before_a_retry_that_was_asked_for_earlier(learn, flow, settings):
    settings.LEARN_BATCH_SIZE = 1
    retry = DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow, running=True, trigger=ExportAttempt.Trigger.RETRY),
        queued=True,
        participant__queued=True,
    )
    export = DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow, running=True), queued=True, participant__queued=True
    )

    assert [batches.claim(at_least=1).pks for _ in range(2)] == [[export.pk], [retry.pk]]


class TestEnds:
    """To be merged with the claim: no call begins for an attempt after its end, whoever travels with it."""

    @pytest.fixture
    def queued(self, flow, settings):
        settings.LEARN_TIMEOUT, settings.EXPORT_DEADLINE = 10, 100

        def queue(*, seconds):
            now = timezone.now()
            attempt = ExportAttemptFactory(
                flow=flow,
                running=True,
                ends_by=now + timedelta(seconds=seconds),
                lease_ends_at=now + timedelta(seconds=seconds),
            )
            return DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)

        return queue

    def test_a_batch_ends_with_the_first_of_its_attempts(self, queued):
        first, last = queued(seconds=30), queued(seconds=60)

        batch = batches.claim(at_least=1)

        assert batch.pks == [first.pk, last.pk]
        assert batch.until == first.attempt.ends_by

    def test_who_is_in_a_hurry_travels_alone_so_that_no_others_call_is_cut_short(self, queued):
        last, hurried = queued(seconds=60), queued(seconds=5)

        claimed = [batches.claim(at_least=1) for _ in range(2)]

        assert [batch.pks for batch in claimed] == [[hurried.pk], [last.pk]]
        assert [batch.until for batch in claimed] == [hurried.attempt.ends_by, last.attempt.ends_by]


def kinds_of(error):
    return {error, *(kind for child in error.__subclasses__() for kind in kinds_of(child))}


def made(kind):
    """An error; one whose class says all takes no code."""
    return kind() if len(inspect.signature(kind).parameters) == 0 else kind("NOT_AVAILABLE")


def test_every_error_of_learn_has_an_outcome():
    ours = {
        kind
        for kind in kinds_of(LearnError) - {LearnError}
        if kind.__module__.startswith(("courses.", "exports."))
        and not kind.__module__.startswith("courses.gradebook")  # of reading alone: no grade is sent there
    }
    assert len(ours) > 9

    for kind in ours:
        known = {parent for parent in kind.__mro__ if parent in outcomes.OUTCOMES} - {LearnError}
        assert known, kind
        error = kind(timezone.now()) if issubclass(kind, QuotaUsedUp) else made(kind)
        state, cause, detail = outcomes.outcome_of(error)
        assert detail == {"code": error.code, **error.params}
        assert (state, cause) == tuple(outcomes.OUTCOMES[next(parent for parent in kind.__mro__ if parent in known)])


@pytest.mark.parametrize(
    ("parent", "outcome"),
    [
        (HostUnknown, (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE)),
        (Unconfirmed, (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED)),
        (LearnError, (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED)),
    ],
)
def test_a_new_error_of_learn_is_taken_for_its_parent(parent, outcome):
    error = made(type("New", (parent,), {}))

    assert outcomes.outcome_of(error) == (*outcome, {"code": error.code})


def test_a_flow_follows_its_attempt_even_when_settling_is_interrupted(learn, flow, wiseflow, monkeypatch):
    """Attempt and flow are finished in one transaction: neither is without the other."""
    failures = [OperationalError("gone"), OperationalError("gone")]

    def fail_twice(*args):
        if failures:
            raise failures.pop()
        return refresh(*args)

    refresh = Flow.objects.refresh
    attempt = ExportAttemptFactory(flow=flow, dead=True)
    DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)
    monkeypatch.setattr(type(Flow.objects), "refresh", lambda self, *args: fail_twice(*args))

    with pytest.raises(OperationalError):
        finishing.sweep()
    attempt.refresh_from_db()
    assert attempt.finished_at is None


class TestSweep:
    def test_a_dead_attempt_is_brought_to_its_true_states(self, db):
        flow = FlowFactory(state=ExportState.QUEUED)
        attempt = ExportAttemptFactory(flow=flow, dead=True)
        queued = DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)
        sending = DeliveryFactory(attempt=attempt, sending=True, participant__queued=True)
        delivered = DeliveryFactory(attempt=attempt, participant__exported=True)

        assert finishing.sweep() == 1

        for delivery, state, cause in (
            (queued, Delivery.State.FAILED, Cause.INTERRUPTED),
            (sending, Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
            (delivered, Delivery.State.DELIVERED, ""),
        ):
            delivery.refresh_from_db()
            assert (delivery.state, delivery.cause) == (state, cause)
        attempt.refresh_from_db()
        assert (attempt.state, attempt.number_of_success, attempt.number_of_errors) == (ExportState.FAILED, 1, 2)
        flow.refresh_from_db()
        assert flow.state == ExportState.FAILED

    def test_a_living_attempt_is_left_alone(self, db):
        attempt = ExportAttemptFactory(running=True)
        DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)

        assert finishing.sweep() == 0
        assert Delivery.objects.get().state == Delivery.State.QUEUED

    def test_a_dead_call_for_a_living_attempt_is_unconfirmed(self, db):
        attempt = ExportAttemptFactory(running=True)
        DeliveryFactory(
            attempt=attempt, sending=True, participant__queued=True, lease_ends_at=timezone.now() - timedelta(seconds=1)
        )

        assert finishing.sweep() == 1
        assert Delivery.objects.get().state == Delivery.State.UNCONFIRMED

    def test_a_living_export_keeps_what_is_queued_when_another_process_that_carried_a_part_died(self, db):
        attempt = ExportAttemptFactory(running=True)
        dead_call = DeliveryFactory(
            attempt=attempt, sending=True, participant__queued=True, lease_ends_at=timezone.now() - timedelta(seconds=1)
        )
        queued = DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)

        assert finishing.sweep() == 0

        states = dict(Delivery.objects.values_list("pk", "state"))
        assert states == {dead_call.pk: Delivery.State.UNCONFIRMED, queued.pk: Delivery.State.QUEUED}
        queued.participant.refresh_from_db()
        assert queued.participant.state == ExportState.QUEUED
        attempt.refresh_from_db()
        assert attempt.finished_at is None

    def test_an_attempt_whose_process_died_before_settling_it_is_settled(self, db):
        attempt = ExportAttemptFactory(dead=True)
        DeliveryFactory(attempt=attempt, participant__exported=True)

        assert finishing.sweep() == 1
        attempt.refresh_from_db()
        assert attempt.state == ExportState.EXPORTED

    def test_a_swept_delivery_is_not_touched_by_its_late_answer(self, db):
        attempt = ExportAttemptFactory(dead=True)
        DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)
        ExportAttempt.objects.update(
            lease_ends_at=timezone.now() + timedelta(minutes=1), ends_by=timezone.now() + timedelta(minutes=1)
        )
        batch = batches.claim(at_least=1)
        ExportAttempt.objects.update(lease_ends_at=timezone.now() - timedelta(minutes=1))
        Delivery.objects.update(lease_ends_at=timezone.now() - timedelta(minutes=1))
        finishing.sweep()

        batches.record(batch, batches.Sent(outcomes=[None]))

        assert Delivery.objects.get().state == Delivery.State.UNCONFIRMED
        assert People.get().state == ExportState.FAILED

    def test_the_next_export_of_the_flow_sweeps_it(self, learn, flow, wiseflow):
        attempt = ExportAttemptFactory(flow=flow, dead=True)
        DeliveryFactory(
            attempt=attempt, queued=True, participant=ParticipantFactory(flow=flow, user_id="u1", queued=True)
        )

        answer = wiseflow.export({"userId": "u1", "mark": "B"})

        assert answer["numberOfSuccess"] == 1
        assert learn.world.sent(COURSE, COLUMN, "u1") == ["B"]
        assert Flow.objects.get().state == ExportState.EXPORTED
