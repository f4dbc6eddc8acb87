"""A manager's whole day, over one site: wide, on a phone, by keyboard alone and in Danish; and the clicks it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils.translation import gettext, ngettext, override
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, PASSWORD, Site, new_page, running_site, tab_to

pytestmark = IN_A_BROWSER

COURSE = "CHE"
DAYS = ("WIDE", "PHONE", "KEYBOARD", "DANISH")  # an exam for each day, so that they can share a site
SEVEN = tuple(f"SEVEN-{number}" for number in range(1, 8))
WITH_ROSTER = "ROSTER"
EXAMS = (*DAYS, *SEVEN, WITH_ROSTER)
SOON = 25_000  # milliseconds: the dashboard asks every ten seconds while nothing runs

ADD_MANAGER = f"""
from django.contrib.auth.models import Group, User
User.objects.create_user("ada", password="{PASSWORD}", is_staff=True).groups.add(Group.objects.get(name="Managers"))
"""


@dataclass(frozen=True)
class Desk:
    """A site whose Learn knows one student, `enrolled`, and WISEflow's key."""

    site: Site
    key: str

    def export(self, exam: str, *users: str) -> None:
        requests.post(
            f"{self.site.url}/api/wiseflow/flows/{exam}/export",
            json={"participants": [{"userId": user, "mark": "7"} for user in users]},
            headers={"Authorization": f"Api-Key {self.key}"},
            timeout=30,
        ).raise_for_status()

    def enrol(self, *users: str) -> None:
        """Learn knows these from here on."""
        world = {"courses": {COURSE: {"users": users, "columns": {exam: {} for exam in EXAMS}}}}
        requests.patch(f"{self.site.learn}/sandbox/state", json=world, timeout=10).raise_for_status()

    @contextmanager
    def worker(self) -> Iterator[None]:
        """What is queued is sent from here on: until then a page shows that it waits."""
        process = self.site.start_worker()
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with running_site(folder, "--empty") as site:
        mappings = folder / "mappings.csv"
        lines = (f"{exam},Exam,{COURSE},{exam},2026-05-01\n" for exam in EXAMS)
        mappings.write_text("flow_id,flow_title,course_id,column_name,synchronised_at\n" + "".join(lines))
        site.manage("import_mappings", str(mappings))
        site.manage("shell", "--verbosity", "0", "--command", ADD_MANAGER)
        desk = Desk(site, site.manage("create_api_client", "WISEflow").strip())
        desk.enrol("enrolled")
        desk.export(WITH_ROSTER, "enrolled")
        yield desk


@dataclass
class Manager:
    """A person at a page: what they read, in their language, and what they do, which is counted."""

    page: Page
    language: str = "en-gb"
    has_mouse: bool = True
    clicks: int = field(default=0, init=False)
    pages: set[str] = field(default_factory=set, init=False)  # addresses: one that renews itself is no further page

    def use(self, target: Locator) -> None:
        """Click it; without a mouse go there with Tab, and press Enter."""
        self.clicks += 1
        if self.has_mouse:
            target.click()
        else:
            expect(target).to_be_visible()
            tab_to(self.page, target)
            self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        if self.has_mouse:
            target.fill(text)
        else:
            if not target.evaluate("element => element === document.activeElement"):
                tab_to(self.page, target)
            self.page.keyboard.type(text)

    def sign_in(self, site: Site) -> None:
        self.page.goto(f"{site.url}/admin/")
        self.write(self.page.get_by_label("Username"), "ada")
        self.write(self.page.get_by_label("Password"), PASSWORD)
        self.use(self.page.get_by_role("button", name="Log in"))
        if self.language == "da":
            self.use(self.page.get_by_role("button", name="ada"))
            self.use(self.page.get_by_role("button", name="Dansk"))
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.text("Dashboard"))

    def start_counting(self) -> None:
        self.page.wait_for_load_state()
        self.clicks = 0
        self.page.on("load", lambda page: self.pages.add(page.url))

    def text(self, message: str, **values: object) -> str:
        with override(self.language):
            return gettext(message) % values

    def number(self, one: str, many: str, number: int, **values: object) -> str:
        with override(self.language):
            return ngettext(one, many, number) % {"number": number, "count": number, **values}

    def use_action(self, name: str) -> None:
        """A button of the page's head, which a narrow screen has behind a button."""
        more = self.page.get_by_role("button", name=self.text("Actions"), exact=True)
        if more.is_visible():
            self.use(more)
        self.use(self.page.locator("#page-actions").get_by_role("link", name=name))

    def return_to_dashboard(self) -> None:
        link = self.page.get_by_role("link", name=self.text("Dashboard"), exact=True).first
        if not link.is_visible():
            self.use(self.page.get_by_role("button", name=self.text("Menu"), exact=True))
        self.use(link)


def a_day(
    browser: Browser,
    width: int = 1440,
    height: int = 900,
    *,
    exam: str,
    **traits: Any,
) -> tuple[str, Manager]:
    return exam, Manager(new_page(browser, viewport={"width": width, "height": height}), **traits)


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(partial(a_day, exam="WIDE"), id="wide"),
        pytest.param(partial(a_day, width=390, height=844, exam="PHONE"), id="phone"),
        pytest.param(partial(a_day, exam="KEYBOARD", has_mouse=False), id="keyboard"),
        pytest.param(partial(a_day, exam="DANISH", language="da"), id="danish"),
    ],
)
def test_a_whole_day(desk: Desk, browser: Browser, tmp_path: Path, begin: Any) -> None:
    exam, manager = begin(browser)
    page = manager.page
    manager.sign_in(desk.site)
    page.evaluate("window.isTheSamePage = true")

    # An export fails in part, and the open dashboard says why
    late = f"{exam}-1", f"{exam}-2"
    desk.export(exam, "enrolled", *late)
    causes = page.locator("#desk-causes")
    expect(causes).to_contain_text(manager.text("Rejected by Learn"), timeout=SOON)
    assert page.evaluate("window.isTheSamePage")

    # Once the cause is repaired, what failed is sent again
    desk.enrol(*late)
    manager.use(causes.get_by_role("link", name=manager.number("Retry this %(number)s", "Retry these %(number)s", 2)))
    happens = "%(number)s grade to column %(name)s of course %(course)s"
    many = "%(number)s grades to column %(name)s of course %(course)s"
    expect(page.get_by_text(manager.number(happens, many, 2, name=exam, course=COURSE))).to_be_visible()
    manager.use(page.get_by_role("button", name=manager.number("Send %(count)s grade", "Send %(count)s grades", 2)))
    attempt = page.locator("#attempt")
    expect(attempt.get_by_role("progressbar")).to_be_visible()
    with desk.worker():
        expect(attempt.locator("header").get_by_text(manager.text("Exported"))).to_be_visible(timeout=SOON)
    assert desk.site.values(COURSE, exam) == dict.fromkeys(("enrolled", *late), "7")

    # On the exam's page is what happened, and the evidence
    manager.use(page.get_by_role("link", name=f"{exam} Exam").first)
    expect(page.locator("#happenings ol")).to_be_visible()
    assert page.title().startswith(exam)
    manager.use_action(manager.text("Evidence"))
    with page.expect_download() as download:
        manager.use(page.get_by_role("button", name=manager.text("Download %(format)s", format="CSV")))
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert "The file is as it was made." in desk.site.manage("verify_evidence", str(file))

    # All green
    manager.return_to_dashboard()
    fine = manager.number("The %(number)s exam is fine", "All %(number)s exams are fine", len(EXAMS))
    expect(page.locator("#desk-headline")).to_contain_text(fine)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_all_of_one_cause_is_retried_over_seven_exams_in_two_clicks(desk: Desk, browser: Browser) -> None:
    for exam in SEVEN:
        desk.export(exam, "enrolled", "late")
    desk.enrol("late")
    manager = Manager(new_page(browser))
    page = manager.page
    manager.sign_in(desk.site)
    manager.start_counting()

    manager.use(page.get_by_role("link", name="Retry these 7"))
    manager.use(page.get_by_role("button", name="Send 7 grades"))

    with desk.worker():
        expect(page.get_by_text("All 7 grades are in Learn.")).to_be_visible(timeout=SOON)
    assert (manager.clicks, len(manager.pages)) == (2, 2), manager.pages
    assert all(desk.site.values(COURSE, exam) == {"enrolled": "7", "late": "7"} for exam in SEVEN)


def test_who_is_missing_in_an_exam_is_one_click_away(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("user_id,added_by,first_name,last_name\nenrolled,SIS,Ada,Berg\nmissing,SIS,Bo,Dahl\n")
    desk.site.manage("import_roster", WITH_ROSTER, str(roster))
    manager = Manager(new_page(browser))
    page = manager.page
    manager.sign_in(desk.site)
    page.goto(f"{desk.site.url}/admin/exports/flow/")
    manager.start_counting()

    manager.use(page.get_by_role("link", name="1 of 2", exact=True))

    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Bo Dahl")
    expect(rows).to_contain_text("On the roster; WISEflow has sent no grade")
    assert (manager.clicks, len(manager.pages)) == (1, 1)

    desk.enrol("missing")
    desk.export(WITH_ROSTER, "missing")  # and the exam is fine again, for whoever comes next
