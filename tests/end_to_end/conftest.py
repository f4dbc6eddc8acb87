"""A whole site as in production: gunicorn, a task worker and a sandbox Learn, each a process of its own."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sandbox.processes import Processes, free_port

PASSWORD = "a pass phrase of some length"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")

expect.set_options(timeout=20_000)  # milliseconds: other tests run beside these

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
]


MIGRATED: list[Path] = []  # a database with all tables, once there is one


class Site(Processes):
    """The site, and what its sandbox Learn tells."""

    def migrate(self) -> None:
        """Make all tables. With SQLite that is done once in a run: it takes seconds, and to copy the file none."""
        kind, _, file = self.environment["DATABASE_URL"].partition(":///")
        if MIGRATED:
            shutil.copy(MIGRATED[0], file)
            return
        self.manage("migrate", "--verbosity", "0")
        if kind == "sqlite":
            MIGRATED.append(Path(shutil.copy(file, f"{file}.migrated")))

    def values(self, course: str, column: str) -> dict[str, str]:
        """What Learn holds: value by user."""
        state = requests.get(f"{self.learn}/sandbox/state", timeout=10).json()
        values: dict[str, str] = state["courses"][course]["columns"][column]["values"]
        return values

    def calls(self) -> list[dict[str, Any]]:
        """The grade value calls that Learn has had."""
        calls = requests.get(f"{self.learn}/sandbox/calls", timeout=10).json()
        return [call for call in calls if call["service"] == "gradeValueAPI"]


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """One of the kind that the test run uses; its address."""
    given = os.environ["DATABASE_URL"]
    if given.startswith("sqlite"):
        yield f"sqlite:///{folder / 'site.sqlite3'}"
        return
    server = given.rpartition("/")[0]
    name = f"gradebridge_site_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_site(folder: Path, *learn_options: str) -> Iterator[Site]:
    """A migrated site with nothing in it; sandbox Learn and web run, the task worker is for the test to start."""
    with (
        empty_database(folder) as database_url,
        (folder / "site.log").open("wb") as log,
        Site(
            port=free_port(),
            learn_port=free_port(),
            environment={"DATABASE_URL": database_url, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
            output=log,
        ) as site,
    ):
        site.migrate()
        site.start_learn(*learn_options)
        site.start_web()
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, "--empty") as site:
        yield site


@pytest.fixture
def browser() -> Iterator[Browser]:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-quic", *as_root])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    return new_page(browser)


def new_page(browser: Browser, **mode: Any) -> Page:
    """Of somebody who has not signed in. `mode`: size and colours, where it is about them."""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **mode}).new_page()
    page.set_default_timeout(20_000)
    return page


def sign_in(page: Page, site: Site, username: str = "root") -> None:
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def tab_to(page: Page, wanted: Locator, *, most: int = 120) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {most} presses of Tab")
