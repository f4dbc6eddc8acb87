"""Refused requests in the admin: their list, and what a flow's page shows of them."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import ApiClientFactory, FlowFactory, RefusedRequestFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in, text_of

LIST = "/admin/exports/refusedrequest/"


def page_of(row: Any) -> str:
    return reverse(f"admin:exports_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_both_groups_see_who_sent_what_and_why_it_was_refused(who: str, request: Any) -> None:
    client = request.getfixturevalue(who)
    refused = RefusedRequestFactory(client=ApiClientFactory(name="WISEflow"), status=403, count=1200)
    RefusedRequestFactory(reason="<b>odd</b>")

    assert LIST in text_of(client.get("/admin/"))
    page = client.get(LIST)
    shown = words_of(page)
    for said in ("WISEflow", "403", "192.0.2.7", "1,200", "POST /api/wiseflow/flows/77/export", "Not known"):
        assert said in shown
    assert "<b>odd" not in text_of(page)
    assert "The API key is unknown or no longer active." in words_of(client.get(page_of(refused)))


def test_they_are_filtered_and_found_by_status_client_flow_and_address(manager: Client) -> None:
    caller = ApiClientFactory()
    known = RefusedRequestFactory(client=caller, status=400, flow_id="78", address="192.0.2.8")
    RefusedRequestFactory(flow_id="77", address="192.0.2.9")

    for query in (f"client__exact={caller.pk}", "status__exact=400", "flow_id__exact=78", "q=78", "q=192.0.2.8"):
        assert list(manager.get(f"{LIST}?{query}").context["cl"].result_list) == [known], query


def test_the_latest_come_first_and_a_list_costs_the_same_however_long(manager: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = manager.get(LIST)
        shown = list(page.context["cl"].result_list)
        assert shown == sorted(shown, key=lambda row: row.last_at, reverse=True)
        return len(queries)

    RefusedRequestFactory.create_batch(2, client=ApiClientFactory())
    statements()
    few = statements()
    RefusedRequestFactory.create_batch(20, client=ApiClientFactory())
    assert statements() == few <= 25


def test_a_flows_page_shows_its_latest_five_and_leads_to_all(manager: Client) -> None:
    flow = FlowFactory(flow_id="77/A")
    RefusedRequestFactory(flow_id="78", reason="Of another flow")
    assert "Refused requests for this flow" not in words_of(manager.get(page_of(flow)))
    RefusedRequestFactory.create_batch(7, flow_id="77/A")

    page = manager.get(page_of(flow))

    assert len([row for row in rows_of(page) if row.get("Status") == "401"]) == 5
    assert f'href="{LIST}?flow_id__exact=77/A"' in text_of(page)
    assert "Of another flow" not in words_of(page)


def test_no_one_changes_them_and_others_do_not_see_them(administrator: Client) -> None:
    refused = RefusedRequestFactory()

    assert administrator.post(page_of(refused), {"reason": "Another"}).status_code == 403
    assert administrator.post(f"{LIST}{refused.pk}/delete/", {"post": "yes"}).status_code == 403
    for address in (LIST, page_of(refused)):
        assert signed_in().get(address).status_code == 403
