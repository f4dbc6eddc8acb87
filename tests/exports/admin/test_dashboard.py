"""The start page."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exports.grades.causes import Cause
from tests.factories import ExportAttemptFactory, ParticipantFactory
from tests.signed_in import signed_in, text_of

PEOPLE = "/admin/exports/participant/"


def visit(client: Client) -> Any:
    return client.get(reverse("admin:index"))


def test_it_counts_people_by_state_and_leads_to_them(manager: Client) -> None:
    ParticipantFactory.create_batch(2, exported=True)
    ParticipantFactory(failed=True)
    ParticipantFactory(exported=True, changed_since_export=True)
    response = visit(manager)
    assert dict(response.context["states"]) == {"NOT_EXPORTED": 0, "QUEUED": 0, "EXPORTED": 3, "FAILED": 1}
    assert (response.context["changed"], response.context["flows_failed"]) == (1, 1)
    page = text_of(response)
    for address in (
        f"{PEOPLE}?state__exact=FAILED",
        f"{PEOPLE}?changed_since_export__exact=1",
        "/admin/exports/flow/?state__exact=FAILED",
    ):
        assert f'href="{address}"' in page
        assert manager.get(address).status_code == 200


def test_failed_grades_are_grouped_by_cause_with_what_to_do(manager: Client) -> None:
    ParticipantFactory.create_batch(2, failed=True)
    ParticipantFactory(failed=True, cause=Cause.NOT_MAPPED)
    response = visit(manager)
    assert response.context["causes"] == [(Cause.LEARN_UNAVAILABLE, 2), (Cause.NOT_MAPPED, 1)]
    page = text_of(response)
    assert f'href="{PEOPLE}?state__exact=FAILED&cause__exact=NOT_MAPPED"' in page
    assert "Map it in GradeBridge, then retry." in page


def test_the_latest_attempts_come_first(manager: Client) -> None:
    older, newer = ExportAttemptFactory(), ExportAttemptFactory(running=True)
    response = visit(manager)
    assert [attempt["row"] for attempt in response.context["attempts"]] == [newer, older]


def test_an_empty_site_says_what_to_do_next(manager: Client, administrator: Client) -> None:
    assert "No grades yet" in text_of(visit(manager))
    assert reverse("admin:exports_apiclient_changelist") not in text_of(visit(manager))
    assert reverse("admin:exports_apiclient_changelist") in text_of(visit(administrator))


def test_somebody_in_neither_group_is_told_how_to_get_in(db: None) -> None:
    ParticipantFactory(failed=True)
    page = text_of(visit(signed_in()))
    assert "Your account may not see grades." in page
    assert "Learn not available" not in page


def test_it_costs_the_same_statements_however_much_there_is(manager: Client) -> None:
    counts = []
    for number in (1, 25):
        for cause in (Cause.NOT_MAPPED, Cause.LEARN_UNAVAILABLE, Cause.DEADLINE):
            ParticipantFactory.create_batch(number, failed=True, cause=cause)
        ExportAttemptFactory.create_batch(number)
        with CaptureQueriesContext(connection) as queries:
            assert visit(manager).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_no_page_loads_anything_from_elsewhere(manager: Client) -> None:
    page = text_of(visit(manager))
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
