"""A manager's way in a real browser: see what failed, retry it, see it arrive."""

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

pytestmark = IN_A_BROWSER


@pytest.fixture
def exported(site: Site, tmp_path: Path) -> Site:
    """A flow of which one grade has arrived, and one person is not enrolled in Learn."""
    mappings = tmp_path / "mappings.csv"
    mappings.write_text(
        "flow_id,flow_title,course_id,column_name,synchronised_at\n4711,Chemistry,CHE,Final exam,2026-05-01\n"
    )
    site.manage("import_mappings", str(mappings))
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    key = site.manage("create_api_client", "WISEflow").strip()
    enrol(site, "s1")
    requests.post(
        f"{site.url}/api/wiseflow/flows/4711/export",
        json={"participants": [{"userId": "s1", "mark": "A"}, {"userId": "s2", "mark": "B"}]},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=30,
    ).raise_for_status()
    return site


def enrol(site: Site, *users: str) -> None:
    world = {"courses": {"CHE": {"users": users, "columns": {"Final exam": {"points": None}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()


def test_a_manager_retries_what_failed(exported: Site, page: Page) -> None:
    site = exported
    sign_in(page, site)

    page.get_by_role("link", name="Rejected by Learn").click()
    expect(page.get_by_text("s2 is not enrolled")).to_be_visible()

    enrol(site, "s1", "s2")
    site.start_worker()
    page.goto(f"{site.url}/admin/exports/flow/?state__exact=FAILED")
    page.get_by_role("link", name="4711").click()
    page.get_by_role("link", name="Retry failed grades").click()
    expect(page.get_by_text("1 grade to column Final exam of course CHE")).to_be_visible()
    page.get_by_role("button", name="Send 1 grade").click()

    expect(page.locator("#attempt").get_by_text("Exported")).to_be_visible(timeout=30_000)
    assert site.values("CHE", "Final exam") == {"s1": "A", "s2": "B"}
    page.goto(f"{site.url}/admin/exports/flow/")
    expect(page.locator("#result_list").get_by_text("Exported").first).to_be_visible()


def test_a_page_that_a_colleague_has_changed_since_takes_nothing_back(exported: Site, page: Page) -> None:
    site = exported
    sign_in(page, site)
    page.goto(f"{site.url}/admin/courses/course/")
    page.locator("#result_list").get_by_role("link", name="CHE").click()
    expect(page.locator("#id_title")).to_be_visible()
    colleague = page.context.new_page()
    colleague.goto(page.url)
    colleague.locator("#id_title").fill("Chemistry")
    colleague.get_by_role("button", name="Save", exact=True).click()
    expect(colleague.get_by_text("was changed successfully")).to_be_visible()

    page.locator("#id_title").fill("Alchemy")
    page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert.get_by_text("Nothing was saved")).to_be_visible()
    expect(alert.get_by_text("Alchemy")).to_be_visible()
    expect(page.locator("#id_title")).to_have_value("Chemistry")

    page.locator("#id_title").fill("Chemistry and alchemy")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.get_by_text("Chemistry and alchemy")).to_be_visible()
