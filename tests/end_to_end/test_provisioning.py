"""From an empty Learn to grades in it: configured here, created there, exported. By commands, and in a browser."""

import csv
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

SCHEMAS = [["title", "symbols"], ["Honours", "Distinction=70:Merit=60:Pass=40:Fail=0"]]
MAPPINGS = [
    ["flow_id", "course_id", "course_experience", "column_name", "grade_schema", "synchronised_at"],
    ["4711", "ART120", "ORIGINAL", "Viva", "Honours", "2026-05-01"],
    ["4712", "ART120", "ORIGINAL", "Portfolio", "", "2026-05-01"],
]


def write(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def course_in(site: Site) -> dict[str, Any]:
    state = requests.get(f"{site.learn}/sandbox/state", timeout=10).json()
    found: dict[str, Any] = state["courses"]["ART120"]
    return found


def export(site: Site, key: str, flow_id: str, **grade: str) -> dict[str, Any]:
    answer = requests.post(
        f"{site.url}/api/wiseflow/flows/{flow_id}/export",
        json={"participants": [{"userId": "s1", **grade}]},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=30,
    )
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def empty(site: Site) -> Site:
    """Learn has the course and a student in it, and neither schemas nor columns."""
    world = {"courses": {"ART120": {"experience": "ORIGINAL", "users": ["s1"]}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
    return site


def test_by_commands(empty: Site, tmp_path: Path) -> None:
    site = empty
    key = site.manage("create_api_client", "WISEflow").strip()
    assert "The connection works." in site.manage("test_connection")
    site.manage("import_schemas", write(tmp_path / "schemas.csv", SCHEMAS))
    site.manage("import_mappings", write(tmp_path / "mappings.csv", MAPPINGS))
    assert export(site, key, "4711", mark="Merit")["numberOfErrors"] == 1  # Learn has no such column

    assert site.manage("provision").strip() == "3 steps: 3 done"
    assert site.manage("provision").strip() == "Nothing to provision."

    course = course_in(site)
    assert (course["columns"]["Viva"]["schema"], course["columns"]["Portfolio"]["schema"]) == ("Honours", None)
    assert export(site, key, "4711", mark="Merit")["numberOfSuccess"] == 1
    assert export(site, key, "4712", mark="61.5")["numberOfSuccess"] == 1
    assert site.values("ART120", "Viva") == {"s1": "Merit"}
    assert site.values("ART120", "Portfolio") == {"s1": "61.5"}


class TestInABrowser:
    pytestmark = IN_A_BROWSER

    def test_by_clicks(self, empty: Site, page: Page, tmp_path: Path) -> None:
        site = empty
        site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
        key = site.manage("create_api_client", "WISEflow").strip()
        site.start_worker()
        sign_in(page, site)

        page.goto(f"{site.url}/admin/connection/")
        page.get_by_role("button", name="Test the connection").click()
        expect(page.get_by_role("heading", name="The connection works")).to_be_visible()

        for model, rows in (("courses/gradeschema", SCHEMAS), ("exports/flow", MAPPINGS)):
            page.goto(f"{site.url}/admin/{model}/import/")
            page.get_by_label("File", exact=True).set_input_files(write(tmp_path / "file.csv", rows))
            page.get_by_role("button", name="Show what it would do").click()
            page.get_by_role("button", name="Yes, import").click()
            expect(page.get_by_text("Imported file.csv")).to_be_visible()

        page.goto(f"{site.url}/admin/courses/gradecolumn/")
        page.get_by_role("link", name="Viva").click()
        page.locator("#id_is_external_grade").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()

        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option("provision")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_role("heading", name="Create 4 items in Learn?")).to_be_visible()
        page.get_by_role("button", name="Yes, create in Learn").click()
        expect(page.get_by_text("Learn confirmed every step.")).to_be_visible(timeout=30_000)
        assert course_in(site)["externalGrade"] == "Viva"

        assert export(site, key, "4711", mark="Merit")["numberOfSuccess"] == 1

        page.get_by_role("link", name="ART120 · Viva").first.click()
        page.get_by_role("link", name="Delete in Learn").click()
        page.get_by_label("Type its name, Viva, to continue.").fill("Viva")
        page.get_by_label("Reason").fill("The exam was held again")
        page.get_by_role("button", name="Yes, request it").click()
        self.another_person_approves(site, page)
        assert list(course_in(site)["columns"]) == ["Portfolio"]
        page.goto(f"{site.url}/admin/exports/participant/?state__exact=FAILED")
        expect(page.get_by_text("Column Viva was deleted in Learn.")).to_be_visible()

    def another_person_approves(self, site: Site, page: Page) -> None:
        site.manage("createsuperuser", "--noinput", "--username", "second", "--email", "second@example.org")
        page.context.clear_cookies()
        sign_in(page, site, "second")
        page.goto(f"{site.url}/admin/exports/exemption/")
        page.get_by_role("link", name="1", exact=True).click()
        page.get_by_role("link", name="Approve").click()
        page.get_by_role("button", name="Yes, approve").click()
        expect(page.get_by_text("Approved. The column is being deleted in Learn.")).to_be_visible()
        while list(course_in(site)["columns"]) != ["Portfolio"]:
            page.wait_for_timeout(200)
