"""Every page for everyone: no serious finding of axe in any mode, and everything by keyboard."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gradebridge import demo
from tests.end_to_end.conftest import IN_A_BROWSER, Site, new_page, running_site, tab_to

pytestmark = [*IN_A_BROWSER, pytest.mark.looks]

# What the demo has on every kind of page; a 1 is the first row of its list.
PAGES = (
    *("", "password_change/", "changes/", "connection/", "health/", "rehearse/", "start/", "nowhere/"),
    *("reconciliation/", "exports/flow/1/reconciliation/", "exports/flow/4/reconciliation/?all=yes"),
    *(
        "exports/flow/",
        "exports/flow/add/",
        "exports/flow/1/change/",
        "exports/flow/1/history/",
        "exports/flow/import/",
    ),
    *("exports/flow/?state__exact=FAILED", "exports/flow/?q=no-such-flow", "exports/flow/4/retry/"),
    *("exports/flow/1/check-with-learn/", "exports/participant/1/why/", "courses/gradecolumn/1/adopt/"),
    *("exports/participant/", "exports/participant/1/change/", "exports/participant/?state__exact=FAILED"),
    *("exports/exportattempt/", "exports/exportattempt/1/change/", "exports/delivery/", "exports/correction/"),
    *("exports/gradeinlearn/", "exports/gradeinlearn/1/change/", "exports/gradeinlearn/?proof=differences"),
    *("exports/decision/", "exports/decision/1/change/", "exports/decision/1/approve/", "exports/decision/1/decline/"),
    "exports/participant/1/keep/?course=HIS210-2026&column=Essay&user=s1011",
    "exports/participant/1/replace/?course=HIS210-2026&column=Essay&user=s1011",
    "exports/participant/2/change/",
    *("exports/translation/", "exports/translation/add/", "exports/translation/1/change/"),
    *("exports/apiclient/", "exports/apiclient/add/", "exports/apiclient/1/change/"),
    *("exports/requestprofile/", "exports/requestprofile/add/"),
    *("courses/course/", "courses/course/1/change/", "courses/servicecall/", "courses/provisioningrun/"),
    *("courses/gradecolumn/", "courses/gradecolumn/add/", "courses/gradecolumn/1/change/"),
    *("courses/gradeschema/", "courses/gradeschema/1/change/", "courses/enrolmentmetadata/add/"),
    *("notifications/", "exports/retryrun/", "exports/retryrun/1/change/", "exports/correction/1/change/"),
    *("exports/participant/retry-these/?cause=LEARN_UNAVAILABLE", "exports/hold/", "exports/hold/pause/"),
    *("exports/flow/2/hold/", "exports/flow/2/evidence/", "exports/evidence/", "exports/flow/2/timeline/"),
    *(
        "exports/refusedrequest/",
        "exports/webhook/",
        "exports/webhook/add/",
        "exports/digest/",
        "exports/subscription/",
    ),
    *("auth/user/", "auth/user/add/", "auth/user/invite/", "auth/user/1/change/", "auth/group/1/change/"),
)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MODES: tuple[tuple[dict[str, Any], Sequence[str]], ...] = (
    ({"viewport": WIDE, "color_scheme": "light"}, PAGES),
    ({"viewport": NARROW, "color_scheme": "dark"}, PAGES),
    ({"viewport": WIDE, "color_scheme": "dark"}, PAGES[::4]),
    ({"viewport": NARROW, "color_scheme": "light"}, PAGES[1::4]),
)


REQUEST_A_REPLACEMENT = """
from django.contrib.auth.models import User
from exports.deciding import ask_to_replace, differences
from exports.models import GradeInLearn, Participant
from exports.proving.runs import prove
prove(GradeInLearn.objects.filter(course_id="HIS210-2026"))
[difference] = differences(Participant.objects.get(pk=2))
ask_to_replace(difference, reason="Typed into the wrong row", by=User.objects.get(username="manager"))
"""


@pytest.fixture
def busy_site(tmp_path: Path) -> Iterator[Site]:
    """The demo's flows, in every state."""
    with running_site(tmp_path) as site:
        site.manage("demo", "--prepare")
        demo.export_all(site.url, site.learn)
        site.manage("demo", "--work")
        for user in ("s1011", "s1012"):  # participants 1 and 2, to whom a teacher gives other grades
            given = {"course": "HIS210-2026", "column": "Essay", "user": user, "value": "12", "by": "M. Hansen"}
            requests.post(f"{site.learn}/sandbox/grades", json=given, timeout=10).raise_for_status()
        site.manage("shell", "-c", REQUEST_A_REPLACEMENT)
        yield site


def signed_in(browser: Browser, site: Site, **mode: Any) -> Page:
    page = new_page(browser, **mode)
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("administrator")
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def findings(page: Page) -> Iterator[str]:
    for found in Axe().run(page).response["violations"]:
        if found["impact"] in ("serious", "critical"):
            yield f"{found['id']}: {found['nodes'][0]['html'][:160]}"


@pytest.mark.timeout(600)
def test_no_page_has_a_serious_finding_in_any_mode(busy_site: Site, browser: Browser) -> None:
    found: dict[str, list[str]] = {}
    for mode, paths in MODES:
        page = signed_in(browser, busy_site, **mode)
        for path in paths:
            page.goto(f"{busy_site.url}/admin/{path}")
            page.wait_for_timeout(150)  # what fades in has its colours
            name = f"{path or 'dashboard'} {mode['viewport']['width']} {mode['color_scheme']}"
            found[name] = list(findings(page))
            assert page.get_by_role("heading", level=1).count() == 1, name
            assert page.get_by_role("main").count() == 1, name
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        page.context.close()

    assert {name: rules for name, rules in found.items() if rules} == {}


def test_everything_can_be_done_by_keyboard(busy_site: Site, browser: Browser) -> None:
    page = signed_in(browser, busy_site, viewport=WIDE)

    page.goto(f"{busy_site.url}/admin/exports/flow/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    tab_to(page, page.get_by_role("button", name="Filters").first)
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('#changelist-filter') !== null")
    page.keyboard.press("Escape")

    page.goto(f"{busy_site.url}/admin/exports/flow/1/change/")
    tab_to(page, page.get_by_role("button", name="Roster").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Import")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{busy_site.url}/admin/exports/flow/1/roster/import/")

    page.wait_for_load_state("load")  # the scripts listen
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type("2026-HIS")
    expect(page.get_by_role("link", name="2026-HIS-1 History: home essay").first).to_be_visible()
    page.keyboard.press("Escape")

    page.goto(f"{busy_site.url}/admin/")
    tab_to(page, page.get_by_role("button", name="administrator").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Log out").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Log in again")).to_be_visible()


def test_what_is_chosen_is_acted_on_right_beside_it(busy_site: Site, browser: Browser) -> None:
    """The action bar is before the table: from the box that chooses all it is a few steps back."""
    page = signed_in(browser, busy_site, viewport=WIDE)
    page.goto(f"{busy_site.url}/admin/exports/participant/?state__exact=FAILED")
    page.locator("#action-toggle").focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.name") == "action":
            break
    assert page.evaluate("document.activeElement.name") == "action"


def test_a_new_key_is_copied_by_keyboard(busy_site: Site, browser: Browser) -> None:
    page = signed_in(browser, busy_site, viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{busy_site.url}/admin/exports/apiclient/1/new-key/")
    page.get_by_role("button", name="Yes, create a new key").click()

    tab_to(page, page.get_by_role("button", name="Copy").first)
    page.keyboard.press("Enter")

    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".gb-key").inner_text()
