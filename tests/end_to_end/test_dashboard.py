"""The dashboard while it is open: an export arrives and fails in part, and the page says so without a reload."""

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

pytestmark = IN_A_BROWSER

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SOON = 25_000  # milliseconds: the page asks every ten seconds while nothing runs


@pytest.fixture
def waiting(site: Site, tmp_path: Path) -> Site:
    """Two flows that wait for their exports; of their people Learn knows s1 alone."""
    mappings = tmp_path / "mappings.csv"
    mappings.write_text(
        "flow_id,flow_title,course_id,column_name,synchronised_at\n"
        "4711,Chemistry,CHE,Final exam,2026-05-01\n4712,Physics,CHE,Resit,2026-05-01\n"
    )
    site.manage("import_mappings", str(mappings))
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    world = {"courses": {"CHE": {"users": ["s1"], "columns": {"Final exam": {}, "Resit": {}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
    return site


def export(site: Site, key: str, flow: str, *users: str) -> None:
    requests.post(
        f"{site.url}/api/wiseflow/flows/{flow}/export",
        json={"participants": [{"userId": user, "mark": "7"} for user in users]},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=30,
    ).raise_for_status()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def test_an_export_that_fails_in_part_appears_without_a_reload(waiting, browser: Browser, size, scheme):
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    key = waiting.manage("create_api_client", "WISEflow").strip()
    sign_in(page, waiting)
    expect(page.get_by_text("The way to the first grade in Learn")).to_be_visible()

    export(waiting, key, "4711", "s1")

    headline = page.locator("#desk-headline")
    expect(headline).to_have_text("check All 2 exams are fine", timeout=SOON)
    page.evaluate("window.isTheSamePage = true")
    link = page.locator("#desk-attempts")
    link.focus()
    position = page.evaluate("window.scrollY")

    export(waiting, key, "4712", "s1", "s2", "s3")

    expect(headline).to_have_text("error 1 of 2 exams needs you", timeout=SOON)
    causes = page.locator("#desk-causes")
    expect(causes.get_by_text("Rejected by Learn")).to_be_visible()
    expect(causes.get_by_role("link", name="Retry these 2")).to_be_visible()
    expect(page.locator("#desk-attention").get_by_role("link", name="2 failed")).to_be_visible()
    expect(page.locator("#desk-today")).to_contain_text("2 attempts, 2 delivered, 2 not delivered")
    assert delivered_today(page) == 2
    assert page.evaluate("window.isTheSamePage")
    assert page.evaluate("document.activeElement.id") == "desk-attempts"
    assert page.evaluate("window.scrollY") == position
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.locator("#desk-failed-2").click()
    expect(page.locator("#result_list")).to_contain_text("s2")
    expect(page.locator("#result_list")).not_to_contain_text("s1")


def delivered_today(page: Page) -> int:
    """As the chart shows it."""
    found: int = page.evaluate("Chart.getChart(document.querySelector('canvas.chart')).data.datasets[0].data.at(-1)")
    return found


def test_who_is_signed_out_is_asked_to_sign_in(waiting, page):
    key = waiting.manage("create_api_client", "WISEflow").strip()
    export(waiting, key, "4711", "s1")
    sign_in(page, waiting)
    expect(page.locator("#desk-headline")).to_be_visible()

    page.context.clear_cookies()

    expect(page.get_by_label("Password")).to_be_visible(timeout=SOON)
