"""Two people in two browsers: one asks for a correction, the other approves it, and Learn shows the new mark."""

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, new_page, sign_in

pytestmark = IN_A_BROWSER


@pytest.fixture
def exported(site: Site, tmp_path: Path) -> Site:
    """A person whose B stands in Learn, and whom WISEflow has since sent an A for."""
    mappings = tmp_path / "mappings.csv"
    mappings.write_text(
        "flow_id,flow_title,course_id,column_name,synchronised_at\n4711,Chemistry,CHE,Final exam,2026-05-01\n"
    )
    site.manage("import_mappings", str(mappings))
    for name in ("anna", "ben"):
        site.manage("createsuperuser", "--noinput", "--username", name, "--email", f"{name}@example.org")
    key = site.manage("create_api_client", "WISEflow").strip()
    world = {"courses": {"CHE": {"users": ["s1"], "columns": {"Final exam": {"points": None}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
    for mark in ("B", "A"):
        requests.post(
            f"{site.url}/api/wiseflow/flows/4711/export",
            json={"participants": [{"userId": "s1", "mark": mark}]},
            headers={"Authorization": f"Api-Key {key}"},
            timeout=30,
        ).raise_for_status()
    return site


def test_one_asks_another_approves_and_learn_shows_it(exported: Site, browser: Browser) -> None:
    site = exported
    site.start_worker()
    anna, ben = new_page(browser), new_page(browser)
    sign_in(anna, site, "anna")
    sign_in(ben, site, "ben")

    anna.goto(f"{site.url}/admin/exports/flow/")
    anna.get_by_role("link", name="1 changed").click()
    anna.get_by_role("link", name="s1").click()
    anna.get_by_role("link", name="Request a correction").click()
    expect(anna.get_by_label("New mark")).to_have_value("A")
    expect(anna.locator("#outlook")).to_contain_text("A · course CHE, column Final exam")
    anna.get_by_label("New mark").press("End")
    anna.get_by_label("New mark").type("+")
    expect(anna.locator("#outlook")).to_contain_text("A+ · course CHE, column Final exam")
    anna.get_by_label("New mark").fill("A")
    expect(anna.locator("#outlook")).not_to_contain_text("A+")
    anna.get_by_label("Reason").fill("Question 4 was counted twice")
    anna.get_by_role("button", name="Request this correction").click()
    expect(anna.get_by_role("button", name="Withdraw request")).to_be_visible()
    expect(anna.get_by_role("link", name="Approve")).to_have_count(0)
    assert site.values("CHE", "Final exam") == {"s1": "B"}

    ben.goto(f"{site.url}/admin/")
    ben.get_by_role("link", name="1 correction is waiting for you").click()
    ben.locator("#result_list").get_by_role("link", name="s1").click()
    ben.get_by_role("link", name="Approve", exact=False).last.click()
    expect(ben.get_by_text("This cannot be undone")).to_be_visible()
    ben.get_by_role("button", name="Yes, approve A").click()

    expect(ben.locator("#attempt").get_by_text("Exported")).to_be_visible(timeout=30_000)
    assert site.values("CHE", "Final exam") == {"s1": "A"}
    anna.reload()
    expect(anna.get_by_text("Learn shows A for s1")).to_be_visible()
    anna.get_by_role("link", name="s1", exact=True).first.click()
    expect(anna.get_by_role("link", name="B → A")).to_be_visible()
    anna.goto(f"{site.url}/admin/exports/flow/")
    expect(anna.get_by_role("link", name="1 changed")).to_have_count(0)
