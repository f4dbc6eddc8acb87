"""Every page in a browser that obeys the site's Content-Security-Policy: nothing is refused, and all parts work."""

import re

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, new_page
from tests.end_to_end.test_accessibility import PAGES, WIDE, busy_site, signed_in  # noqa: F401  a fixture

pytestmark = [*IN_A_BROWSER, pytest.mark.looks]


def refused_on(page: Page) -> list[str]:
    """What the browser says it did not run, load or allow, as it grows."""
    refused: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The text of a policy that is broken, and of one that the browser does not understand.
        if any(words in message.text for words in ("Security Policy", "Permissions-Policy", "EvalError")):
            refused.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: refused.append(f"{page.url}: {error}"))
    return refused


@pytest.fixture
def page(busy_site: Site, browser: Browser) -> Page:  # noqa: F811
    return signed_in(browser, busy_site, viewport=WIDE, color_scheme="light")


@pytest.mark.timeout(600)
def test_no_page_asks_for_more_than_the_policy_allows(busy_site: Site, page: Page) -> None:  # noqa: F811
    refused = refused_on(page)

    for path in PAGES:
        page.goto(f"{busy_site.url}/admin/{path}")
        expect(page.locator("body")).to_be_visible()

    assert refused == []

    dashboard(busy_site, page)
    assert refused == []
    forms(busy_site, page)
    assert refused == []
    description(busy_site, new_page(page.context.browser), refused)
    assert refused == []

    # The policy is really there: what is not the site's own does not run.
    page.goto(f"{busy_site.url}/admin/")
    page.evaluate("document.body.setAttribute('onclick', 'window.ran = true')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    page.locator("body").click()
    assert page.evaluate("window.ran") is None
    assert len(refused) >= 2


def dashboard(site: Site, page: Page) -> None:
    """The chart, the search, the theme and the side bar of Unfold, and an update by htmx."""
    with page.expect_response(lambda response: "/admin/dashboard/" in response.url, timeout=60_000) as update:
        page.goto(f"{site.url}/admin/")
        assert page.evaluate("Chart.getChart(document.querySelector('canvas.chart')).data.datasets.length") > 0
        page.locator("[aria-controls=user-links]").click()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
        page.get_by_role("button", name="Light").click()
        page.keyboard.press("Control+k")
        search = page.locator("#search-input-command")
        expect(search).to_be_focused()
        search.fill("2026-HIS")
        expect(page.get_by_text("2026-HIS-1").first).to_be_visible()
    assert update.value.ok


def forms(site: Site, page: Page) -> None:
    """A calendar, a list of choices that is searched on the server, and an answer that htmx puts into the page."""
    page.goto(f"{site.url}/admin/exports/flow/add/")
    page.locator(".select2-selection").first.click()
    expect(page.locator(".select2-results__option").first).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#calendarlink0").click()
    page.locator(".calendarbox td a:visible").first.click()
    page.wait_for_function("[...document.querySelectorAll('.vDateField')].some(field => field.value)")
    page.goto(f"{site.url}/admin/exports/translation/1/change/")
    page.locator("form[hx-target='#try-result'] input[name]").first.fill("12")
    with page.expect_response(lambda response: "preview" in response.url):
        page.locator("form[hx-target='#try-result'] button").first.click()


def description(site: Site, page: Page, refused: list[str]) -> None:
    """The page about the API shows its addresses, and calls one."""
    refused_here = refused_on(page)
    page.goto(f"{site.url}/api/docs/")
    page.locator(".opblock").first.click()
    expect(page.locator(".opblock.is-open .responses-inner").first).to_be_visible()
    page.get_by_role("button", name="Try it out").first.click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("401")
    refused += [text for text in refused_here if "401" not in text]
