"""`kill -9` of the web process and of the task worker: before a claim, during a call, after a call before its record.

gunicorn and db_worker are real processes on this test's own database; Learn is in this process, so that a gate can hold
its calls. Up to two calls are in flight: where the first batch is let through, the other two stand at the gate.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connection, transaction

from exports import retrying
from exports.delivering import finishing, workers
from exports.models import Delivery, ExportAttempt, Participant
from sandbox import wiseflow as callers
from sandbox.processes import Processes, free_port
from sandbox.server import SandboxLearn
from sandbox.services import Service
from tests.faults import invariants
from tests.faults.conftest import BODY, FLOW, GRADES, OTHER_FLOW, Trial

LEARN_TIMEOUT = 2  # seconds; a lease ends after twice as long
PATIENCE = 30.0  # seconds after which a wait of this test is given up
OTHER_PERSON = "u20"


def until(happened: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Gate:
    """Holds Learn's grade calls, before anything is stored, while it is closed."""

    def __init__(self, learn: SandboxLearn) -> None:
        self._calls = learn.calls
        self._answer = learn.answer
        self._lock = threading.Lock()
        self._arrived = 0
        self._passing = 1_000_000  # how many of all calls need not wait
        self._opened = threading.Event()

    def close(self, *, after: int) -> None:
        """Let the next `after` calls pass and hold all that come later."""
        self._passing = self._arrived + after

    def holds(self, calls: int) -> bool:
        return self._arrived - self._passing == calls

    def open(self) -> None:
        """Let all pass, and come back when Learn has answered them."""
        self._opened.set()
        until(lambda: len(self._calls.of("gradeValueAPI")) == self._arrived)

    def answer(self, service: Service, request: Any) -> Any:
        if service.name == "gradeValueAPI":
            with self._lock:
                self._arrived += 1
                waits = self._arrived > self._passing
            if waits:
                self._opened.wait(PATIENCE)
        return self._answer(service, request)


@pytest.fixture
def gate(learn: SandboxLearn, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(learn)
    monkeypatch.setattr(learn, "answer", gate.answer)
    return gate


@pytest.fixture
def processes(learn: SandboxLearn, gate: Gate, settings: Any) -> Iterator[Processes]:
    """Processes on the test's own database and its Learn; none runs yet."""
    settings.LEARN_TIMEOUT = LEARN_TIMEOUT
    environment = {
        "DATABASE_URL": database_url(),
        "LEARN_TIMEOUT": str(LEARN_TIMEOUT),
        "LEARN_BATCH_SIZE": "4",
        "LEARN_CONCURRENCY": "2",
        "WEB_CONCURRENCY": "1",
    }
    learn_port = urlsplit(learn.url).port or 0
    with Processes(port=free_port(), learn_port=learn_port, environment=environment) as processes:
        yield processes


def database_url() -> str:
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def kill(process: Popen[bytes]) -> None:
    """`kill -9`, its children too."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stand(state: str, *, flow: str = FLOW) -> int:
    """How many of the latest deliveries of the flow's people stand in a state."""
    attempt = ExportAttempt.objects.filter(flow__flow_id=flow).latest("pk")
    return attempt.deliveries.filter(state=state, participant__user_id__in=[*GRADES, OTHER_PERSON]).count()


@contextmanager
def no_record_can_be_made() -> Iterator[None]:
    """On PostgreSQL the deliveries' rows are locked, on SQLite the whole file is, for all other writers."""
    with transaction.atomic():
        list(Delivery.objects.select_for_update())
        yield


def somebody_waits_for_the_lock() -> bool:
    if connection.vendor == "sqlite":
        return True  # it does not tell
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


Kill = Callable[[Popen[bytes], Gate], None]


def kill_during_two_calls(process: Popen[bytes], gate: Gate) -> None:
    until(lambda: gate.holds(2) and stand(Delivery.State.DELIVERED) == 4)
    kill(process)
    gate.open()


def kill_before_two_records(process: Popen[bytes], gate: Gate) -> None:
    until(lambda: gate.holds(2) and stand(Delivery.State.DELIVERED) == 4)
    with no_record_can_be_made():
        gate.open()
        until(somebody_waits_for_the_lock)
        kill(process)


def sweep_until_all_has_ended() -> None:
    """The leases of the dead end in their time, without anybody's help."""

    def has_ended() -> bool:
        finishing.sweep()
        return not ExportAttempt.objects.filter(finished_at=None).exists()

    until(has_ended)


class Site:
    """WISEflow, the processes, and the managers who retry."""

    def __init__(self, trial: Trial, processes: Processes) -> None:
        self.trial = trial
        self.processes = processes

    def post(self, flow_id: str, *participants: dict[str, Any]) -> Future[Any]:
        """WISEflow's call to the web process."""
        key = self.trial.wiseflow.headers["X-Api-Key"]
        thread = ThreadPoolExecutor(1)
        answer = thread.submit(callers.export, self.processes.url, key=key, flow_id=flow_id, participants=participants)
        thread.shutdown(wait=False)
        return answer

    def fail(self) -> None:
        """An export that failed, of both flows, for managers to retry."""
        self.trial.learn.faults.add("maintenance", times=None)
        self.trial.export()
        other = {"userId": OTHER_PERSON, "mark": "A"}
        self.trial.wiseflow.export(other, path=f"/api/wiseflow/flows/{OTHER_FLOW}/export")
        workers.workers.wait_until_idle(seconds=20)
        self.trial.learn_recovers()

    def ask_for_retry(self, flow_id: str) -> ExportAttempt:
        [attempt] = retrying.retry(Participant.objects.filter(flow__flow_id=flow_id), by=None).attempts
        return attempt

    def retry(self) -> None:
        """With the worker that runs now. Nobody is left where all went well."""
        retrying.retry(Participant.objects.filter(flow__flow_id=FLOW), by=None)
        until(lambda: not ExportAttempt.objects.filter(finished_at=None).exists())

    def ends_well(self, *, told: str, after: str, place: int, fault: str, attempt: ExportAttempt | None = None) -> None:
        """The processes start anew, the dead one is swept, and all that must hold does."""
        self.processes.start_worker()
        sweep_until_all_has_ended()
        self.trial.ends_well(
            None, told=told, after=after, section=5, place=place, fault=fault, attempt=attempt, retry=self.retry
        )


@pytest.fixture
def site(trial: Trial, processes: Processes) -> Site:
    return Site(trial, processes)


def assert_connection_broke(answer: Future[Any]) -> str:
    """Returns what is to be said of it."""
    assert isinstance(answer.exception(timeout=PATIENCE), requests.ConnectionError)
    return "Nothing: the connection broke."


class TestWeb:
    def test_before_the_claim(self, site: Site, gate: Gate):
        site.processes.environment["LEARN_BATCH_SIZE"] = "50"  # less than that waits while a call is in flight
        web = site.processes.start_web()
        gate.close(after=0)
        other = site.post(OTHER_FLOW, {"userId": OTHER_PERSON, "mark": "A"})
        until(lambda: gate.holds(1))

        answer = site.post(FLOW, *BODY)
        until(lambda: ExportAttempt.objects.filter(flow__flow_id=FLOW).exists() and stand(Delivery.State.QUEUED) == 12)
        kill(web)
        gate.open()

        assert_connection_broke(other)
        told = assert_connection_broke(answer)
        site.ends_well(
            told=told, place=0, fault="The web process, after the record, before the claim", after="12 FAILED"
        )

    @pytest.mark.parametrize(
        ("kill_at_the_moment", "place", "fault"),
        [
            (kill_during_two_calls, 1, "The web process, during two calls of three"),
            (kill_before_two_records, 2, "The web process, after two calls of three, before they are recorded"),
        ],
        ids=["during the call", "before the record"],
    )
    def test_once_it_is_claimed(self, site: Site, gate: Gate, kill_at_the_moment: Kill, place: int, fault: str):
        web = site.processes.start_web()
        gate.close(after=1)

        answer = site.post(FLOW, *BODY)
        until(ExportAttempt.objects.exists)
        kill_at_the_moment(web, gate)

        told = assert_connection_broke(answer)
        site.ends_well(told=told, place=place, fault=fault, after="4 DELIVERED, 8 UNCONFIRMED")


ASKED_BY_A_MANAGER = "A manager's retry: WISEflow does not wait for it."


class TestWorker:
    def test_before_the_claim(self, site: Site, gate: Gate):
        site.fail()
        gate.close(after=0)
        worker = site.processes.start_worker()
        site.ask_for_retry(OTHER_FLOW)
        until(lambda: gate.holds(1))

        attempt = site.ask_for_retry(FLOW)
        kill(worker)
        assert stand(Delivery.State.QUEUED) == 12
        gate.open()

        site.ends_well(
            told=ASKED_BY_A_MANAGER,
            place=3,
            fault="The task worker, after the record of a retry, before it takes the task; another worker does",
            after="12 DELIVERED",
            attempt=attempt,
        )

    @pytest.mark.parametrize(
        ("kill_at_the_moment", "place", "fault"),
        [
            (kill_during_two_calls, 4, "The task worker, during two calls of three"),
            (kill_before_two_records, 5, "The task worker, after two calls of three, before they are recorded"),
        ],
        ids=["during the call", "before the record"],
    )
    def test_once_it_is_claimed(self, site: Site, gate: Gate, kill_at_the_moment: Kill, place: int, fault: str):
        site.fail()
        gate.close(after=1)
        attempt = site.ask_for_retry(FLOW)
        worker = site.processes.start_worker()

        kill_at_the_moment(worker, gate)

        site.ends_well(
            told=ASKED_BY_A_MANAGER, place=place, fault=fault, after="4 DELIVERED, 8 UNCONFIRMED", attempt=attempt
        )

    def test_one_that_dies_as_soon_as_it_has_the_task_is_missed_as_soon_as_any(self, site: Site, gate: Gate):
        """A retry may wait long for a free worker; once one has it, the lease is as short as that of any export."""
        site.processes.environment["LEARN_BATCH_SIZE"] = "1"  # so that some are queued still when it dies
        site.fail()
        gate.close(after=0)
        site.ask_for_retry(FLOW)
        worker = site.processes.start_worker()
        until(lambda: gate.holds(2))

        kill(worker)
        gate.open()

        sweep_until_all_has_ended()
        assert stand(Delivery.State.FAILED) > 0
        invariants.books_balance(site.trial.learn.world)
