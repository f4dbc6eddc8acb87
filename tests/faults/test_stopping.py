"""SIGTERM in the middle of an export or a retry of 2,000 grades: the process ends within 30 seconds, whoever waits has
a true answer, and nothing is lost or sent twice.

gunicorn and db_worker are real processes on this test's own database; Learn, which is slow, is in this one.
"""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from courses.connection import connect_anew
from exports import retrying
from exports.delivering import finishing, workers
from exports.models import Delivery, ExportAttempt, Participant
from sandbox import wiseflow as callers
from sandbox.processes import Processes, free_port
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.faults import invariants

FLOW = "77"
NUMBER = 2_000
USERS = [f"u{number}" for number in range(NUMBER)]
GRADES = [{"userId": user, "mark": f"{number % 100}.50"} for number, user in enumerate(USERS)]
LIMIT = 30.0  # seconds from SIGTERM on
LEARN_TIMEOUT = 4

pytestmark = pytest.mark.timeout(300)


def until(happened: Callable[[], object], *, seconds: float = LIMIT) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def learn(transactional_db: None, settings: Any) -> Iterator[SandboxLearn]:
    """A Learn that takes a second for each call."""
    world = World({"courses": {COURSE: {"users": USERS, "columns": {COLUMN: {"points": None}}}}})
    settings.LEARN_TIMEOUT = LEARN_TIMEOUT
    with SandboxLearn(world, latency_ms=1_000) as running:
        settings.LEARN_URL = running.url
        connect_anew()
        workers.workers = workers.DeliveryWorkers()
        yield running
        workers.workers.wait_until_idle(seconds=10)
    connect_anew()


@pytest.fixture
def processes(learn: SandboxLearn) -> Iterator[Processes]:
    given = connection.settings_dict
    address = f"sqlite:///{given['NAME']}"
    if connection.vendor == "postgresql":
        address = f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    environment = {
        "DATABASE_URL": address,
        "LEARN_TIMEOUT": str(LEARN_TIMEOUT),
        "LEARN_BATCH_SIZE": "20",  # all 2,000 would take 50 seconds
        "LEARN_CONCURRENCY": "2",
        "WEB_CONCURRENCY": "1",
        "EXPORT_DEADLINE": "300",
    }
    with Processes(port=free_port(), learn_port=urlsplit(learn.url).port or 0, environment=environment) as processes:
        yield processes


def export(processes: Processes, wiseflow: WiseFlow) -> Future[Any]:
    thread = ThreadPoolExecutor(1)
    key = wiseflow.headers["X-Api-Key"]
    answer = thread.submit(callers.export, processes.url, key=key, flow_id=FLOW, participants=GRADES)
    thread.shutdown(wait=False)
    return answer


def delivered() -> int:
    return Delivery.objects.filter(state=Delivery.State.DELIVERED).count()


def terminate(process: Popen[bytes]) -> float:
    """SIGTERM as systemd sends it; returns after how many seconds the process had ended, by itself."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=LIMIT)
    return time.monotonic() - began


def sweep() -> None:
    def has_ended() -> bool:
        finishing.sweep()
        return not ExportAttempt.objects.filter(finished_at=None).exists()

    until(has_ended)


def retry_the_failed(learn: SandboxLearn) -> None:
    learn.latency_ms = 0
    learn.faults.clear()
    attempts = retrying.retry(Participant.objects.filter(flow__flow_id=FLOW), by=None).attempts
    for attempt in attempts:
        queued = attempt.deliveries.filter(state=Delivery.State.QUEUED).count()
        workers.deliver(attempt, queued=queued, until=attempt.ends_by)
    workers.workers.wait_until_idle(seconds=20)


def all_are_in_learn_once(learn: SandboxLearn) -> None:
    invariants.nothing_is_open()
    invariants.books_balance(learn.world)
    invariants.the_ledger_is_true(learn.world)
    assert learn.world.values(COURSE, COLUMN) == {given["userId"]: given["mark"] for given in GRADES}


def test_an_export_is_answered_truly_before_the_web_process_ends(
    processes: Processes, learn: SandboxLearn, flow: Any, wiseflow: WiseFlow
):
    web = processes.start_web()
    answer = export(processes, wiseflow)
    until(lambda: delivered() >= 40)

    seconds = terminate(web)

    assert seconds < LIMIT
    told = answer.result(timeout=5)
    unsent = {error["userId"] for error in told["errors"]}
    assert told["numberOfSuccess"] + told["numberOfErrors"] == NUMBER
    assert 40 <= told["numberOfSuccess"] < NUMBER
    assert set(learn.world.values(COURSE, COLUMN)) == set(USERS) - unsent
    assert {error["errorInfo"].split(".")[0] for error in told["errors"]} == {
        "GradeBridge was interrupted before this grade was sent"
    }
    invariants.nothing_is_open()
    assert learn.world.writes == told["numberOfSuccess"]  # none went twice

    retry_the_failed(learn)

    all_are_in_learn_once(learn)
    assert learn.world.writes == NUMBER


def test_a_learn_that_is_silent_holds_no_process_up(
    processes: Processes, learn: SandboxLearn, flow: Any, wiseflow: WiseFlow
):
    web = processes.start_web()
    answer = export(processes, wiseflow)
    until(lambda: delivered() >= 40)
    learn.faults.add("silent_before", times=None)

    seconds = terminate(web)

    assert seconds < LIMIT
    told = answer.result(timeout=5)
    assert told["numberOfSuccess"] + told["numberOfErrors"] == NUMBER
    values = learn.world.values(COURSE, COLUMN)
    assert all(user in values for user in set(USERS) - {error["userId"] for error in told["errors"]})
    sweep()
    invariants.books_balance(learn.world)

    retry_the_failed(learn)

    all_are_in_learn_once(learn)


def test_a_retry_goes_on_with_the_next_task_worker(
    processes: Processes, learn: SandboxLearn, flow: Any, wiseflow: WiseFlow
):
    learn.faults.add("maintenance", times=None)
    wiseflow.export(*GRADES)
    workers.workers.wait_until_idle(seconds=20)
    learn.faults.clear()
    [attempt] = retrying.retry(Participant.objects.filter(flow__flow_id=FLOW), by=None).attempts
    worker = processes.start_worker()
    until(lambda: delivered() >= 40)

    seconds = terminate(worker)

    assert seconds < LIMIT
    attempt.refresh_from_db()
    assert attempt.finished_at is None
    assert not attempt.deliveries.exclude(state__in=["QUEUED", "DELIVERED"]).exists()

    learn.latency_ms = 0
    processes.start_worker()
    until(lambda: ExportAttempt.objects.get(pk=attempt.pk).finished_at)

    all_are_in_learn_once(learn)
    assert learn.world.writes == NUMBER
