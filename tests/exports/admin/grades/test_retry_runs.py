"""The page of a retry: all its flows as one thing to watch, to cancel, and to retry again."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.admin.grades.retry_runs import MAX_FLOWS
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, RetryRun
from tests.factories import (
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    RetryRunFactory,
    UserFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/retryrun/"


def page_of(client: Client, run: RetryRun) -> Any:
    return client.get(f"{LIST}{run.pk}/change/")


def tick(client: Client, run: RetryRun) -> Any:
    return client.get(f"{LIST}{run.pk}/progress/", headers={"HX-Request": "true"})


def add_attempt(run: RetryRun, *, flow_id: str = "", **attempt: Any) -> ExportAttempt:
    flow = FlowFactory(mapped=True, **({"flow_id": flow_id} if flow_id else {}))
    added: ExportAttempt = ExportAttemptFactory(retry=True, retry_run=run, flow=flow, **attempt)
    return added


@pytest.fixture
def run(db: None) -> RetryRun:
    """Of two flows: in 77 one of three grades is delivered and two wait; in 78 one is delivered, two failed."""
    run: RetryRun = RetryRunFactory(requested_by__username="kim", is_selection=False, cause=Cause.LEARN_UNAVAILABLE)
    running = add_attempt(run, flow_id="77", running=True)
    DeliveryFactory(attempt=running)
    DeliveryFactory.create_batch(2, attempt=running, queued=True, participant__queued=True)
    counted = {"number_of_success": 1, "number_of_errors": 2, "number_of_refused": 1}
    finished = add_attempt(run, flow_id="78", **counted)
    DeliveryFactory(attempt=finished)
    DeliveryFactory(attempt=finished, refused=True, participant__failed=True)
    DeliveryFactory(attempt=finished, failed=True, participant__failed=True)
    return run


def finish(run: RetryRun) -> None:
    """As after the last call: what was still waiting is delivered."""
    for delivery in Delivery.objects.filter(attempt__retry_run=run, state="QUEUED"):
        delivery.state, delivery.finished_at = Delivery.State.DELIVERED, delivery.attempt.started_at
        delivery.save()
    run.attempts.all().finish(run.requested_at)  # type: ignore[attr-defined]


def flow_lines(response: Any) -> list[dict[str, str]]:
    return [row for row in rows_of(response) if "Attempt" in row]


def test_it_shows_one_progress_and_a_line_for_each_flow_that_runs_first(manager: Client, run: RetryRun) -> None:
    response = page_of(manager, run)
    words = words_of(response)
    assert "4 of 6 finished." in words
    assert "All failed grades with the cause Learn not available" in words
    assert "kim" in words
    assert [
        (row["Flow"].split()[0], row["State"], row["Finished"], row["Delivered"]) for row in flow_lines(response)
    ] == [
        ("77", "In progress", "1 of 3", "1"),
        ("78", "Failed", "3 of 3", "1"),
    ]
    assert flow_lines(response)[1]["Refused by a rule"] == "1"
    assert flow_lines(response)[1]["Not delivered"] == "1"
    for attempt in run.attempts.all():
        assert reverse("admin:exports_exportattempt_change", args=[attempt.pk]) in text_of(response)


def test_it_renews_a_part_of_itself_until_all_is_finished(manager: Client, run: RetryRun) -> None:
    assert f'hx-get="{LIST}{run.pk}/progress/"' in text_of(page_of(manager, run))
    renewed = tick(manager, run)
    assert "4 of 6 finished." in words_of(renewed)
    assert "HX-Refresh" not in renewed.headers
    assert "<html" not in text_of(renewed)


def test_once_all_is_finished_the_page_is_shown_whole_with_its_result_in_words(manager: Client, run: RetryRun) -> None:
    finish(run)
    assert tick(manager, run).headers["HX-Refresh"] == "true"
    response = page_of(manager, run)
    words = words_of(response)
    assert "4 of 6 grades were delivered, 2 not:" in words
    assert "No Learn column chosen (1)" in words
    assert "Learn not available (1)" in words
    assert f"{LIST}{run.pk}/progress/" not in text_of(response)
    assert "Cancel all" not in words


@pytest.mark.parametrize(
    ("deliveries", "sentence"),
    [
        ([{}], "The grade is in Learn."),
        ([{}, {}], "All 2 grades are in Learn."),
        ([{"failed": True}], "1 grade was not delivered: Learn not available (1)."),
        ([{"failed": True}, {"failed": True}], "None of 2 grades was delivered: Learn not available (2)."),
        ([{}, {"failed": True}], "1 of 2 grades was delivered, 1 not: Learn not available (1)."),
    ],
)
def test_the_result_says_how_many_went_how_many_not_and_why(
    deliveries: list[dict[str, Any]], sentence: str, manager: Client
) -> None:
    run = RetryRunFactory()
    attempt = add_attempt(run)
    for delivery in deliveries:
        DeliveryFactory(attempt=attempt, **delivery)
    assert sentence in words_of(page_of(manager, run))


def test_what_is_still_failed_can_be_retried_and_downloaded_from_there(manager: Client, run: RetryRun) -> None:
    assert "Retry these" not in words_of(page_of(manager, run))
    finish(run)
    response = page_of(manager, run)
    assert "Retry these 2" in words_of(response)
    assert f'href="/admin/exports/participant/retry-these/?run={run.pk}"' in text_of(response)
    assert f'href="/admin/exports/participant/failed.csv/?run={run.pk}"' in text_of(response)
    assert "Retry 2 failed grades?" in text_of(manager.get(f"/admin/exports/participant/retry-these/?run={run.pk}"))


def test_cancel_all_says_what_will_not_be_sent_and_what_is_being_sent_already(manager: Client, run: RetryRun) -> None:
    other = add_attempt(run, running=True)
    DeliveryFactory(attempt=other, sending=True, participant__queued=True)
    DeliveryFactory(attempt=other, queued=True, participant__queued=True)

    response = manager.post(f"{LIST}{run.pk}/cancel/")

    assert response.url == f"{LIST}{run.pk}/change/"
    assert messages_of(response) == [
        "Cancelled. 3 grades will not be sent. 1 grade is already being sent and cannot be stopped."
    ]
    assert Delivery.objects.filter(cause=Cause.CANCELLED).count() == 3
    run.refresh_from_db()
    assert run.cancelled_by is not None
    assert "Cancel all" not in words_of(page_of(manager, run))


def test_cancelling_twice_cancels_once(manager: Client, run: RetryRun) -> None:
    manager.post(f"{LIST}{run.pk}/cancel/")
    run.refresh_from_db()
    first = run.cancelled_at

    again = signed_in(manager=True).post(f"{LIST}{run.pk}/cancel/")

    assert messages_of(again) == ["There was nothing left to cancel."]
    run.refresh_from_db()
    assert run.cancelled_at == first


def test_a_get_cancels_nothing(manager: Client, run: RetryRun) -> None:
    assert manager.get(f"{LIST}{run.pk}/cancel/").status_code == 405
    assert not Delivery.objects.filter(cause=Cause.CANCELLED).exists()


def test_managers_and_administrators_see_it_others_do_not(run: RetryRun) -> None:
    for client in (signed_in(manager=True), signed_in(administrator=True)):
        assert page_of(client, run).status_code == 200
        assert client.get(LIST).status_code == 200
        assert f'href="{LIST}"' in text_of(client.get("/admin/"))
    stranger = signed_in()
    assert stranger.get(LIST).status_code == 403
    assert page_of(stranger, run).status_code == 403
    assert tick(stranger, run).status_code == 403
    assert stranger.post(f"{LIST}{run.pk}/cancel/").status_code == 403


def test_who_may_see_but_not_retry_has_no_button(run: RetryRun) -> None:
    client = signed_in(manager=True)
    for group in client.get("/admin/").wsgi_request.user.groups.all():
        group.permissions.remove(*group.permissions.filter(codename="retry"))
    assert "Cancel all" not in words_of(page_of(client, run))
    assert client.post(f"{LIST}{run.pk}/cancel/").status_code == 403


def test_no_one_adds_changes_or_deletes_one(superuser: Client, run: RetryRun) -> None:
    assert superuser.get(f"{LIST}add/").status_code == 403
    assert superuser.post(f"{LIST}{run.pk}/change/", {"cause": ""}).status_code == 403
    assert superuser.post(f"{LIST}{run.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_says_of_each_what_it_was_for_and_how_it_went(manager: Client, run: RetryRun) -> None:
    finish(run)
    RetryRunFactory(of_command_line=True)
    command_line, of_cause = rows_of(manager.get(LIST))
    assert command_line["What it is for"] == "All failed grades"
    assert command_line["Requested by"] == "Command line"
    assert (of_cause["State"], of_cause["Flows"], of_cause["Delivered"]) == ("Failed", "2", "4")
    assert (of_cause["Refused by a rule"], of_cause["Not delivered"]) == ("1", "1")


def test_its_attempts_are_a_link_away_where_there_are_many(manager: Client) -> None:
    run = RetryRunFactory()
    for _ in range(MAX_FLOWS + 2):
        DeliveryFactory(attempt=add_attempt(run))
    response = page_of(manager, run)
    assert len(flow_lines(response)) == MAX_FLOWS
    assert "And 2 more." in words_of(response)
    attempts = f"/admin/exports/exportattempt/?retry_run__exact={run.pk}"
    assert attempts in text_of(response)
    assert manager.get(attempts).context["cl"].result_count == MAX_FLOWS + 2


def test_a_retry_that_is_not_there_leads_back_to_the_start_page(manager: Client) -> None:
    missing = RetryRun(pk=4711)
    assert page_of(manager, missing).url == reverse("admin:index")
    assert tick(manager, missing).headers["HX-Refresh"] == "true"
    assert manager.get(f"{LIST}x/progress/").headers["HX-Refresh"] == "true"
    assert manager.get(f"{LIST}{10**30}/progress/").headers["HX-Refresh"] == "true"
    assert manager.post(f"{LIST}4711/cancel/").status_code == 404


@pytest.mark.parametrize("flows", [2, 12])
def test_page_list_and_tick_cost_the_same_statements_for_any_number_of_flows(
    flows: int, manager: Client, django_assert_max_num_queries: Any
) -> None:
    run = RetryRunFactory()
    for number in range(flows):
        attempt = add_attempt(run, running=number % 2 == 0)
        DeliveryFactory.create_batch(3, attempt=attempt, failed=True, participant__failed=True)
        DeliveryFactory(attempt=attempt, refused=True, participant__failed=True)
        RetryRunFactory(requested_by=UserFactory())
    page_of(manager, run)
    with django_assert_max_num_queries(12):
        page_of(manager, run)
    with django_assert_max_num_queries(10):
        manager.get(LIST)
    with django_assert_max_num_queries(4):  # who asks, and what they may; the progress is that of the page
        tick(manager, run)
