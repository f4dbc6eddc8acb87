"""Files in the admin: upload, preview, confirm; and the way back."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from common.spreadsheets import pages
from common.spreadsheets.files import read_rows
from courses.models import GradeSchema
from exports.grades.causes import Cause
from exports.models import ColumnMapping, Flow, Participant, Translation
from tests.exports.importing.files import csv_file, xlsx_file
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in, text_of

pytestmark = pytest.mark.django_db

MAPPINGS = "/admin/exports/flow/import/"
HEADER = ["flow_id", "flow_title", "course_id", "column_name"]
ROW = ["77", "Anatomy", "BIO101", "Final"]


def upload(client: Client, content: bytes, name: str = "file.csv", url: str = MAPPINGS) -> Any:
    return client.post(url, {"file": SimpleUploadedFile(name, content)})


def packed_in(answer: Any) -> str:
    found = re.search(r'name="packed" value="([^"]+)"', answer.content.decode())
    assert found, text_of(answer)
    return found[1]


def confirm(client: Client, preview: Any, url: str = MAPPINGS) -> Any:
    return client.post(url, {"packed": packed_in(preview)})


def roster_url(flow: Any, page: str = "import") -> str:
    return f"/admin/exports/flow/{flow.pk}/roster/{page}/"


def test_the_page_says_which_columns_there_are(administrator: Client) -> None:
    page = text_of(administrator.get(MAPPINGS))
    assert "Import column mappings" in page
    assert "A SIS source such as UNIwise||001||2021. Empty: every other source." in page


def test_a_preview_writes_nothing_and_the_confirmed_file_is_imported(administrator: Client) -> None:
    preview = upload(administrator, csv_file(HEADER, ROW))
    shown = words_of(preview)
    assert "What file.csv would do" in shown
    assert "1 added" in shown
    assert rows_of(preview) == [
        {
            "Row": "2",
            "flow_id · source_code": "77",
            "With": "flow_title: Anatomy · course_id: BIO101 · column_name: Final",
        }
    ]
    assert not Flow.objects.exists()

    done = confirm(administrator, preview)

    assert done.status_code == 302
    assert messages_of(done) == ["Imported file.csv: 1 added, 0 changed, 0 unchanged."]
    assert str(ColumnMapping.objects.get()) == "Every other source → BIO101 · Final"


def changes_in(shown: Any) -> list[tuple[str, str, str]]:
    return [(row["Column"], row["Before"], row["After"]) for row in rows_of(shown) if "Before" in row]


def test_what_changes_is_shown_before_and_after_by_column(administrator: Client) -> None:
    confirm(administrator, upload(administrator, csv_file(HEADER, ROW, ["78", "", "BIO101", "Final"])))
    shown = upload(administrator, csv_file(HEADER, ["77", "", "BIO101", "Resit"], ["78", "", "BIO101", "Final"]))
    assert changes_in(shown) == [("flow_title", "Anatomy", "empty"), ("column_name", "Final", "Resit")]
    assert "1 unchanged" in words_of(shown)


def test_what_a_new_row_changes_of_a_shared_column_is_shown(administrator: Client) -> None:
    FlowFactory(flow_id="78")
    GradeColumnFactory(course__course_id="BIO101", name="Final", points=20, grade_schema=GradeSchemaFactory(title="G"))
    header = ["flow_id", "course_id", "column_name", "points", "grade_schema"]

    shown = upload(administrator, csv_file(header, ["78", "BIO101", "Final", "", ""]))

    assert changes_in(shown) == [
        ("points of BIO101 · Final", "20", "100"),
        ("grade_schema of BIO101 · Final", "G", "empty"),
    ]
    assert "1 changed" in words_of(shown)
    assert "grade_schema: empty" in words_of(shown)


def test_every_mistake_is_shown_by_row_and_column_and_nothing_is_imported(administrator: Client) -> None:
    answer = upload(administrator, csv_file([*HEADER, "points"], [*ROW, "x"], ["78", "", "", "A", "1"], [*ROW, "5"]))
    assert answer.status_code == 422
    assert "Nothing was imported" in words_of(answer)
    assert [row for row in rows_of(answer) if "What is wrong" in row] == [
        {"Row": "2", "Column": "points", "What is wrong": "'x' is not a number greater than 0."},
        {"Row": "3", "Column": "course_id", "What is wrong": "This is empty."},
    ]
    assert 'name="packed"' not in text_of(answer)
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "file.csv", "The file is empty"),
        (b"flow_id\n1", "file.csv", "Column course_id is missing."),
        (b"nothing", "file.doc", "file.doc is neither a .csv nor an .xlsx file."),
        (b"nothing", "file.xlsx", "The file is not a readable .xlsx workbook."),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(
    administrator: Client, content: bytes, name: str, sentence: str
) -> None:
    assert sentence in text_of(upload(administrator, content, name))


def test_no_file_is_a_sentence_too(administrator: Client) -> None:
    assert "No file was chosen." in text_of(administrator.post(MAPPINGS))


@pytest.mark.parametrize(
    "content",
    [
        csv_file(HEADER, ["77", "Prøve", "BIO101", "Final"], encoding="utf-8"),
        csv_file(HEADER, ["77", "Prøve", "BIO101", "Final"], encoding="utf-8-sig"),
        csv_file(HEADER, ["77", "Prøve", "BIO101", "Final"], encoding="cp1252", delimiter=";"),
        csv_file(HEADER, ["77", "Prø\r\nve", "BIO101", "Final"], delimiter=";").replace(
            b"r\xc3\xb8\r\nve", b"r\xc3\xb8ve"
        ),
    ],
)
def test_encodings_and_separators_survive_the_way_through_the_page(administrator: Client, content: bytes) -> None:
    confirm(administrator, upload(administrator, content))
    assert Flow.objects.get().title == "Prøve"


def test_a_line_break_in_quotes_survives_the_way_through_the_page(administrator: Client) -> None:
    confirm(administrator, upload(administrator, csv_file(HEADER, ["77", "two\r\nlines", "BIO101", "Final"], ROW[:0])))
    assert Flow.objects.get().title == "two lines"


def test_a_workbook_survives_the_way_through_the_page(administrator: Client) -> None:
    confirm(administrator, upload(administrator, xlsx_file(HEADER, [1001, "Prøve", "BIO101", "Final"]), "file.xlsx"))
    assert Flow.objects.get().flow_id == "1001"


def test_what_has_changed_since_the_preview_is_shown_again_before_anything_is_imported(administrator: Client) -> None:
    first = upload(administrator, csv_file(HEADER, ROW))
    ColumnMappingFactory(flow__flow_id="77", grade_column__name="Total")

    again = confirm(administrator, first)

    assert again.status_code == 200
    assert "the data has changed since the preview" in text_of(again)
    assert ("column_name", "Total", "Final") in changes_in(again)
    assert ColumnMapping.objects.get().grade_column.name == "Total"
    assert confirm(administrator, again).status_code == 302
    assert ColumnMapping.objects.get().grade_column.name == "Final"


def test_a_mapping_that_was_locked_since_the_preview_stays(administrator: Client) -> None:
    column = GradeColumnFactory(course__course_id="BIO101", name="Total")
    flow = ColumnMappingFactory(flow__flow_id="77", grade_column=column).flow
    preview = upload(administrator, csv_file(HEADER, ROW))
    ParticipantFactory(flow=flow, exported=True, grade__course_id="BIO101", grade__column_name="Total")

    answer = confirm(administrator, preview)

    assert answer.status_code == 422
    assert "Locked: 1 grade" in text_of(answer)
    assert ColumnMapping.objects.get().grade_column == column


def test_a_confirmation_that_was_tampered_with_imports_nothing(administrator: Client) -> None:
    packed = packed_in(upload(administrator, csv_file(HEADER, ROW)))
    for forged in (packed[:-3] + "AAA", "A" + packed, "x"):
        assert "could not be verified" in text_of(administrator.post(MAPPINGS, {"packed": forged}))
    assert not Flow.objects.exists()


def test_a_preview_is_for_its_person_and_its_page_alone(administrator: Client) -> None:
    packed = packed_in(
        upload(administrator, csv_file(["title"], ["Letters"]), url="/admin/courses/gradeschema/import/")
    )
    other = signed_in(administrator=True)
    for client, url in [(other, "/admin/courses/gradeschema/import/"), (administrator, MAPPINGS)]:
        assert "could not be verified" in text_of(client.post(url, {"packed": packed}))
    assert not GradeSchema.objects.exists()


def test_a_preview_lasts_an_hour(administrator: Client, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 120
    preview = upload(administrator, csv_file(HEADER, ROW))
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert "older than an hour" in text_of(confirm(administrator, preview))
    assert not Flow.objects.exists()


def test_who_imported_is_in_the_history() -> None:
    administrator = signed_in(administrator=True)
    confirm(administrator, upload(administrator, csv_file(HEADER, ROW)))
    user = int(administrator.session["_auth_user_id"])
    assert {ColumnMapping.history.get().history_user_id, Flow.history.get().history_user_id} == {user}


def test_a_large_roster_is_previewed_and_imported_from_csv_and_workbook(administrator: Client) -> None:
    flow = FlowFactory()
    header = ["user_id", "learn_user_id", "source_code", "added_by"]
    rows = [[f"{number:08}", f"student{number}", "UNIwise||001||2021", "SIS"] for number in range(2_000)]
    for content, name in [(csv_file(header, *rows), "file.csv"), (xlsx_file(header, *rows), "file.xlsx")]:
        preview = upload(administrator, content, name, roster_url(flow))
        assert preview.status_code == 200
        assert confirm(administrator, preview, roster_url(flow)).status_code == 302
    assert flow.participants.filter(on_roster=True).count() == 2_000


def test_a_long_preview_shows_the_first_rows_and_how_many_more(administrator: Client) -> None:
    flow = FlowFactory()
    shown = text_of(
        upload(administrator, csv_file(["user_id"], *[[f"u{n}"] for n in range(150)]), url=roster_url(flow))
    )
    assert "u99<" in shown
    assert "u100<" not in shown
    assert "And 50 more." in shown


def test_a_file_that_is_too_large_for_a_preview_is_refused(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_POSTED", 100)
    answer = upload(administrator, csv_file(HEADER, ROW))
    assert "Divide it, or ask an administrator of the server to use the import command." in text_of(answer)


def test_a_roster_goes_to_its_flow_and_says_what_it_will_mean(administrator: Client) -> None:
    flow = FlowFactory(flow_id="77", title="Anatomy")
    preview = upload(administrator, csv_file(["user_id", "added_by"], ["u1", "SIS"]), url=roster_url(flow))
    assert "Import the roster of flow 77 Anatomy" in text_of(preview)
    assert "roster who were added by the student system" in text_of(preview)

    done = confirm(administrator, preview, roster_url(flow))

    assert done["Location"] == reverse("admin:exports_flow_change", args=[flow.pk])
    assert Participant.objects.get(flow=flow).on_roster
    flow.refresh_from_db()
    assert flow.roster_imported_at


def test_translations_and_schemas_have_their_pages(administrator: Client) -> None:
    url = "/admin/exports/translation/import/"
    content = csv_file(["translation", "marks", "kind", "given", "value"], ["Letters", "TABLE", "MARK", "12", "A"])
    confirm(administrator, upload(administrator, content, url=url), url)
    assert Translation.objects.get().translator().mark("12") == "A"
    url = "/admin/courses/gradeschema/import/"
    confirm(administrator, upload(administrator, csv_file(["title", "symbols"], ["P/F", "P=50:F=0"]), url=url), url)
    assert GradeSchema.objects.get().symbols == "P=50:F=0"


def test_imports_are_for_administrators(manager: Client) -> None:
    flow = FlowFactory()
    for url in (MAPPINGS, roster_url(flow), "/admin/exports/translation/import/", "/admin/courses/gradeschema/import/"):
        assert manager.get(url).status_code == 403
        assert upload(manager, csv_file(HEADER, ROW), url=url).status_code == 403
    page = text_of(manager.get("/admin/exports/flow/"))
    assert MAPPINGS not in page
    assert "/admin/exports/flow/export.csv/" in page


def rows_in_file(answer: Any, ending: str) -> list[dict[str, Any]]:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if ending == "csv":
        known = io.StringIO(content.decode("utf-8-sig")).readline().strip().split(",")
    else:
        (header, *_rows) = load_workbook(io.BytesIO(content)).worksheets[0].values
        known = [str(name) for name in header]
    return [dict(row.cells) for row in read_rows(f"a.{ending}", content, known=known, required=[])]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_roster_is_downloaded(manager: Client, ending: str) -> None:
    flow = FlowFactory(flow_id="77")
    ParticipantFactory(flow=flow, user_id="=1", learn_user_id="00123", on_sis_roster=True)
    ParticipantFactory(flow=flow, user_id="not on the roster")

    answer = manager.get(roster_url(flow, f"export.{ending}"))

    assert answer["Content-Disposition"] == f'attachment; filename="roster-77.{ending}"'
    assert "no-store" in answer["Cache-Control"]
    (row,) = rows_in_file(answer, ending)
    assert (row["user_id"], row["learn_user_id"], row["added_by"]) == ("'=1", "00123", "SIS")


def test_mappings_of_all_flows_or_of_those_selected_are_downloaded(manager: Client) -> None:
    _first, second = (ColumnMappingFactory(flow__flow_id=flow_id).flow for flow_id in ("77", "78"))
    FlowFactory(flow_id="not mapped")
    everything = rows_in_file(manager.get("/admin/exports/flow/export.csv/"), "csv")
    assert [row["flow_id"] for row in everything] == ["77", "78"]
    chosen = {"action": "export_selected_csv", "_selected_action": [second.pk]}
    assert [row["flow_id"] for row in rows_in_file(manager.post("/admin/exports/flow/", chosen), "csv")] == ["78"]


def test_what_is_downloaded_is_what_is_imported(administrator: Client) -> None:
    ColumnMappingFactory(translation=TranslationFactory(table={"12": "A"}))
    GradeSchemaFactory()
    for path in ("exports/flow", "exports/translation", "courses/gradeschema"):
        for ending in ("csv", "xlsx"):
            content = administrator.get(f"/admin/{path}/export.{ending}/").content
            shown = words_of(upload(administrator, content, f"file.{ending}", f"/admin/{path}/import/"))
            assert "0 added 0 changed" in shown


def test_who_may_not_see_participants_gets_no_roster() -> None:
    client, flow = signed_in(), FlowFactory()
    assert client.get(roster_url(flow, "export.csv")).status_code == 403
    assert client.get("/admin/exports/flow/export.csv/").status_code == 403


@pytest.mark.parametrize(("action", "ending"), [("export_failed", "csv"), ("export_failed_xlsx", "xlsx")])
def test_the_failed_among_selected_participants_are_downloaded(manager: Client, action: str, ending: str) -> None:
    failed = ParticipantFactory(failed=True, user_id="-u1", flow__flow_id="77")
    fine = ParticipantFactory(exported=True)
    chosen = {"action": action, "_selected_action": [failed.pk, fine.pk]}

    answer = manager.post("/admin/exports/participant/", chosen)

    assert answer["Content-Disposition"] == f'attachment; filename="failed-grades-77.{ending}"'
    (row,) = rows_in_file(answer, ending)
    assert (row["user_id"], row["mark"], row["cause"]) == ("'-u1", "B", Cause.LEARN_UNAVAILABLE)
    assert (row["reason"], row["what_to_do"]) == ("Learn could not be reached.", "Retry in GradeBridge.")


@pytest.mark.parametrize(
    "title", ["#N/A", "1.5E+10", "#WERT!", "####", "=1+1", "a;=1", "1E+09", "-3", "'#N/A", "_x0041_"]
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_flow_of_any_title_is_exported_and_read_back(administrator: Client, title: str, ending: str) -> None:
    ColumnMappingFactory(flow__title=title)
    content = administrator.get(f"/admin/exports/flow/export.{ending}/").content
    shown = text_of(upload(administrator, content, f"file.{ending}", "/admin/exports/flow/import/"))
    assert "<li>1 unchanged</li>" in shown


def test_a_roster_of_no_flow_is_not_found(administrator: Client) -> None:
    assert administrator.get("/admin/exports/flow/999/roster/import/").status_code == 404
