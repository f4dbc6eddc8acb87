"""From a queued delivery to its true state, with a sandbox Learn that fails in every way."""

import threading
from datetime import timedelta
from itertools import count

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from courses.grades_journey import HostUnknown, LearnError, QuotaUsedUp, Unconfirmed
from courses.models import NAME_LENGTH, ServiceCall
from exports import retrying
from exports.delivering import batches, outcomes, settling, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Participant
from tests.conftest import COLUMN, COURSE
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
    ServiceCallFactory,
)

People = Participant.objects


def standing(user_id="u1"):
    participant = People.get(user_id=user_id)
    return participant.state, participant.cause


@pytest.mark.parametrize(
    ("fault", "state", "cause"),
    [
        ("forbidden", Delivery.State.FAILED, Cause.PERMISSION_MISSING),
        ("not_installed", Delivery.State.FAILED, Cause.NOT_INSTALLED),
        ("quota_long", Delivery.State.FAILED, Cause.QUOTA_USED_UP),
        ("maintenance", Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
        ("token_down", Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
        ("token_refused", Delivery.State.FAILED, Cause.CREDENTIALS_REFUSED),
        ("redirect", Delivery.State.FAILED, Cause.REQUEST_REFUSED),
        ("server_error", Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
        ("html_200", Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
        ("truncated_json", Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
    ],
)
def test_a_fault_of_learn_becomes_the_state_and_cause_that_say_what_to_do(learn, flow, wiseflow, fault, state, cause):
    learn.faults.add(fault)

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["numberOfErrors"] == 1
    assert (Delivery.objects.get().state, standing()) == (state, (ExportState.FAILED, cause))
    flow.refresh_from_db()
    assert flow.state == ExportState.FAILED


@pytest.mark.parametrize("fault", ["bearer_expired", "quota_short"])
def test_a_passing_fault_is_overcome_within_the_export(learn, flow, wiseflow, fault):
    learn.faults.add(fault, times=1)

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["numberOfSuccess"] == 1
    assert learn.world.value(COURSE, COLUMN, "u1") == "A"


def test_a_crash_of_our_own_code_during_a_call_leaves_the_grade_unconfirmed(learn, flow, wiseflow, monkeypatch):
    def crash(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(batches.grades_journey(), "send", crash)

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["numberOfErrors"] == 1
    assert standing() == (ExportState.FAILED, Cause.INTERNAL_ERROR)


def test_only_the_items_that_learn_rejects_fail(learn, flow, wiseflow):
    answer = wiseflow.export(
        {"userId": "u1", "mark": "A"}, {"userId": "stranger", "mark": "B"}, {"userId": "u2", "mark": "C"}
    )

    assert answer["numberOfSuccess"] == 2
    assert [error["userId"] for error in answer["errors"]] == ["stranger"]
    assert "not enrolled" in answer["errors"][0]["errorInfo"]
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "u2": "C"}


def test_grades_travel_in_batches(learn, flow, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = 5

    answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 13)))

    assert answer["numberOfSuccess"] == 12
    assert sorted(call.items for call in learn.calls.of("gradeValueAPI")) == [2, 5, 5]


def test_what_is_not_sent_by_the_deadline_fails_and_is_never_sent(learn, flow, wiseflow, settings):
    settings.EXPORT_DEADLINE = 1
    settings.LEARN_CONCURRENCY = 1
    settings.LEARN_BATCH_SIZE = 1
    learn.latency_ms = 700

    answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 5)))
    workers.workers.wait_until_idle(seconds=10)

    late = set(People.filter(cause=Cause.DEADLINE).values_list("user_id", flat=True))
    assert late
    assert answer["numberOfErrors"] >= len(late)
    assert not late & set(learn.world.values(COURSE, COLUMN))
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()


def test_an_answer_that_comes_after_ours_is_still_recorded(learn, flow):
    """WISEflow was told the truth of its moment; the dashboard tells today's."""
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    attempt = retrying.retry(People.all(), by=None, in_background=False).attempts[0]
    learn.latency_ms = 300

    workers.deliver(attempt, queued=1, until=timezone.now() + timedelta(seconds=0.1))
    in_flight = Delivery.objects.get().state
    workers.workers.wait_until_idle(seconds=10)

    assert in_flight == Delivery.State.SENDING
    assert standing() == (ExportState.EXPORTED, "")
    attempt.refresh_from_db()
    assert attempt.state == ExportState.EXPORTED


@pytest.fixture
def resit(flow):
    """Another flow whose grades go to the same column."""
    return ColumnMappingFactory(flow__flow_id="78", grade_column=flow.column_mappings.get().grade_column).flow


RESIT = "/api/wiseflow/flows/78/export"


@pytest.mark.parametrize("mark", ["B", "A"])
def test_a_grade_that_another_flow_replaces_in_learn_is_failed_until_it_leads_to_another_place(
    learn, flow, resit, wiseflow, mark
):
    """The dashboard knows whose grade is in Learn: one grade there is never two successes, be they equal."""
    wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})

    wiseflow.export({"userId": "second", "learnUserId": "u1", "mark": mark}, path=RESIT)
    again = wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})

    first, second = People.order_by("pk")
    assert learn.world.sent(COURSE, COLUMN, "u1") == ["A", mark]
    assert (first.state, first.cause, first.value_in_learn) == (ExportState.FAILED, Cause.REPLACED, "")
    assert (second.state, second.cause, second.value_in_learn) == (ExportState.EXPORTED, "", mark)
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == (ExportState.FAILED, 1, 0)
    assert f"{mark} of person second in flow 78" in again["errors"][0]["errorInfo"]

    elsewhere = wiseflow.export({"userId": "first", "learnUserId": "u2", "mark": "A"})

    assert elsewhere["numberOfSuccess"] == 1
    assert learn.world.values(COURSE, COLUMN) == {"u1": mark, "u2": "A"}


def test_where_an_overwrite_is_not_confirmed_nobody_claims_to_know_what_is_in_learn(learn, flow, resit, wiseflow):
    wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})
    learn.faults.add("reset_after", times=None, service="gradeValueAPI")

    wiseflow.export({"userId": "second", "learnUserId": "u1", "mark": "B"}, path=RESIT)

    first, second = People.order_by("pk")
    assert (first.state, first.cause, first.value_in_learn) == (ExportState.FAILED, Cause.PERHAPS_REPLACED, "")
    assert (second.state, second.cause, second.value_in_learn) == (ExportState.FAILED, Cause.UNCONFIRMED, "")

    learn.faults.clear()
    wiseflow.export({"userId": "second", "learnUserId": "u1", "mark": "B"}, path=RESIT)

    assert [person.cause for person in People.order_by("pk")] == [Cause.REPLACED, ""]


def test_two_people_of_one_export_with_one_learn_user_are_both_refused(learn, flow, wiseflow):
    answer = wiseflow.export(
        {"userId": "first", "learnUserId": "u1", "mark": "A"},
        {"userId": "u1", "mark": "B"},
        {"userId": "u2", "mark": "C"},
    )

    assert [error["userId"] for error in answer["errors"]] == ["first", "u1"]
    assert learn.world.values(COURSE, COLUMN) == {"u2": "C"}


def test_two_exports_of_one_flow_at_once_send_nobody_twice(learn, flow, wiseflow):
    learn.latency_ms = 200
    answers = []

    def export():
        answers.append(wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 11))))
        connection.close()

    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(learn.world.sent(COURSE, COLUMN, f"u{number}")) for number in range(1, 11)] == [1] * 10
    assert sorted(answer["numberOfSuccess"] for answer in answers) in ([0, 10], [10, 10])


class TestOneCallAPlace:
    """What leads to one Learn user in one column goes in one call after another: the last one sent is what stands."""

    @pytest.fixture
    def queued(self, flow, resit):
        """Queues the grade of somebody new, of another flow, for a Learn user."""

        names = map("early-{}".format, count(1))

        def queue(learn_user_id="u1"):
            return DeliveryFactory(
                attempt=ExportAttemptFactory(flow=resit, running=True),
                queued=True,
                participant__queued=True,
                participant__user_id=next(names),
                learn_user_id=learn_user_id,
                course_id=COURSE,
                column_name=COLUMN,
            )

        return queue

    def test_the_second_waits_until_the_first_is_recorded(self, queued):
        first, second = queued(), queued()

        batch = batches.claim(at_least=1)
        meanwhile = batches.claim(at_least=1)
        batches.record(batch, batches.Sent(outcomes=[None]))

        assert (batch.pks, meanwhile) == ([first.pk], None)
        assert batches.claim(at_least=1).pks == [second.pk]

    def test_nobody_behind_it_waits_along(self, queued, settings):
        settings.LEARN_BATCH_SIZE = 2
        queued()
        batches.claim(at_least=1)
        for _ in range(5):
            queued()
        others = [queued(user) for user in ("u2", "u3")]

        assert batches.claim(at_least=2).pks == [other.pk for other in others]

    def test_another_column_is_another_place(self, queued):
        first, second = queued(), queued()
        Delivery.objects.filter(pk=second.pk).update(column_name="Another exam")

        assert batches.claim(at_least=1).pks == [first.pk, second.pk]

    def test_a_call_beside_others_is_full_without_it(self, queued, settings):
        settings.LEARN_BATCH_SIZE = 2
        queued()
        queued()

        assert batches.claim(at_least=2) is None

    def test_the_database_knows_of_one_call_alone(self, queued):
        _, second = queued(), queued()
        batches.claim(at_least=1)

        with pytest.raises(IntegrityError):
            Delivery.objects.filter(pk=second.pk).update(state=Delivery.State.SENDING)

    def test_names_of_every_length_have_a_place(self, queued):
        queued("é" * NAME_LENGTH)
        Delivery.objects.update(course_id="ø" * NAME_LENGTH, column_name="å" * NAME_LENGTH)

        assert batches.claim(at_least=1)

    def test_what_was_held_back_goes_once_its_place_is_free(self, learn, flow, wiseflow, queued):
        queued()

        wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert learn.world.sent(COURSE, COLUMN, "u1") == ["B", "A"]

    def test_what_waits_for_a_place_until_its_deadline_fails(self, learn, flow, wiseflow, queued, settings):
        settings.EXPORT_DEADLINE = 1
        queued()
        batches.claim(at_least=1)

        answer = wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "B"})

        assert [error["userId"] for error in answer["errors"]] == ["u1"]
        assert standing() == (ExportState.FAILED, Cause.DEADLINE)
        assert learn.world.values(COURSE, COLUMN) == {"u2": "B"}

    def test_to_wait_for_a_place_costs_a_look_now_and_then(self, learn, flow, wiseflow, queued, settings, monkeypatch):
        settings.EXPORT_DEADLINE = 1
        queued()
        claim, looks = batches.claim, []
        claim(at_least=1)
        monkeypatch.setattr(batches, "claim", lambda **most: looks.append(most) or claim(**most))

        wiseflow.export({"userId": "u1", "mark": "B"})

        assert len(looks) <= 2 / workers.POLL_SECONDS

    def test_a_dead_call_gives_up_its_place_to_those_who_wait(self, learn, flow, wiseflow, queued, settings):
        settings.LEARN_TIMEOUT = 1
        dead = queued()
        batch = batches.claim(at_least=1)
        ExportAttempt.objects.update(flow=FlowFactory())
        Delivery.objects.filter(claim=batch.claim).update(lease_ends_at=timezone.now() - timedelta(seconds=1))

        answer = wiseflow.export({"userId": "u1", "mark": "B"})

        assert answer["numberOfSuccess"] == 1
        dead.refresh_from_db()
        assert dead.state == Delivery.State.UNCONFIRMED


class TestAnotherProcessHasJustBegunACall:
    @pytest.fixture
    def elsewhere(self, learn, flow, settings, monkeypatch):
        """Its call never ends here, and is a second old once the fixture is called with 1."""
        settings.EXPORT_DEADLINE = 1
        monkeypatch.setattr(batches, "GATHER_SECONDS", 60)

        def begun(seconds_ago=0):
            begun_at = timezone.now() - timedelta(seconds=seconds_ago)
            DeliveryFactory(sending=True, value="B", lease_ends_at=settling.lease_end(begun_at))

        return begun

    def test_less_than_a_full_batch_waits_for_it(self, learn, wiseflow, elsewhere):
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"})

        assert (answer["numberOfErrors"], standing()) == (1, (ExportState.FAILED, Cause.DEADLINE))
        assert not learn.world.values(COURSE, COLUMN)

    def test_a_full_batch_goes_at_once(self, wiseflow, elsewhere, settings):
        settings.LEARN_BATCH_SIZE = 2
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert answer["numberOfSuccess"] == 2

    def test_one_that_takes_long_is_not_waited_for(self, wiseflow, elsewhere):
        elsewhere(seconds_ago=batches.GATHER_SECONDS + 1)

        assert wiseflow.export({"userId": "u1", "mark": "A"})["numberOfSuccess"] == 1

    def test_what_waits_goes_after_it_with_what_has_come_since(self, learn, wiseflow, elsewhere, monkeypatch):
        monkeypatch.setattr(batches, "GATHER_SECONDS", 0.3)
        elsewhere()

        answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "A"})

        assert answer["numberOfSuccess"] == 2
        assert ServiceCall.objects.count() == 1


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

        assert "quota of calls is used up until" in answer["errors"][0]["errorInfo"]
        assert learn.calls.of("gradeValueAPI") == []

    def test_a_quota_of_the_token_service_stops_every_process_too(self, learn, flow, wiseflow):
        learn.faults.add("token_quota", times=None)

        for user in ("u1", "u2"):
            answer = wiseflow.export({"userId": user, "mark": "A"})
            assert "quota of calls is used up until" in answer["errors"][0]["errorInfo"]

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


def test_every_error_of_learn_has_an_outcome():
    ours = {
        kind for kind in kinds_of(LearnError) - {LearnError} if kind.__module__.startswith(("courses.", "exports."))
    }
    assert len(ours) > 9

    for kind in ours:
        known = {parent for parent in kind.__mro__ if parent in outcomes.OUTCOMES} - {LearnError}
        assert known, kind
        error = kind(timezone.now()) if issubclass(kind, QuotaUsedUp) else kind("A sentence.")
        state, cause, _detail = outcomes.outcome_of(error)
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
    new = type("New", (parent,), {})

    assert outcomes.outcome_of(new("A sentence.")) == (*outcome, "A sentence.")


def test_a_flow_follows_its_attempt_even_when_settling_is_interrupted(learn, flow, wiseflow, monkeypatch):
    """Attempt and flow are settled in one transaction: neither is without the other."""
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
        settling.sweep()
    attempt.refresh_from_db()
    assert attempt.finished_at is None


class TestSweep:
    def test_a_dead_attempt_is_brought_to_its_true_states(self, db):
        flow = FlowFactory(state=ExportState.QUEUED)
        attempt = ExportAttemptFactory(flow=flow, dead=True)
        queued = DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)
        sending = DeliveryFactory(attempt=attempt, sending=True, participant__queued=True)
        delivered = DeliveryFactory(attempt=attempt, participant__exported=True)

        assert settling.sweep() == 1

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

        assert settling.sweep() == 0
        assert Delivery.objects.get().state == Delivery.State.QUEUED

    def test_a_dead_call_for_a_living_attempt_is_unconfirmed(self, db):
        attempt = ExportAttemptFactory(running=True)
        DeliveryFactory(
            attempt=attempt, sending=True, participant__queued=True, lease_ends_at=timezone.now() - timedelta(seconds=1)
        )

        assert settling.sweep() == 1
        assert Delivery.objects.get().state == Delivery.State.UNCONFIRMED

    def test_a_living_export_keeps_what_is_queued_when_another_process_that_carried_a_part_died(self, db):
        attempt = ExportAttemptFactory(running=True)
        dead_call = DeliveryFactory(
            attempt=attempt, sending=True, participant__queued=True, lease_ends_at=timezone.now() - timedelta(seconds=1)
        )
        queued = DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)

        assert settling.sweep() == 0

        states = dict(Delivery.objects.values_list("pk", "state"))
        assert states == {dead_call.pk: Delivery.State.UNCONFIRMED, queued.pk: Delivery.State.QUEUED}
        queued.participant.refresh_from_db()
        assert queued.participant.state == ExportState.QUEUED
        attempt.refresh_from_db()
        assert attempt.finished_at is None

    def test_an_attempt_whose_process_died_before_settling_it_is_settled(self, db):
        attempt = ExportAttemptFactory(dead=True)
        DeliveryFactory(attempt=attempt, participant__exported=True)

        assert settling.sweep() == 1
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
        settling.sweep()

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
