"""An attempt's page while it runs and afterwards."""

from typing import Any

from django.test import Client
from django.urls import reverse

from exports.admin.attempts import MOST_DELIVERIES
from exports.grades.causes import Cause
from exports.models import ExportAttempt
from tests.factories import DeliveryFactory, ExportAttemptFactory
from tests.signed_in import text_of


def visit(client: Client, attempt: ExportAttempt, **headers: str) -> Any:
    return client.get(reverse("admin:exports_exportattempt_change", args=[attempt.pk]), headers=headers)


def test_while_it_runs_it_says_how_far_it_has_come_and_renews_itself(manager: Client) -> None:
    attempt = ExportAttemptFactory(running=True)
    DeliveryFactory(attempt=attempt)
    DeliveryFactory(attempt=attempt, sending=True)
    DeliveryFactory.create_batch(2, attempt=attempt, queued=True)
    response = visit(manager, attempt, **{"HX-Request": "true"})
    page = text_of(response)
    assert "1 of 4</span> settled" in page
    assert 'hx-trigger="every 2s"' in page
    assert "HX-Refresh" not in response.headers


def test_once_it_is_finished_the_watching_page_is_shown_whole_and_left_alone(manager: Client) -> None:
    attempt = ExportAttemptFactory(number_of_success=3, number_of_errors=1)
    assert visit(manager, attempt, **{"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    response = visit(manager, attempt)
    assert "HX-Refresh" not in response.headers
    assert "every 2s" not in text_of(response)


def test_entries_that_name_no_person_are_listed_with_their_place(manager: Client) -> None:
    entry = {"entry": 17, "cause": Cause.NO_USER_ID, "detail": "userId is missing"}
    page = text_of(visit(manager, ExportAttemptFactory(unreadable_entries=[entry])))
    assert '<td data-label="Place in the body" class="gb-number">17</td>' in page
    assert "The entry names no person: userId is missing. Correct the export in WISEflow." in page


def test_failures_come_first_and_the_rest_is_a_link_away(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    DeliveryFactory.create_batch(MOST_DELIVERIES, attempt=attempt)
    failure = DeliveryFactory(attempt=attempt, failed=True)
    response = visit(manager, attempt)
    deliveries = list(response.context["deliveries"])
    assert deliveries[0] == failure
    assert len(deliveries) == MOST_DELIVERIES
    assert f'href="{reverse("admin:exports_delivery_changelist")}?attempt__exact={attempt.pk}"' in text_of(response)


def test_causes_are_counted_with_what_to_do(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    DeliveryFactory.create_batch(2, attempt=attempt, refused=True)
    response = visit(manager, attempt)
    assert response.context["causes"] == [(Cause.NOT_MAPPED, 2)]
    assert "Map it in GradeBridge, then retry." in text_of(response)


def test_an_attempt_nobody_made_leads_back_to_the_start_page(manager: Client) -> None:
    response = visit(manager, ExportAttempt(pk=4711))
    assert (response.status_code, response.url) == (302, reverse("admin:index"))
