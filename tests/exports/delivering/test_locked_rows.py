"""Someone else has locked rows for long, such as the import of a very large roster. Exports of others go on, and what
is alive is not swept. Only PostgreSQL locks rows."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from exports.delivering import batches, finishing, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Participant
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import ColumnMappingFactory, DeliveryFactory, ExportAttemptFactory, FlowFactory

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

SECONDS = 1.0  # LEARN_TIMEOUT: a lease lasts twice as long


@contextmanager
def locked(rows: QuerySet[Any]) -> Iterator[None]:
    """The rows are locked by another connection until the block ends."""
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update())
            holds.set()
            release.wait(timeout=30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert holds.wait(timeout=10)
        yield
    finally:
        release.set()
        holder.join()


def wait_for(happened: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def resit(flow):
    """A second flow that leads to the same column."""
    resit = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=resit, grade_column=flow.column_mappings.get().grade_column)
    return resit


@pytest.fixture
def end_of_stuck_export(learn, flow, wiseflow, settings):
    """An export of u1 that Learn has answered and that cannot be recorded. What is given lets it be, and its answer."""
    settings.LEARN_TIMEOUT = SECONDS
    learn.latency_ms = 300
    caller, answers = WiseFlow(Client(), wiseflow.headers["X-Api-Key"]), []

    def export() -> None:
        answers.append(caller.export({"userId": "u1", "mark": "A"}))
        connection.close()

    exporting = threading.Thread(target=export)
    exporting.start()
    wait_for(Delivery.objects.filter(state=Delivery.State.SENDING).exists)
    with ExitStack() as lock:
        lock.enter_context(locked(Participant.objects.filter(user_id="u1")))
        wait_for(lambda: learn.world.sent(COURSE, COLUMN, "u1"))
        learn.latency_ms = 0
        time.sleep(0.2)

        def end() -> Any:
            lock.close()
            exporting.join(timeout=20)
            return answers[0]

        yield end
    exporting.join(timeout=20)


def test_others_are_exported_while_a_record_waits_for_a_lock(end_of_stuck_export, resit, wiseflow):
    for user in ("u2", "u3"):
        began = time.monotonic()

        answer = wiseflow.export({"userId": user, "mark": "B"}, path="/api/wiseflow/flows/78/export")

        assert (answer["numberOfSuccess"], answer["errors"]) == (1, [])
        assert time.monotonic() - began < 2


def test_many_records_that_wait_leave_workers_for_the_calls_of_others(learn, flow, resit, wiseflow, settings):
    """As many as there may be calls at once."""
    settings.LEARN_CONCURRENCY = 2
    workers.workers = workers.DeliveryWorkers()
    key = wiseflow.headers["X-Api-Key"]

    def export(user: str) -> None:
        WiseFlow(Client(), key).export({"userId": user, "mark": "A"})
        connection.close()

    users = ["u1", "u2", "u3", "u4"]
    for user in users:
        Participant.objects.create(flow=flow, user_id=user, learn_user_id=user)
    exports = [threading.Thread(target=export, args=[user]) for user in users]
    learn.latency_ms = 500
    for number, thread in enumerate(exports, start=1):
        thread.start()
        wait_for(lambda number=number: Delivery.objects.filter(state__in=Delivery.OPEN).count() == number)
    with locked(Participant.objects.filter(flow=flow)):
        wait_for(lambda: all(learn.world.sent(COURSE, COLUMN, user) for user in users))
        learn.latency_ms = 0

        answer = wiseflow.export({"userId": "u9", "mark": "B"}, path="/api/wiseflow/flows/78/export")

        assert (answer["numberOfSuccess"], answer["errors"]) == (1, [])
    for thread in exports:
        thread.join(timeout=20)
    assert Participant.objects.filter(state=ExportState.EXPORTED).count() == 5


def test_an_export_is_answered_in_time_though_people_of_it_are_locked(learn, flow, wiseflow, settings):
    settings.EXPORT_DEADLINE = settings.LEARN_CONCURRENCY = settings.LEARN_BATCH_SIZE = 1
    learn.latency_ms = 700
    caller, answers, began = WiseFlow(Client(), wiseflow.headers["X-Api-Key"]), [], time.monotonic()

    def export() -> None:
        answers.append(caller.export(*({"userId": f"u{number}", "mark": "A"} for number in range(1, 5))))
        connection.close()

    exporting = threading.Thread(target=export)
    exporting.start()
    wait_for(Delivery.objects.filter(state=Delivery.State.SENDING).exists)
    with locked(Participant.objects.filter(user_id="u4")):
        exporting.join(timeout=10)
        assert answers
        assert time.monotonic() - began < 5
    workers.workers.wait_until_idle(seconds=10)

    assert "u4" in {error["userId"] for error in answers[0]["errors"]}
    ExportAttempt.objects.update(lease_ends_at=timezone.now() - timedelta(seconds=1))
    finishing.sweep()
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    assert not learn.world.sent(COURSE, COLUMN, "u4")


def test_what_is_alive_is_not_swept_however_long_its_record_waits(end_of_stuck_export, monkeypatch):
    time.sleep(3 * SECONDS)

    [attempt] = ExportAttempt.objects.all()
    assert attempt.lease_ends_at > timezone.now()
    assert finishing.sweep() == 0
    monkeypatch.setattr(finishing, "here", finishing.Here())  # as another process sees it
    assert finishing.sweep() == 0
    assert Delivery.objects.get().state == Delivery.State.SENDING
    assert end_of_stuck_export()["errors"] == []


def test_a_process_does_not_sweep_what_it_waits_for_itself(flow):
    """It was suspended, say: its leases have ended, and it is alive."""
    past = timezone.now() - timedelta(seconds=1)
    attempt = ExportAttemptFactory(flow=flow, running=True, lease_ends_at=past)
    DeliveryFactory(attempt=attempt, queued=True, participant__queued=True)
    finishing.here.attempts.add(attempt.pk)
    try:
        assert finishing.sweep() == 0
        assert Delivery.objects.get().state == Delivery.State.QUEUED
    finally:
        finishing.here.attempts.discard(attempt.pk)
    assert finishing.sweep() == 1


def test_a_dead_attempt_whose_flow_is_locked_is_left_to_the_next_sweep_and_holds_up_no_other(flow, resit):
    dead = [ExportAttemptFactory(flow=each, dead=True) for each in (flow, resit)]
    for attempt in dead:
        DeliveryFactory(attempt=attempt, queued=True, participant__queued=True, participant__flow=attempt.flow)

    with locked(Flow.objects.filter(pk=flow.pk)):
        assert finishing.sweep() == 1
    assert finishing.sweep() == 1

    assert set(Delivery.objects.values_list("state", "cause")) == {(Delivery.State.FAILED, Cause.INTERRUPTED)}
    assert not ExportAttempt.objects.filter(finished_at=None).exists()


def test_a_claim_takes_no_more_than_a_batch_whatever_the_plan(settings):
    settings.LEARN_BATCH_SIZE = 2
    DeliveryFactory.create_batch(6, attempt=ExportAttemptFactory(running=True), queued=True)
    with connection.cursor() as cursor:
        for way in ("hashagg", "sort", "hashjoin", "mergejoin", "material", "indexscan", "bitmapscan"):
            cursor.execute(f"SET enable_{way} = off")

    try:
        batch = batches.claim(at_least=1)
    finally:
        connection.close()

    assert len(batch.pks) == 2
