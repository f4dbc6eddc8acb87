"""Before the exam day in a real browser: Mapping health leads to the repair, a rehearsal shows what would be sent."""

import json
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

pytestmark = IN_A_BROWSER

BODY = {"participants": [{"userId": "s1", "mark": "B"}, {"userId": "s2", "mark": ""}]}


@pytest.fixture
def mapped(site: Site, tmp_path: Path) -> Site:
    """A flow that is mapped, and that nobody has marked as synchronised."""
    mappings = tmp_path / "mappings.csv"
    mappings.write_text("flow_id,flow_title,course_id,column_name\n4711,Chemistry,CHE,Final exam\n")
    site.manage("import_mappings", str(mappings))
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    world = {"courses": {"CHE": {"users": ["s1"], "columns": {"Final exam": {"points": None}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
    return site


def test_a_flow_is_repaired_and_rehearsed_and_nothing_is_sent(mapped: Site, page: Page, tmp_path: Path) -> None:
    site = mapped
    sign_in(page, site)
    page.get_by_role("link", name="Mapping health").click()
    expect(page.get_by_text("not marked as synchronised with the student system")).to_be_visible()
    page.get_by_role("link", name="this flow").first.click()

    page.locator("#id_synchronised_at_0").fill("01/05/2026")
    page.locator("#id_synchronised_at_1").fill("09:00")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{site.url}/admin/health/?only=errors")
    expect(page.get_by_text("No flow has an error.")).to_be_visible()

    page.goto(f"{site.url}/admin/exports/flow/")
    page.get_by_role("link", name="4711").click()
    page.get_by_role("link", name="Rehearse an export").last.click()
    expect(page.get_by_label("Flow id")).to_have_value("4711")
    page.get_by_label("Or paste the JSON").fill(json.dumps(BODY))
    page.get_by_role("button", name="Rehearse").click()
    verdicts = page.locator("#verdicts")
    expect(verdicts.get_by_text("1 grade to column Final exam of course CHE")).to_be_visible()
    expect(verdicts.get_by_text("1 delivered, 1 not delivered.")).to_be_visible()

    file = tmp_path / "body.json"
    file.write_text(json.dumps({"participants": BODY["participants"][:1]}))
    page.get_by_label("Or paste the JSON").fill("")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Rehearse").click()
    expect(verdicts.get_by_text("1 delivered, 0 not delivered.")).to_be_visible()

    assert site.calls() == []
    page.goto(f"{site.url}/admin/exports/exportattempt/")
    expect(page.locator("#result_list")).to_have_count(0)
