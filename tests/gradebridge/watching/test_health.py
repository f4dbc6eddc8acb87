"""What load balancers read."""

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.db import InterfaceError, OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from exports import tasks
from exports.management.commands import scheduler
from exports.models import Heartbeat
from gradebridge.environment import networks
from gradebridge.watching import facts
from tests.factories import ServiceCallFactory

Life = facts.Life


@pytest.mark.parametrize("path", ["/health/live", "/health/live/"])
def test_a_process_that_answers_is_alive_without_its_database(client, path):
    response = client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "alive", "version": site.VERSION})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/ready", "/health/ready/"])
def test_a_process_with_a_migrated_database_is_ready_and_says_what_else_is_there(client, path):
    response = client.get(path)

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "clock": "missing",
        "worker": "unknown",
        "learn": {
            "status": "not called yet",
            "lastSuccess": None,
            "lastFailure": None,
            "error": "",
            "callsLeft": 10_000,
            "blockedUntil": None,
        },
    }


@pytest.mark.django_db
def test_a_process_whose_database_lacks_a_migration_is_not_ready(client):
    MigrationRecorder.Migration.objects.filter(app="exports").delete()

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "migrations are missing: run migrate",
        "migrations": "missing",
    }


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_process_whose_database_is_away_is_not_ready(client, monkeypatch, error):
    def away(*args, **kwargs):
        raise error("no answer")

    monkeypatch.setattr(MigrationExecutor, "__init__", away)

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "the database does not answer",
        "database": "away",
    }


@pytest.mark.django_db
def test_learn_that_fails_is_said_and_makes_no_process_unready(client):
    now = timezone.now()
    ServiceCallFactory(started_at=now - timedelta(minutes=2))
    ServiceCallFactory(started_at=now - timedelta(minutes=1), error="Unavailable", status=503)

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["learn"]["status"] == "failing"
    assert response.json()["learn"]["error"] == "Unavailable"

    ServiceCallFactory(started_at=now)
    assert client.get("/health/ready").json()["learn"]["status"] == "ok"


@pytest.mark.django_db
def test_only_those_who_may_watch_read_more_than_whether_it_is_ready(client, settings):
    settings.METRICS_NETWORKS = networks("10.0.0.0/8")

    assert client.get("/health/ready").json() == {"status": "ready", "database": "ok", "migrations": "ok"}
    assert client.get("/health/ready", REMOTE_ADDR="10.1.2.3").json()["clock"] == "missing"


def found():
    processes = facts.processes(timezone.now())
    return processes.clock, processes.worker


def work():
    """As a task worker does."""
    tasks.give_sign_of_life.func()


@pytest.mark.django_db(transaction=True)
def test_the_clock_shows_itself_and_asks_a_worker_which_shows_itself():
    assert found() == (Life.MISSING, Life.UNKNOWN)

    scheduler.give_sign_of_life()
    assert found() == (Life.ALIVE, Life.MISSING)
    [asked] = asked_of_workers()
    assert asked.status == "READY"

    work()
    assert found() == (Life.ALIVE, Life.ALIVE)

    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=4))
    assert found() == (Life.MISSING, Life.UNKNOWN)


def asked_of_workers():
    return list(DBTaskResult.objects.filter(task_path=tasks.give_sign_of_life.module_path))


@pytest.mark.django_db(transaction=True)
def test_however_often_the_clock_asks_one_task_waits_and_none_piles_up():
    for _ in range(3):
        scheduler.give_sign_of_life()
    assert len(asked_of_workers()) == 1

    [asked] = asked_of_workers()
    asked.claim("a worker")
    asked.set_successful(None)
    scheduler.give_sign_of_life()
    [next_one] = asked_of_workers()
    assert next_one.id != asked.id


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_busy_for_long_is_not_missing():
    scheduler.give_sign_of_life()
    tasks.deliver_attempt.enqueue(1)
    DBTaskResult.objects.get(task_path=tasks.deliver_attempt.module_path).claim("a worker")

    assert found() == (Life.ALIVE, Life.BUSY)
