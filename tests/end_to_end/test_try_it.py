"""A request profile in a real browser: tried on a body before it is saved, repaired, tried again, saved."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

pytestmark = IN_A_BROWSER

BODY = {"flow": {"id": 77}, "rows": [{"who": 1001, "result": {"grade": "75.0"}}, {"who": None}]}


@pytest.fixture
def administered(site: Site) -> Site:
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    return site


def test_a_profile_is_tried_until_it_fits_and_then_saved(administered: Site, page: Page) -> None:
    site = administered
    sign_in(page, site)
    page.get_by_role("link", name="Request profiles").click()
    page.goto(f"{site.url}/admin/exports/requestprofile/add/")
    tried = page.locator("#tried")

    page.get_by_label("A body as WISEflow sends it").fill(json.dumps(BODY))
    page.get_by_role("button", name="Show what is read").click()
    expect(tried).to_contain_text("The request body has no 'participants'.")

    page.get_by_label("Name").fill("North")
    page.get_by_label("List of participants").fill("rows")
    page.get_by_label("Flow id").fill("flow.id")
    page.get_by_label("User id", exact=False).first.fill("who")
    page.get_by_label("Mark").fill("result..grade")
    page.get_by_label("The Learn user is").select_option("PREFIX")
    page.get_by_label("Prefix, suffix or pattern").fill("s")
    page.get_by_role("button", name="Show what is read").click()
    expect(tried).to_contain_text("Mark: The expression is not valid at character 8")

    page.get_by_label("Mark").fill("result.grade")
    page.get_by_role("button", name="Show what is read").click()
    expect(tried).to_contain_text("Flow 77. 2 entries were read. With something wrong: 1")
    expect(tried.get_by_role("cell", name="s1001", exact=True)).to_be_visible()
    expect(tried.get_by_role("cell", name="75.0", exact=True)).to_be_visible()
    expect(tried).to_contain_text("Entry 2 has no usable user id: who is null")

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list").get_by_role("link", name="North")).to_be_visible()
    expect(page.get_by_text("A prefix before the user id: s")).to_be_visible()
