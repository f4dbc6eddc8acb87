"""Signing in by a real browser: at the university's provider, and with a password and a code."""

import re
import subprocess
import sys
import time
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from django_otp.oath import totp
from playwright.sync_api import Page, expect

from sandbox.processes import ROOT, free_port
from tests.end_to_end.conftest import IN_A_BROWSER, PASSWORD, Site, empty_database, sign_in

pytestmark = IN_A_BROWSER


@contextmanager
def provider_process() -> Iterator[str]:
    """The issuer of a provider that runs."""
    port = free_port()
    command = [sys.executable, "-m", "tests.end_to_end.provider_process", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer, end = f"http://localhost:{port}", time.monotonic() + 60
    try:
        while time.monotonic() < end:
            try:
                requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def site_of(folder: Path, **variables: str) -> Iterator[Site]:
    with (
        empty_database(folder) as database_url,
        (folder / "site.log").open("wb") as log,
        Site(
            port=free_port(),
            learn_port=free_port(),
            environment={"DATABASE_URL": database_url, "DJANGO_SUPERUSER_PASSWORD": PASSWORD, **variables},
            output=log,
        ) as site,
    ):
        site.migrate()
        site.start_web()
        yield site


def test_a_colleague_signs_in_at_the_provider_and_loses_access_with_the_group(tmp_path: Path, page: Page) -> None:
    with (
        provider_process() as issuer,
        site_of(
            tmp_path,
            OIDC_ISSUER=issuer,
            OIDC_CLIENT_ID="gradebridge",
            OIDC_CLIENT_SECRET="secret",
            OIDC_ROLES="exam-office=Managers",
            LOCAL_SIGN_IN="",
        ) as site,
    ):
        person = {"groups": ["exam-office"], "preferred_username": "ada", "given_name": "Ada", "family_name": "Berg"}
        requests.put(f"{issuer}/users/ada", json=person, timeout=10)

        page.goto(f"{site.url}/admin/exports/flow/")
        expect(page.get_by_label("Password")).to_have_count(0)
        at_the_provider(page)
        expect(page.get_by_role("heading", name="Flows")).to_be_visible()
        expect(page.get_by_text("Ada Berg")).to_be_visible()

        requests.put(f"{issuer}/users/ada", json=person | {"groups": ["guests"]}, timeout=10)
        page.context.clear_cookies()
        page.goto(f"{site.url}/admin/exports/flow/")
        at_the_provider(page)
        expect(page.get_by_text("None of your groups has a role in GradeBridge.")).to_be_visible()
        page.goto(f"{site.url}/admin/exports/flow/")
        expect(page.get_by_role("link", name="Sign in with Example University")).to_be_visible()


def at_the_provider(page: Page) -> None:
    page.get_by_role("link", name="Sign in with Example University").click()
    page.locator("input[name=sub]").fill("ada")
    page.locator("button[type=submit]:not([value=deny])").first.click()


def test_a_second_factor_is_set_up_and_asked_for(tmp_path: Path, page: Page) -> None:
    with site_of(tmp_path) as site:
        site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.edu")
        sign_in(page, site)
        page.goto(f"{site.url}/admin/second-factor/")
        page.get_by_text("The app cannot scan it").click()
        key = b32decode(re.sub(r"\s", "", page.locator(".gb-key").inner_text()))
        page.get_by_role("textbox", name="Code").fill(f"{totp(key, t0=30):06d}")  # that of the last half minute
        page.get_by_role("button", name="Set up").click()
        expect(page.locator(".gb-codes li")).to_have_count(10)

        page.context.clear_cookies()
        sign_in(page, site)
        page.get_by_role("textbox", name="Code").fill(f"{totp(key):06d}")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
