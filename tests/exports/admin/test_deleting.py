"""Deleting flows that were never used, one by one and many at once."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from exports.models import Flow
from tests.factories import ColumnMappingFactory, FlowFactory
from tests.signed_in import messages_of, signed_in, text_of

LIST = "/admin/exports/flow/"


@pytest.fixture
def stray(wiseflow: Any) -> list[Flow]:
    """What mistyped ids make: two flows with a refused person."""
    for name in ("typo1", "typo2"):
        wiseflow.export({"userId": "u1", "mark": "B"}, path=f"/api/wiseflow/flows/{name}/export")
    return list(Flow.objects.order_by("pk"))


def choose(browser: Client, flows: list[Any], **more: Any) -> Any:
    form = {"action": "delete_never_used", "_selected_action": [flow.pk for flow in flows], **more}
    return browser.post(LIST, form)


@pytest.mark.parametrize("traits", [{"administrator": True}, {"is_superuser": True}])
def test_one_is_deleted_by_the_button_of_its_page(stray: list[Flow], traits: Any) -> None:
    browser, flow = signed_in(**traits), stray[0]
    link = reverse("admin:exports_flow_delete", args=[flow.pk])
    assert link in text_of(browser.get(reverse("admin:exports_flow_change", args=[flow.pk])))
    asked = text_of(browser.get(link))
    assert "typo1" in asked
    assert "Deliveries: 1" in asked

    assert browser.post(link, {"post": "yes"}).status_code == 302

    assert list(Flow.objects.all()) == stray[1:]


def test_many_are_deleted_after_a_page_that_lists_what_goes(stray: list[Flow]) -> None:
    browser, kept = signed_in(administrator=True), FlowFactory(mapped=True, flow_id="real")
    asked = text_of(choose(browser, [*stray, kept]))

    for text in (
        "2 flows",
        "2 participants",
        "2 export attempts",
        "2 refused grades",
        "typo1, typo2",
        "1 chosen flow is",
    ):
        assert text in asked
    assert Flow.objects.count() == 3

    answer = choose(browser, [*stray, kept], post="yes")

    assert list(Flow.objects.all()) == [kept]
    assert messages_of(answer)[0] == "2 flows were deleted."
    assert "1 chosen flow is kept" in messages_of(answer)[1]
    assert LogEntry.objects.filter(object_repr__startswith="typo").count() == 2


def test_all_of_a_list_can_be_chosen(stray: list[Flow]) -> None:
    browser = signed_in(administrator=True)

    choose(browser, stray[:1], select_across="1", post="yes")

    assert not Flow.objects.exists()


def test_what_is_used_is_not_deleted(wiseflow: Any, stray: list[Flow]) -> None:
    browser = signed_in(is_superuser=True)
    for flow in stray:
        ColumnMappingFactory(flow=flow)

    assert "Nothing to delete" in messages_of(choose(browser, stray, post="yes"))[0]
    link = reverse("admin:exports_flow_delete", args=[stray[0].pk])
    assert browser.post(link, {"post": "yes"}).status_code == 403
    assert Flow.objects.count() == 2


def test_a_flow_with_a_column_of_which_nothing_has_come_can_be_deleted_as_before(db: None) -> None:
    flow = FlowFactory(mapped=True)
    signed_in(administrator=True).post(reverse("admin:exports_flow_delete", args=[flow.pk]), {"post": "yes"})

    assert not Flow.objects.exists()


def test_managers_delete_nothing(stray: list[Flow]) -> None:
    browser = signed_in(manager=True)

    choose(browser, stray, post="yes")
    assert browser.post(reverse("admin:exports_flow_delete", args=[stray[0].pk]), {"post": "yes"}).status_code == 403
    assert Flow.objects.count() == 2
