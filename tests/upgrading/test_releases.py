"""The database of each earlier release, as its own demo left it, says the same after an upgrade, and works."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from courses.connection import connect_anew
from exports import retrying
from exports.delivering import workers
from exports.models import Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from gradebridge.demo import KEY, UNTOUCHED_FLOW
from sandbox.sample import sample_world
from sandbox.server import SandboxLearn
from tests.databases import empty_database, leave, working_in
from tests.faults import invariants
from tests.upgrading.fill import HERE, RELEASES

# Tables that an upgrade neither fills nor empties
KEPT = (
    *("auth_user", "courses_course", "courses_gradecolumn", "courses_gradeschema", "courses_servicecall"),
    *("exports_flow", "exports_participant", "exports_exportattempt", "exports_apiclient", "exports_columnmapping"),
)


def rows_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  our own names
        [number] = cursor.fetchone()
    return int(number)


def column_of(table: str, *columns: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608  our own names
        return list(cursor.fetchall())


def load(dump: Path) -> None:
    text = gzip.decompress(dump.read_bytes()).decode()
    if connection.vendor == "sqlite":
        with sqlite3.connect(connection.settings_dict["NAME"]) as plain:  # Django's would look at foreign keys
            plain.executescript(text)
    else:
        with connection.cursor() as cursor:
            cursor.execute(text)
    leave()  # the dump has set the search path of its session, which the pool would keep


@pytest.fixture
def database(release: str, tmp_path: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The old database, apart from the test's own; not migrated."""
    with django_db_blocker.unblock(), empty_database(tmp_path, "gradebridge_upgrade") as name, working_in(name):
        load(HERE / f"{release}.{connection.vendor}.sql.gz")
        yield


@pytest.fixture
def learn(settings: Any) -> Iterator[SandboxLearn]:
    with SandboxLearn(sample_world()) as running:
        settings.LEARN_URL = running.url
        connect_anew()
        workers.workers = workers.DeliveryWorkers()
        yield running
        workers.workers.wait_until_idle(seconds=10)
    connect_anew()


def export(flow_id: str, *participants: dict[str, str]) -> dict[str, Any]:
    answer = Client().post(
        f"/api/wiseflow/flows/{flow_id}/export",
        json.dumps({"participants": participants}),
        content_type="application/json",
        headers={"Authorization": f"Api-Key {KEY}"},
    )
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.migrates
@pytest.mark.timeout(300)
@pytest.mark.parametrize("release", RELEASES)
def test_a_database_of_an_earlier_release_is_brought_here(release: str, database: None, learn: SandboxLearn):
    rows = {table: rows_of(table) for table in KEPT}
    people = dict(column_of("exports_participant", "id", "state"))
    delivered = {pk for pk, state in column_of("exports_delivery", "id", "state") if state == "DELIVERED"}
    attempts = set(column_of("exports_exportattempt", "id", "state", "number_of_success", "number_of_errors"))

    call_command("migrate", verbosity=0)

    nothing_has_gone(rows, people, delivered, attempts)
    the_books_balance()
    it_works(learn)


def nothing_has_gone(
    rows: dict[str, int], people: dict[int, str], delivered: set[int], attempts: set[tuple[Any, ...]]
) -> None:
    assert {table: rows_of(table) for table in KEPT} == rows
    assert {*Delivery.objects.filter(state="DELIVERED").values_list("pk", flat=True)} == delivered
    columns = ("pk", "state", "number_of_success", "number_of_errors")
    assert set(ExportAttempt.objects.values_list(*columns)) == attempts
    now = dict(Participant.objects.values_list("pk", "state"))
    changed = [pk for pk in people if now[pk] != people[pk]]
    for person in Participant.objects.filter(pk__in=changed):  # since the ledger of 1.1.0 a replaced grade is failed
        assert (people[person.pk], person.state) == ("EXPORTED", "FAILED")
        assert person.cause in ("REPLACED", "PERHAPS_REPLACED")


def the_books_balance() -> None:
    """Whoever is exported has a grade in Learn for certain, as delivered; flows and attempts count them."""
    deliveries: dict[int, list[Delivery]] = {}
    for delivery in Delivery.objects.order_by("pk").select_related("attempt"):
        deliveries.setdefault(delivery.participant_id, []).append(delivery)
    for person in Participant.objects.with_grades():
        invariants.follows_its_deliveries(person, deliveries.get(person.pk, []))
    for flow in Flow.objects.all():
        invariants.follows_its_participants(flow)
    for attempt in ExportAttempt.objects.prefetch_related("deliveries"):
        invariants.counts_add_up(attempt)
    exported = Participant.objects.filter(state=ExportState.EXPORTED)
    assert exported.exists()
    values = Delivery.objects.filter(state="DELIVERED").order_by("pk").values_list("participant", "value")
    last = dict(values)
    for person in exported:
        assert {grade.value for grade in GradeInLearn.objects.in_learn().filter(participant=person)} == {
            last[person.pk]
        }


def it_works(learn: SandboxLearn) -> None:
    """New rows go in, an old grade is a success without a call, another one is refused, and a failed one is retried."""
    told = export(UNTOUCHED_FLOW, {"userId": "s1001", "mark": "B"})
    assert told["numberOfSuccess"] == 1, told

    exported = Participant.objects.filter(flow__flow_id="2026-BIO-1", state=ExportState.EXPORTED).first()
    assert exported
    writes = learn.world.writes
    same, other = ({"userId": exported.user_id, "mark": mark} for mark in (exported.mark, "1.25"))
    assert export("2026-BIO-1", same)["numberOfSuccess"] == 1
    [error] = export("2026-BIO-1", other)["errors"]
    assert error["userId"] == exported.user_id
    assert learn.world.writes == writes
    [grade] = GradeInLearn.objects.in_learn().filter(participant=exported)
    assert grade.value == exported.mark

    failed = Participant.objects.filter(state=ExportState.FAILED, cause="NOT_SYNCHRONISED")
    assert failed.exists()
    Flow.objects.filter(participants__in=failed).update(synchronised_at="2026-01-01T00:00Z")
    for attempt in retrying.retry(failed, by=None).attempts:
        workers.deliver(attempt, queued=attempt.deliveries.filter(state="QUEUED").count(), until=attempt.ends_by)
    workers.workers.wait_until_idle(seconds=20)
    assert learn.world.writes > writes
    invariants.nothing_is_open()
