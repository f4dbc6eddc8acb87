"""The database fails while a call to Learn is under way: what was claimed must still be recorded as it became."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from exports import delivering
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
    """Another process holds the file for longer than this courier's connection has patience."""
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
    journey = delivering.grades_journey()
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
