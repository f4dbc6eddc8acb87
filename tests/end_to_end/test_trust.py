"""An exam with three students missing and two grades changed in Learn: asked why, one is kept and one replaced by two
people, and everything is proven.
"""

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, new_page, sign_in

pytestmark = IN_A_BROWSER


@pytest.fixture
def exam(site: Site, tmp_path: Path) -> Site:
    """s1 to s3 have a B in Learn, of which a teacher has changed two; s4 to s6 are missing, and s6 is not enrolled."""
    mappings, roster = tmp_path / "mappings.csv", tmp_path / "roster.csv"
    mappings.write_text(
        "flow_id,flow_title,course_id,column_name,synchronised_at,assessment_ends_at\n"
        "4711,Chemistry,CHE,Final exam,2026-05-01,2026-05-02\n"
    )
    roster.write_text("user_id,added_by\n" + "".join(f"s{number},SIS\n" for number in range(1, 7)))
    site.manage("import_mappings", str(mappings))
    site.manage("import_roster", "4711", str(roster))
    for name in ("anna", "ben"):
        site.manage("createsuperuser", "--noinput", "--username", name, "--email", f"{name}@example.org")
    key = site.manage("create_api_client", "WISEflow").strip()
    users = [f"s{number}" for number in range(1, 6)]
    world = {"courses": {"CHE": {"users": users, "columns": {"Final exam": {"points": None}}}}}
    requests.patch(f"{site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()
    requests.post(
        f"{site.url}/api/wiseflow/flows/4711/export",
        json={"participants": [{"userId": user, "mark": "B"} for user in users[:3]]},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=30,
    ).raise_for_status()
    for user, value in (("s1", "A"), ("s2", "C")):
        typed = {"course": "CHE", "column": "Final exam", "user": user, "value": value, "by": "Maria Hansen"}
        requests.post(f"{site.learn}/sandbox/grades", json=typed, timeout=10).raise_for_status()
    site.start_worker()
    return site


def open_person(page: Page, site: Site, user: str) -> None:
    page.goto(f"{site.url}/admin/exports/participant/?q={user}")
    page.locator("#result_list").get_by_role("link", name=user, exact=True).click()


def test_a_difference_is_found_kept_replaced_and_proven(exam: Site, browser: Browser) -> None:
    site = exam
    anna, ben = new_page(browser), new_page(browser)
    sign_in(anna, site, "anna")
    sign_in(ben, site, "ben")

    anna.goto(f"{site.url}/admin/exports/flow/")
    anna.get_by_role("link", name="4711").click()
    expect(anna.get_by_text("3 missing").first).to_be_visible()
    anna.get_by_role("button", name="Prove now").click()
    expect(anna.locator("#proving")).to_contain_text("Finished", timeout=60_000)
    anna.get_by_role("link", name="See what is different in Learn").click()
    expect(anna.locator("#result_list tbody tr")).to_have_count(2)

    open_person(anna, site, "s6")
    anna.get_by_role("link", name="Why?").click()
    expect(anna.get_by_text("Something is in the way")).to_be_visible()
    expect(anna.locator("table")).to_contain_text("s6")

    open_person(anna, site, "s1")
    expect(anna.get_by_text("Learn shows A, set by Maria Hansen").first).to_be_visible()
    anna.get_by_role("link", name="Keep Learn's").click()
    anna.get_by_label("Reason").fill("The teacher counted question 4")
    anna.get_by_role("button", name="Keep Learn's grade").click()
    expect(anna.get_by_text("Learn's grade is kept.").first).to_be_visible()

    open_person(anna, site, "s2")
    anna.get_by_role("link", name="Replace it").click()
    anna.get_by_label("Reason").fill("Typed for the wrong student")
    anna.get_by_role("button", name="Request the replacement").click()
    expect(anna.get_by_role("link", name="Approve")).to_have_count(0)
    assert site.values("CHE", "Final exam")["s2"] == "C"

    ben.goto(f"{site.url}/admin/exports/decision/")
    ben.locator("#result_list").get_by_role("link", name="s2").first.click()
    ben.get_by_role("link", name="Approve", exact=False).last.click()
    ben.get_by_role("button", name="Yes, replace it with B").click()
    expect(ben.get_by_text("Exported").first).to_be_visible(timeout=30_000)
    assert site.values("CHE", "Final exam") == {"s1": "A", "s2": "B", "s3": "B"}

    open_person(ben, site, "s2")
    ben.get_by_role("button", name="Prove now").click()
    expect(ben.get_by_text("Proven in Learn").first).to_be_visible()
    ben.goto(f"{site.url}/admin/exports/flow/")
    ben.get_by_role("link", name="4711").click()
    expect(ben.get_by_text("Proven: 2 of 3 grades")).to_be_visible()
    expect(ben.get_by_text("Learn shows other grades than were sent, or none.")).to_have_count(0)
