"""Seven flows in one outage: retried as one thing, and cancelled as one thing. Real HTTP to the sandbox Learn."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django_tasks_db.models import DBTaskResult

from exports.delivering import batches, finishing
from exports.grades.causes import Cause
from exports.models import Delivery, ExportState, Flow, Participant, RetryRun
from exports.tasks import deliver_attempt
from tests.conftest import COLUMN, COURSE
from tests.exports.admin.grades.test_retry import confirm
from tests.factories import ColumnMappingFactory, FlowFactory
from tests.pages import words_of
from tests.signed_in import messages_of, signed_in

FLOWS = 7


def run_tasks() -> None:
    """What a task worker does with the tasks that wait."""
    for task in DBTaskResult.objects.ready():
        deliver_attempt.func(*task.args_kwargs["args"])


@pytest.fixture
def outage(learn: Any, flow: Any, wiseflow: Any) -> None:
    """Learn is under maintenance while seven flows are exported, each with two people; u20 has left the course."""
    column = flow.column_mappings.get().grade_column
    learn.faults.add("maintenance", times=FLOWS, service="gradeValueAPI")
    for number in range(FLOWS):
        if number:
            ColumnMappingFactory(flow=FlowFactory(flow_id=f"outage{number}"), grade_column=column)
        flow_id = f"outage{number}" if number else "77"
        people = ({"userId": f"u{2 * number + each}", "mark": "B"} for each in (1, 2))
        wiseflow.export(*people, path=f"/api/wiseflow/flows/{flow_id}/export")
    assert set(Participant.objects.values_list("cause", flat=True)) == {Cause.LEARN_UNAVAILABLE}
    learn.calls.clear()


@pytest.mark.usefixtures("outage")
def test_two_clicks_bring_all_of_it_to_learn(learn: Any) -> None:
    manager = signed_in(manager=True)

    question = manager.get("/admin/exports/participant/retry-these/?cause=LEARN_UNAVAILABLE")
    done = confirm(manager, question)
    before = words_of(manager.get(done.url))
    run_tasks()

    assert "Send 14 grades" in words_of(question)
    assert "0 of 14 finished." in before
    assert "All 14 grades are in Learn." in words_of(manager.get(done.url))
    assert learn.world.values(COURSE, COLUMN) == {f"u{number}": "B" for number in range(1, 15)}
    assert set(Flow.objects.values_list("state", flat=True)) == {ExportState.EXPORTED}
    progress = RetryRun.objects.get().progress()
    assert (len(progress.flows), progress.delivered, progress.is_finished) == (FLOWS, 14, True)


@pytest.mark.usefixtures("outage")
def test_one_cancel_stops_all_of_it_and_says_the_truth(learn: Any, settings: Any) -> None:
    settings.LEARN_BATCH_SIZE = 3
    manager = signed_in(manager=True)
    done = confirm(manager, manager.get("/admin/exports/participant/retry-these/?cause=LEARN_UNAVAILABLE"))
    in_call = batches.claim(at_least=1)
    assert in_call is not None

    cancelled = manager.post(f"/admin/exports/retryrun/{RetryRun.objects.get().pk}/cancel/")
    batches.record(in_call, batches.send(in_call))
    finishing.finish(list(in_call.attempts))
    run_tasks()

    assert messages_of(cancelled)[-1] == (
        "Cancelled. 11 grades will not be sent. 3 grades are already being sent and cannot be stopped."
    )
    assert len(learn.world.values(COURSE, COLUMN)) == 3
    assert Delivery.objects.filter(cause=Cause.CANCELLED).count() == 11
    words = words_of(manager.get(done.url))
    assert "3 of 14 grades were delivered, 11 not: Cancelled (11)." in words
    assert "Retry these 11" in words


@pytest.mark.usefixtures("outage")
def test_two_clicks_at_the_same_moment_are_one_retry_and_so_are_two_people_at_once() -> None:
    people = [signed_in(manager=True), signed_in(manager=True)]
    questions = [each.get("/admin/exports/participant/retry-these/?cause=LEARN_UNAVAILABLE") for each in people]

    def click(number: int) -> str:
        try:
            client = Client()
            client.cookies = people[number % 2].cookies
            return str(confirm(client, questions[number % 2]).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(click, range(4))) == {"302"}

    retried = Delivery.objects.filter(attempt__trigger="RETRY")
    assert retried.count() == retried.values("participant").distinct().count() == 14
    assert RetryRun.objects.count() <= 2
    assert not RetryRun.objects.filter(attempts__isnull=True).exists()
