"""An administrator imports a file in a real browser: mistakes first, then a preview, then the import; and back out."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import IN_A_BROWSER, Site, sign_in

pytestmark = IN_A_BROWSER

HEADER = "flow_id;flow_title;course_id;column_name;points\n"


def choose(page: Page, name: str, text: str) -> None:
    page.get_by_label("File", exact=True).set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": text.encode("cp1252")}
    )
    page.get_by_role("button", name="Show what it would do").click()


def test_a_file_is_previewed_imported_and_exported_again(site: Site, page: Page, tmp_path: Path) -> None:
    site.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    sign_in(page, site)
    page.goto(f"{site.url}/admin/exports/flow/")

    page.get_by_text("Import and export").click()
    page.get_by_role("link", name="Import a file").click()
    choose(page, "mappings.csv", HEADER + "77;Prøve;BIO101;Final;many\n")
    problem = page.get_by_role("row").filter(has_text="'many' is not a number greater than 0")
    expect(problem).to_contain_text("points")

    choose(page, "mappings.csv", HEADER + "77;Prøve;BIO101;Final;50\n78;Anatomy;BIO101;Final;50\n")
    expect(page.get_by_role("heading", name="What mappings.csv would do")).to_be_visible()
    expect(page.get_by_text("2 added")).to_be_visible()
    expect(page.get_by_text("flow_title: Prøve")).to_be_visible()
    page.get_by_role("button", name="Yes, import").click()
    expect(page.get_by_text("Imported mappings.csv: 2 added, 0 changed, 0 unchanged.")).to_be_visible()

    page.get_by_text("Import and export").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    exported = tmp_path / "column-mappings.csv"
    downloading.value.save_as(exported)
    exported.write_text(exported.read_text("utf-8-sig").replace("Anatomy", "=Anatomy"), "utf-8-sig")

    page.goto(f"{site.url}/admin/exports/flow/import/")
    page.get_by_label("File", exact=True).set_input_files(exported)
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("1 unchanged")).to_be_visible()
    changed = page.get_by_role("row").filter(has_text="flow_title")
    expect(changed).to_contain_text("=Anatomy")
    page.get_by_role("link", name="No, go back").click()
    expect(page.locator("#result_list").get_by_text("=Anatomy")).to_have_count(0)
