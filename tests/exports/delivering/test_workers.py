"""From a queued delivery to its true state, with a sandbox Learn that fails in every way."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from exports import retrying
from exports.delivering import batches, workers
from exports.grades.causes import Cause
from exports.models import Delivery, ExportState
from tests.conftest import COLUMN, COURSE
from tests.exports.delivering.conftest import People, status
from tests.factories import ParticipantFactory


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
    learn.faults.add(fault, times=None)  # also of what reads Learn after the call

    answer = wiseflow.export({"userId": "u1", "mark": "A"})

    assert answer["numberOfErrors"] == 1
    assert (Delivery.objects.get().state, status()) == (state, (ExportState.FAILED, cause))
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
    assert status() == (ExportState.FAILED, Cause.INTERNAL_ERROR)


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
    assert status() == (ExportState.EXPORTED, "")
    attempt.refresh_from_db()
    assert attempt.state == ExportState.EXPORTED


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
    assert learn.world.sent(COURSE, COLUMN, "u1") == (
        ["A"] if mark == "A" else ["A", mark]
    )  # what is there is not sent
    assert (first.state, first.cause, first.value_in_learn) == (ExportState.FAILED, Cause.REPLACED, "")
    assert (second.state, second.cause, second.value_in_learn) == (ExportState.EXPORTED, "", mark)
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count, flow.exported_count) == (ExportState.FAILED, 1, 0)
    assert f"Learn now shows {mark} of student second in flow 78" in again["errors"][0]["errorInfo"]

    elsewhere = wiseflow.export({"userId": "first", "learnUserId": "u2", "mark": "A"})

    assert elsewhere["numberOfSuccess"] == 1
    assert learn.world.values(COURSE, COLUMN) == {"u1": mark, "u2": "A"}


def test_where_an_overwrite_is_not_confirmed_nobody_claims_to_know_what_is_in_learn(learn, flow, resit, wiseflow):
    wiseflow.export({"userId": "first", "learnUserId": "u1", "mark": "A"})
    learn.faults.add("reset_after", times=None, service="gradeValueAPI")
    learn.privileges.take_away("course.gradebook-grades.VIEW")  # nor can anyone look

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


def test_a_failed_grade_shows_on_its_flow_while_others_are_still_sent(learn, flow, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = settings.LEARN_CONCURRENCY = 1
    workers.workers = workers.DeliveryWorkers()
    learn.latency_ms = 700
    learn.faults.add("server_error", service="gradeValueAPI")
    states = set()

    with ThreadPoolExecutor(1) as thread:
        export = thread.submit(wiseflow.export, *({"userId": f"u{number}", "mark": "A"} for number in (1, 2, 3)))
        while not export.done():
            flow.refresh_from_db()
            states.add((flow.state, flow.participants.filter(state="QUEUED").exists()))
            time.sleep(0.05)

    assert (ExportState.FAILED, True) in states
