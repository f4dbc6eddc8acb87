"""Several at once, each with a connection of its own, as several processes have: only PostgreSQL lets them run beside
each other. Run these ten times in a row before you believe them."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from exports import retrying
from exports.delivering import batches, finishing, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Participant
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import (
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
    UserFactory,
)
from tests.faults import invariants

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

PEOPLE = [f"u{number}" for number in range(1, 21)]


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """What the steps return, all begun at the same moment in threads of their own. Raises what the first raised."""
    gate = threading.Barrier(len(steps))
    found: list[Any] = [None] * len(steps)
    failures: list[BaseException] = []

    def run(place: int, step: Callable[[], Any]) -> None:
        try:
            gate.wait(timeout=10)
            found[place] = step()
        except BaseException as failure:  # noqa: BLE001  it is raised again below
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if failures:
        raise failures[0]
    return found


def export_of(wiseflow: WiseFlow, *users: str | dict[str, str]) -> Callable[[], Any]:
    """An export of these people by a caller of its own."""
    caller = WiseFlow(Client(), wiseflow.headers["X-Api-Key"])
    body = [user if isinstance(user, dict) else {"userId": user, "mark": "A"} for user in users]
    return lambda: caller.export(*body)


def times_sent(learn):
    return {user: len(learn.world.sent(COURSE, COLUMN, user)) for user in PEOPLE}


def test_the_same_export_from_six_callers_sends_each_grade_once(learn, flow, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = 3
    learn.latency_ms = 50

    answers = at_once(*(export_of(wiseflow, *PEOPLE) for _ in range(6)))

    assert times_sent(learn) == dict.fromkeys(PEOPLE, 1)
    assert {answer["numberOfSuccess"] + answer["numberOfErrors"] for answer in answers} == {20}
    flow.refresh_from_db()
    assert (flow.state, flow.exported_count) == (ExportState.EXPORTED, 20)
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()


def test_an_unknown_flow_exported_by_six_callers_at_once_is_one_flow(learn, wiseflow):
    at_once(*(export_of(wiseflow, user) for user in PEOPLE[:6]))

    assert Flow.objects.get().participants.count() == 6


def test_single_grades_of_twenty_callers_each_arrive_once(learn, flow, wiseflow):
    learn.latency_ms = 50

    answers = at_once(*(export_of(wiseflow, user) for user in PEOPLE))

    assert [answer["numberOfSuccess"] for answer in answers] == [1] * 20
    assert times_sent(learn) == dict.fromkeys(PEOPLE, 1)
    assert not ExportAttempt.objects.exclude(state=ExportState.EXPORTED).exists()


def test_two_managers_who_retry_the_same_people_send_nobody_twice(learn, flow):
    ParticipantFactory.create_batch(2, flow=flow, failed=True)
    managers = UserFactory.create_batch(4)

    retries = at_once(
        *(lambda by=by: retrying.retry(Participant.objects.all(), by=by, in_background=False) for by in managers)
    )

    assert sorted(retry.queued for retry in retries) == [0, 0, 0, 2]


@pytest.fixture
def resit(flow):
    """A second flow that leads to the same column."""
    resit = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=resit, grade_column=flow.column_mappings.get().grade_column)
    return resit


def test_of_two_flows_that_lead_to_one_place_only_the_one_whose_value_stands_says_so(
    learn, flow, resit, wiseflow, settings
):
    """Queued together, delivered by two processes that claim at the same moment, again and again."""
    settings.LEARN_BATCH_SIZE, settings.LEARN_CONCURRENCY = 3, 2
    processes = [workers.DeliveryWorkers() for _ in range(2)]
    for number in range(20):
        Participant.objects.all().delete()
        attempts = [
            recorded(wiseflow, flow_id, [{"userId": user, "mark": f"{flow_id}.{number}"} for user in people])
            for flow_id, people in (("77", PEOPLE), ("78", PEOPLE[::-1]))
        ]

        at_once(*map(delivery_by, processes, attempts))
        for process in processes:
            process.wait_until_idle(seconds=10)

        assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
        invariants.the_ledger_is_true(learn.world)


def delivery_by(process: workers.DeliveryWorkers, attempt: ExportAttempt) -> Callable[[], bool]:
    until = timezone.now() + timedelta(seconds=20)
    return lambda: process.wait_for(attempt.pk, queued=20, until=until)


def recorded(wiseflow: WiseFlow, flow_id: str, body: list[dict[str, str]]) -> ExportAttempt:
    """An export that has been recorded and that nobody delivers yet."""
    with mock.patch.object(workers, "deliver"):
        wiseflow.export(*body, path=f"/api/wiseflow/flows/{flow_id}/export")
    return ExportAttempt.objects.latest("pk")


def test_who_loses_a_place_to_the_claim_of_another_process_claims_again(learn, flow, resit, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = 1
    for flow_id, user in (("77", "u1"), ("78", "u1"), ("78", "u2")):
        recorded(wiseflow, flow_id, [{"userId": user, "mark": flow_id}])
    won = threading.Event()

    def win():
        with transaction.atomic():
            batch = batches.claim(at_least=1)
            won.set()
            time.sleep(0.3)  # the other one has to wait for the end of this transaction
        return batch

    def lose():
        won.wait(timeout=10)
        return batches.claim(at_least=1)

    first, second = at_once(win, lose)

    assert [batch.items for batch in (first, second)] == [
        [(COURSE, "u1", COLUMN, "77")],
        [(COURSE, "u2", COLUMN, "78")],
    ]
    batches.record(first, batches.Sent(outcomes=[None]))
    assert batches.claim(at_least=1).items == [(COURSE, "u1", COLUMN, "78")]


def test_of_three_people_of_one_place_exported_at_once_one_has_it(learn, flow, wiseflow):
    """Three people of one flow, whose bodies name the same Learn user: the others are told whose the place is."""
    for number in range(10):
        Participant.objects.all().delete()
        bodies = [{"userId": f"p{person}", "learnUserId": "u1", "mark": f"{number}.{person}"} for person in range(3)]

        at_once(*(export_of(wiseflow, body) for body in bodies))

        invariants.the_ledger_is_true(learn.world)


def test_workers_of_four_processes_share_what_is_queued(learn, flow, settings):
    settings.LEARN_BATCH_SIZE = 2
    learn.latency_ms = 20
    for user in PEOPLE:
        ParticipantFactory(flow=flow, user_id=user, failed=True)
    [attempt] = retrying.retry(Participant.objects.all(), by=None, in_background=False).attempts
    until = timezone.now() + timedelta(seconds=20)
    processes = [workers.DeliveryWorkers() for _ in range(4)]

    ended = at_once(
        *(lambda process=process: process.wait_for(attempt.pk, queued=20, until=until) for process in processes)
    )
    for process in processes:
        process.wait_until_idle(seconds=10)

    assert ended == [True] * 4
    assert times_sent(learn) == dict.fromkeys(PEOPLE, 1)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.number_of_success, attempt.number_of_errors) == (ExportState.EXPORTED, 20, 0)


def test_a_cancelled_retry_shows_what_was_sent_and_what_was_not(learn, flow, settings):
    settings.LEARN_BATCH_SIZE, settings.LEARN_CONCURRENCY = 2, 1
    learn.latency_ms = 50
    for user in PEOPLE:
        ParticipantFactory(flow=flow, user_id=user, failed=True)
    manager = UserFactory()
    [attempt] = retrying.retry(Participant.objects.all(), by=manager, in_background=False).attempts

    def cancel_after_the_first_call():
        while not learn.calls.of("gradeValueAPI"):
            time.sleep(0.01)
        retrying.cancel(attempt, by=manager)

    at_once(
        lambda: workers.deliver(attempt, queued=20, until=timezone.now() + timedelta(seconds=20)),
        cancel_after_the_first_call,
    )

    stand = dict(Delivery.objects.filter(attempt=attempt).values_list("participant__user_id", "state"))
    sent = {user for user, times in times_sent(learn).items() if times}
    assert sent == {user for user, state in stand.items() if state == Delivery.State.DELIVERED}
    assert set(stand.values()) <= {Delivery.State.DELIVERED, Delivery.State.FAILED}
    attempt.refresh_from_db()
    assert attempt.finished_at is not None
    assert attempt.number_of_success == len(sent)


def test_a_sweep_beside_the_record_leaves_one_truth(learn, flow):
    """The lease ran out though the process lived on: whoever comes first finishes, the other changes nothing."""
    for user in PEOPLE:
        ParticipantFactory(flow=flow, user_id=user, failed=True)
    [attempt] = retrying.retry(Participant.objects.all(), by=None, in_background=False).attempts
    batch = batches.claim(at_least=1)
    sent = batches.send(batch)
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.update(lease_ends_at=past)
    ExportAttempt.objects.update(lease_ends_at=past)

    at_once(lambda: batches.record(batch, sent), finishing.sweep, finishing.sweep)
    finishing.finish([attempt.pk])

    [state] = set(Delivery.objects.filter(attempt=attempt).values_list("state", flat=True))
    [person] = set(Participant.objects.values_list("state", "cause"))
    assert (state, person) in [
        (Delivery.State.DELIVERED, (ExportState.EXPORTED, "")),
        (Delivery.State.UNCONFIRMED, (ExportState.FAILED, Cause.UNCONFIRMED)),
    ]
    attempt.refresh_from_db()
    assert attempt.number_of_success + attempt.number_of_errors == 20


def test_an_attempt_is_finished_by_one_of_many(flow):
    attempt = ExportAttemptFactory(flow=flow, running=True)
    for _ in range(5):
        DeliveryFactory(attempt=attempt)

    finished = at_once(*(lambda: finishing.finish([attempt.pk]) for _ in range(6)))

    assert sorted(finished) == [[], [], [], [], [], [attempt.pk]]
    attempt.refresh_from_db()
    assert attempt.number_of_success == 5
