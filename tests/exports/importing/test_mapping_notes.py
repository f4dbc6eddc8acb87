"""What a file of mappings means beside what it changes."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from common.spreadsheets.files import ImportRefused
from courses.models.provisioned import NOT_SENT
from exports.importing import mappings
from exports.models import Flow
from tests.exports.importing.files import csv_file
from tests.factories import ColumnMappingFactory, CourseFactory, GradeColumnFactory

pytestmark = pytest.mark.django_db

REQUIRED = mappings.MappingSheet().required
DATES = [*REQUIRED, "synchronised_at", "assessment_ends_at"]


def notes(*rows, header=REQUIRED):
    sheet = mappings.MappingSheet()
    return sheet.notes(sheet.plan(sheet.read("a.csv", csv_file(header, *rows))))


def ahead(days):
    return (timezone.now() + timedelta(days=days)).isoformat(timespec="seconds")


@pytest.mark.parametrize("days", [367, 400, 5_000])
def test_a_synchronisation_far_ahead_is_refused_with_its_row(days):
    with pytest.raises(ImportRefused, match=r"Row 2, synchronised_at: .* is more than a year ahead"):
        notes(["77", "BIO101", "Final", ahead(days), ""], header=DATES)


def test_one_that_was_saved_before_can_be_exported_and_imported_again():
    ColumnMappingFactory(flow__synchronised_at=timezone.now() + timedelta(days=900))
    row = [str(value) if value is not None else "" for value in next(iter(mappings.MappingSheet().rows()))]
    row[mappings.MappingSheet().names.index("synchronised_at")] = Flow.objects.get().synchronised_at.isoformat()
    assert notes(row, header=mappings.MappingSheet().names) == []


def test_doubtful_dates_are_named_once_a_flow():
    rows = [["77", "BIO101", name, "2026-06-01T12:00", "2026-05-31T12:00", name] for name in ("A", "B")]
    assert notes(*rows, header=[*DATES, "source_code"]) == [
        "Row 2, flow 77: The assessment ends (31 May 2026, 12:00) before the flow is synchronised "
        "(1 June 2026, 12:00). "
        "Check that both dates are right."
    ]


def test_a_date_of_the_file_is_compared_with_the_one_that_is_there():
    mapping = ColumnMappingFactory(flow__flow_id="77", flow__synchronised_at=timezone.now())
    place = [mapping.grade_column.course.course_id, mapping.grade_column.name]
    header = [*REQUIRED, "assessment_ends_at"]
    [note] = notes(["77", *place, "2020-01-01T00:00"], header=header)
    assert note.startswith(
        "Row 2, flow 77: The assessment ends (1 January 2020, 00:00) before the flow is synchronised"
    )


@pytest.mark.parametrize(
    ("course_id", "column", "says"),
    [
        ("bio101", "Final", "Course bio101 differs from BIO101 only in capitals"),
        ("Bio101", "Other", "Course Bio101 differs from BIO101 only in capitals"),
        ("BIO101", "final", "In course BIO101, column final differs from Final only in capitals"),
        ("BIO101", "FINAL", "In course BIO101, column FINAL differs from Final only in capitals"),
        ("ÅR-1", "x", "Course ÅR-1 differs from år-1 only in capitals"),
        ("BIO101", "Final", ""),
        ("BIO102", "final", ""),
        ("BIO 101", "Final", ""),
        ("BIO101", "Final 2", ""),
        ("CHEM", "final", ""),
    ],
)
def test_names_that_differ_in_capitals_alone_are_named(course_id, column, says):
    GradeColumnFactory(course__course_id="BIO101", name="Final")
    CourseFactory(course_id="år-1")
    found = notes(["77", course_id, column])
    assert (len(found) == 1 and found[0].startswith(f"Row 2. {says}")) if says else found == []


def test_names_of_one_file_that_differ_in_capitals_alone_are_named():
    found = notes(["1", "BIO", "A"], ["2", "bio", "A"], ["3", "BIO", "a"])
    assert [note.partition(" differs")[0] for note in found] == [
        "Row 2. Course BIO",
        "Row 3. Course bio",
        "Row 2. In course BIO, column A",
        "Row 4. In course BIO, column a",
    ]


@pytest.mark.parametrize(
    ("column", "value", "is_noted"),
    [("points", "50", True), ("grade_schema", "New", True), ("item_type", "TEST", True), ("flow_title", "X", False)],
)
@pytest.mark.parametrize("is_mapped", [True, False])
def test_a_change_of_a_column_that_is_in_learn_says_that_it_is_not_sent(column, value, is_noted, is_mapped):
    place = GradeColumnFactory(course__course_id="BIO101", name="Final", in_learn=True)
    GradeColumnFactory(course=place.course, name="Other")
    if is_mapped:
        ColumnMappingFactory(flow__flow_id="77", grade_column=place)
    rows = [["77", "BIO101", "Final", "", value], ["78", "BIO101", "Other", "", value]]
    found = notes(*rows, header=[*REQUIRED, "source_code", column])
    assert found == ([f"Row 2, column BIO101 · Final: {NOT_SENT}"] if is_noted else [])


def test_the_command_writes_the_notes_to_stderr(tmp_path, capsys):
    GradeColumnFactory(course__course_id="BIO101", name="Final")
    (tmp_path / "a.csv").write_bytes(csv_file(REQUIRED, ["77", "bio101", "Final"]))
    call_command("import_mappings", str(tmp_path / "a.csv"))
    out, err = capsys.readouterr()
    assert "Course bio101 differs from BIO101" in err
    assert out == "1 added, 0 changed, 0 unchanged\n"
