"""An attempt's page while it runs and afterwards."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.admin.grades.attempts import MAX_DELIVERIES
from exports.grades.causes import Cause
from exports.models import ExportAttempt
from tests.factories import ColumnMappingFactory, DeliveryFactory, ExportAttemptFactory, TranslationFactory
from tests.pages import rows_of, words_of
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
    assert "1 of 4 finished." in words_of(page)
    assert 'hx-trigger="every 2s"' in page
    assert "HX-Refresh" not in response.headers


def test_once_it_is_finished_the_watching_page_is_shown_whole_and_left_alone(manager: Client) -> None:
    attempt = ExportAttemptFactory(number_of_success=3, number_of_errors=1)
    assert visit(manager, attempt, **{"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    response = visit(manager, attempt)
    assert "HX-Refresh" not in response.headers
    assert "every 2s" not in text_of(response)


def test_entries_that_name_no_person_are_listed_with_their_place(manager: Client) -> None:
    entry = {
        "entry": 17,
        "cause": Cause.NO_USER_ID,
        "detail": {"reason": "FIELD_MISSING", "field": "userId", "place": 17},
    }
    page = visit(manager, ExportAttemptFactory(unreadable_entries=[entry]))
    place = "Row in WISEflow's message"
    assert [row[place] for row in rows_of(page) if place in row] == ["17"]
    assert "Entry 17 has no usable user id: userId is missing. Correct the export in WISEflow." in words_of(page)


def test_failures_come_first_and_the_rest_is_a_link_away(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    DeliveryFactory.create_batch(MAX_DELIVERIES, attempt=attempt)
    failure = DeliveryFactory(attempt=attempt, failed=True)
    response = visit(manager, attempt)
    deliveries = [delivery for delivery, _valid_values in response.context["deliveries"]]
    assert deliveries[0] == failure
    assert len(deliveries) == MAX_DELIVERIES
    assert f'href="{reverse("admin:exports_delivery_changelist")}?attempt__exact={attempt.pk}"' in text_of(response)


def test_causes_are_counted_with_what_to_do(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    DeliveryFactory.create_batch(2, attempt=attempt, refused=True)
    response = visit(manager, attempt)
    assert response.context["causes"] == [(Cause.NOT_MAPPED, 2)]
    assert "Ask an administrator to choose the Learn column, then retry." in text_of(response)


def test_an_attempt_nobody_made_leads_back_to_the_start_page(manager: Client) -> None:
    response = visit(manager, ExportAttempt(pk=4711))
    assert (response.status_code, response.url) == (302, reverse("admin:index"))


def test_what_a_rule_refused_is_counted_apart_from_what_did_not_arrive(manager: Client) -> None:
    attempt = ExportAttemptFactory(number_of_success=4, number_of_errors=3, number_of_refused=2)
    assert "4 delivered, 2 refused by a rule, 1 not delivered." in words_of(visit(manager, attempt))
    (row,) = rows_of(manager.get(reverse("admin:exports_exportattempt_changelist")))
    assert (row["Delivered"], row["Refused"], row["Not delivered"]) == ("4", "2", "1")
    assert row["Duration"] == "under 0.1 s"


def test_people_are_shown_with_their_names(manager: Client) -> None:
    delivery = DeliveryFactory(participant__first_name="Ada", participant__last_name="Lovelace", failed=True)
    assert f"{delivery.participant.user_id} Ada Lovelace" in words_of(visit(manager, delivery.attempt))


def test_valid_values_are_beside_the_one_that_is_not(manager: Client) -> None:
    flow = ColumnMappingFactory(translation=TranslationFactory(table={"12": "A", "10": "B"})).flow
    detail = {"reason": "MARK_NOT_IN_TRANSLATION", "mark": "13"}
    delivery = DeliveryFactory(attempt__flow=flow, refused=True, cause=Cause.VALUE_NOT_USABLE, detail=detail, mark="13")
    assert "Valid: 12, 10." in words_of(visit(manager, delivery.attempt))


class TestBeforeAndAfter:
    def test_an_attempt_leads_to_the_one_that_took_up_its_failures_and_back(self, manager: Client) -> None:
        export = ExportAttemptFactory()
        people = [
            DeliveryFactory(attempt=export, failed=True).participant,
            DeliveryFactory(attempt=export, failed=True).participant,
        ]
        DeliveryFactory(attempt=export)
        retry = ExportAttemptFactory(flow=export.flow, retry=True)
        DeliveryFactory(attempt=retry, participant=people[0], failed=True)
        DeliveryFactory(attempt=retry, participant=people[1])
        again = ExportAttemptFactory(flow=export.flow, retry=True)
        DeliveryFactory(attempt=again, participant=people[0])

        first, second, third = (visit(manager, attempt) for attempt in (export, retry, again))

        assert (first.context["retried"], first.context["retried_by"]) == ([], [(retry, 2)])
        assert (second.context["retried"], second.context["retried_by"]) == ([(export, 2)], [(again, 1)])
        assert (third.context["retried"], third.context["retried_by"]) == ([(retry, 1)], [])
        assert f"What failed here was taken up by: {retry} Failed 2 grades" in words_of(first)
        assert f"It took up what had failed in: {export} Failed 2 grades" in words_of(second)

    def test_a_retry_leads_to_the_page_of_the_whole_retry(self, manager: Client) -> None:
        attempt = ExportAttemptFactory(retry=True)
        page = text_of(visit(manager, attempt))
        assert reverse("admin:exports_retryrun_change", args=[attempt.retry_run.pk]) in page

    @pytest.mark.parametrize("number", [1, 8])
    def test_it_costs_the_same_statements_however_often_it_was_retried(
        self, number: int, manager: Client, django_assert_max_num_queries: Any
    ) -> None:
        export = ExportAttemptFactory()
        for _ in range(number):
            person = DeliveryFactory(attempt=export, failed=True, participant__failed=True).participant
            retry = ExportAttemptFactory(flow=export.flow, retry=True)
            DeliveryFactory(attempt=retry, participant=person, failed=True)
        visit(manager, export)
        with django_assert_max_num_queries(17):
            visit(manager, export)
