"""`make screenshots`: the pictures of the README and of the guides, taken of a demo that is started for them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from sandbox.processes import ROOT, free_port

IMAGES = Path(__file__).parent / "images"
WIDTH = 1440  # pixels
EXAM = "2026-HIS-1"
PASSWORD = "gradebridge-demo"  # noqa: S105  the demo's own, printed at its start


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with running_demo() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page(color_scheme="light")
        page.goto(f"{site}/admin/")
        page.get_by_label("Username").fill("administrator")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.locator("#desk-headline").wait_for()
        take(page, "dashboard", height=1135)
        show_flow(page, site)
        take(page, "flow", height=1100)
        flow = page.url.partition("?")[0]
        page.get_by_role("link", name="Export from WISEflow, attempt").click()
        page.locator("#deliveries").wait_for()
        take(page, "attempt", height=1100)
        take_evidence(page, flow)
        take_import(page, flow)
        page.goto(f"{site}/admin/exports/participant/retry-these/")
        take(page, "retry", height=800)
        open_first(page, f"{site}/admin/exports/correction/")
        take(page, "correction", height=800)
        open_first(page, f"{site}/admin/exports/participant/?proof=DIFFERENT")
        page.get_by_role("link", name="Keep Learn's").evaluate("link => link.scrollIntoView({block: 'center'})")
        take(page, "difference", height=800)
        browser.close()


@contextmanager
def running_demo() -> Iterator[str]:
    """Its address. Its database is in a folder that goes with it, so that another demo may run."""
    port, learn_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "manage.py", "demo", "--folder", folder),
            *("--port", str(port), "--sandbox-port", str(learn_port)),
        ]
        demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            assert demo.stdout
            for line in demo.stdout:
                if line.startswith("GradeBridge runs."):
                    break
            else:
                raise SystemExit("The demo did not start.")
            yield f"http://127.0.0.1:{port}"
        finally:
            demo.terminate()
            demo.wait()


def show_flow(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/exports/flow/?q={EXAM}")
    page.locator("#result_list").get_by_role("link", name=EXAM).first.click()
    page.locator("#people").wait_for()


def open_first(page: Page, address: str) -> None:
    """The page of the first row of a list."""
    page.goto(address)
    page.locator("#result_list tbody a").first.click()
    page.wait_for_load_state()


def take_evidence(page: Page, flow: str) -> None:
    page.goto(flow.replace("/change/", "/evidence/"))
    with page.expect_download():
        page.get_by_role("button", name="Download CSV").click()
    page.reload()
    take(page, "evidence", height=800)


def take_import(page: Page, flow: str) -> None:
    old_roster = page.request.get(flow.replace("/change/", "/roster/export.csv/")).body()
    page.goto(flow.replace("/change/", "/roster/import/"))
    page.get_by_label("Replace what is there").check()
    page.locator("input[type=file]").set_input_files(
        {"name": "roster.csv", "mimeType": "text/csv", "buffer": new_roster(old_roster)}
    )
    page.get_by_role("button", name="Show what it would do").click()
    page.wait_for_load_state()
    take(page, "import", height=900)


def new_roster(old: bytes) -> bytes:
    """Without its last two people, and with one more."""
    *kept, _last_but_one, _last = old.decode("utf-8-sig").splitlines()
    names = kept[0].split(",")
    person = {"user_id": "s1054", "added_by": "SIS", "first_name": "Nora", "last_name": "Lund"}
    return "\n".join([*kept, ",".join(person.get(name, "") for name in names)]).encode()


def take(page: Page, name: str, *, height: int) -> None:
    """What a window of this height, in pixels, shows."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_timeout(500)  # what fades in or is drawn is there
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png  {(IMAGES / f'{name}.png').stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
