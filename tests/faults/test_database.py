"""The database fails while a call to Learn is in progress: what was claimed must still be recorded as it became."""

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from exports.delivering import batches, finishing
from exports.models import Delivery
from tests.faults.conftest import Trial

LOCKED_SECONDS = 0.3


def drop_all_connections() -> None:
    """As when PostgreSQL restarts: every connection of every thread breaks, those that rest in the pool too."""
    import psycopg

    given = connection.settings_dict
    with psycopg.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"], dbname=given["NAME"]
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def lock_the_database() -> None:
    """Another process holds the file for longer than this worker's connection has patience."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def unlock() -> None:
        other.rollback()
        other.close()

    threading.Timer(LOCKED_SECONDS, unlock).start()


@pytest.fixture
def at_the_end_of_the_last_call(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Have something done after the last call was made, before what became of it can be recorded."""
    journey = batches.grades_journey()
    call = journey.send
    calls: list[int] = []

    def arrange(act: Callable[[], None]) -> None:
        def call_and_act(items: Any, **options: Any) -> Any:
            outcomes = call(items, **options)
            calls.append(len(items))
            if len(calls) == 3:
                act()
            return outcomes

        monkeypatch.setattr(journey, "send", call_and_act)

    return arrange


def test_the_connection_is_lost_between_claim_and_record(trial: Trial, at_the_end_of_the_last_call):
    fail = drop_all_connections if connection.vendor == "postgresql" else lock_the_database
    at_the_end_of_the_last_call(fail)

    answer = trial.export()

    trial.ends_well(
        answer,
        section=4,
        place=0,
        fault="Between claim and record every connection breaks (PostgreSQL), the file is locked (SQLite)",
        after="12 DELIVERED",
    )


def test_the_database_is_away_for_longer_than_a_worker_waits(
    trial: Trial, at_the_end_of_the_last_call, monkeypatch: pytest.MonkeyPatch
):
    """The worker gives up. What became of the last call is never recorded, so that only the sweep can end it."""
    record, tries = batches.record, []

    def away(*batch: object) -> None:
        tries.append(batch)
        raise OperationalError("the connection is closed")

    def take_it_away() -> None:
        wait_for(lambda: Delivery.objects.filter(state=Delivery.State.DELIVERED).count() == 8)
        monkeypatch.setattr(batches, "record", away)

    at_the_end_of_the_last_call(take_it_away)

    answer = trial.export()

    assert len(tries) == 4
    monkeypatch.setattr(batches, "record", record)
    wait_for(lambda: finishing.sweep() or not Delivery.objects.filter(state__in=Delivery.OPEN).exists())
    trial.ends_well(
        answer,
        section=4,
        place=1,
        fault="After the last call of three the database is away for longer than a worker waits",
        after="8 DELIVERED, 4 UNCONFIRMED",
    )


def wait_for(happened: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
