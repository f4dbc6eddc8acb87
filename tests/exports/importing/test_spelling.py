"""Blanks and characters that no one sees, in files as people and spreadsheets make them."""

from typing import Any

import pytest

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import Sheet, import_lines
from courses.importing import metadata, schemas
from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema
from exports.importing import mappings, rosters, translations
from exports.models import ColumnMapping, Flow, Participant, TranslatedGrade, Translation
from tests.exports.importing.files import csv_file, xlsx_file
from tests.factories import CourseFactory, TranslationFactory
from tests.spellings import INVISIBLE, blanks, code

pytestmark = pytest.mark.django_db

WRITERS = {"file.csv": csv_file, "file.xlsx": xlsx_file}
# Of every kind of file: all its cells of text, and where they end up.
FILES: dict[str, tuple[Any, dict[str, str], dict[str, Any]]] = {
    "mappings": (
        mappings.MappingSheet,
        {
            "flow_id": "77",
            "flow_title": "Anatomy",
            "source_code": "UNIwise||001||2026",
            "course_id": "BIO101",
            "column_name": "Final",
            "grade_schema": "Letters",
            "translation": "Table",
        },
        {
            "flow_id": (Flow, "flow_id"),
            "flow_title": (Flow, "title"),
            "source_code": (ColumnMapping, "source_code"),
            "course_id": (Course, "course_id"),
            "column_name": (GradeColumn, "name"),
            "grade_schema": (GradeSchema, "title"),
            "translation": (ColumnMapping, "translation__name"),
        },
    ),
    "roster": (
        lambda: rosters.RosterSheet(Flow.objects.lock("77")),
        {"user_id": "1001", "learn_user_id": "s1001", "source_code": "UNIwise||001||2026"},
        {
            "user_id": (Participant, "user_id"),
            "learn_user_id": (Participant, "learn_user_id"),
            "source_code": (Participant, "sources"),
        },
    ),
    "translations": (
        translations.TranslationSheet,
        {"translation": "Letters", "kind": "MARK", "given": "12", "value": "A"},
        {
            "translation": (Translation, "name"),
            "kind": (TranslatedGrade, "kind"),
            "given": (TranslatedGrade, "given"),
            "value": (TranslatedGrade, "value"),
        },
    ),
    "schemas": (
        schemas.SchemaSheet,
        {"title": "Letters", "symbols": "A=50:F=0", "optional_data": "a=b"},
        {name: (GradeSchema, name) for name in ("title", "symbols", "optional_data")},
    ),
    "metadata": (
        metadata.MetadataSheet,
        {"course_id": "KNOWN", "user_id": "s1001", "optional_data": "a=b"},
        {"user_id": (EnrolmentMetadata, "user_id"), "optional_data": (EnrolmentMetadata, "optional_data")},
    ),
}
CELLS = [(kind, column) for kind, (_sheet, row, _places) in FILES.items() for column in row]


@pytest.fixture(autouse=True)
def _rows() -> None:
    CourseFactory(course_id="KNOWN")
    TranslationFactory(name="Table")


def imported(sheet: Sheet, name: str, cells: dict[str, str]) -> None:
    content = WRITERS[name](list(cells), list(cells.values()))
    import_lines(sheet, sheet.read(name, content), by=None)


@blanks
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kind", FILES)
def test_blanks_around_every_cell_are_cut(kind: str, name: str, blank: str) -> None:
    sheet, row, places = FILES[kind]
    imported(sheet(), name, {column: f"{blank}{text}{blank}" for column, text in row.items()})
    for column, (model, field) in places.items():
        kept = list(model.objects.values_list(field, flat=True))
        assert row[column] in (kept if field != "sources" else kept[0]), column


@pytest.mark.parametrize(("kind", "column"), CELLS)
def test_a_character_that_nobody_sees_is_refused_in_every_cell(kind: str, column: str) -> None:
    sheet, row, _places = FILES[kind]
    for character in INVISIBLE:
        with pytest.raises(ImportRefused) as refused:
            imported(sheet(), "file.csv", {**row, column: f"{row[column]}{character}"})
        assert list(refused.value.problems) == [
            f"Row 2, {column}: It contains the invisible character {code(character)}."
        ]


@pytest.mark.parametrize("control", ["\u0001", "\u0007", "\u000b", "\u0085", "\u009f"])
def test_a_control_character_is_refused(control: str) -> None:
    with pytest.raises(ImportRefused, match=f"It contains the control character {code(control)}".replace("+", r"\+")):
        imported(rosters.RosterSheet(Flow.objects.lock("77")), "file.csv", {"user_id": f"10{control}01"})


@pytest.mark.parametrize("inside", ["\n", "\r\n", "\t", "\n\n", "\u2028", "\u2029"])
def test_a_line_break_or_tab_inside_a_cell_counts_as_a_space(inside: str) -> None:
    imported(schemas.SchemaSheet(), "file.csv", {"title": f"{inside}Seven{inside}points{inside}"})
    assert GradeSchema.objects.get().title == "Seven points"


def test_the_flow_of_a_roster_follows_the_rule(tmp_path: Any) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(csv_file(["user_id"], ["1001"]))
    rosters.import_from("\u00a078\u3000", path)
    assert Flow.objects.get().flow_id == "78"
    with pytest.raises(ImportRefused, match=r"The flow id cannot be used: .* the invisible character U\+200B"):
        rosters.import_from("78\u200b", path)


def test_one_person_spelled_with_and_without_a_blank_is_given_twice() -> None:
    sheet = rosters.RosterSheet(Flow.objects.lock("77"))
    with pytest.raises(ImportRefused):
        sheet.read("file.csv", csv_file(["user_id", "learn_user_id"], ["1001", "a"], ["1001\u00a0", "b"]))
