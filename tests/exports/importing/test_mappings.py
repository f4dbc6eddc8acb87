"""Mappings from a file: what is written, what is left alone, what is refused."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from common.spreadsheets.files import ImportRefused
from common.spreadsheets.sheets import fingerprint, import_file
from courses.models import Course, GradeColumn, GradeSchema
from exports.importing import mappings
from exports.importing.mappings import MappingSheet
from exports.models import ColumnMapping, Flow
from tests.exports.importing.files import csv_file, xlsx_file
from tests.factories import LONG_AGO, ColumnMappingFactory, FlowFactory, GradeColumnFactory, GradeSchemaFactory

SHEET = MappingSheet()
HEADER = SHEET.names


def row(**values):
    """A full row; what is not given is empty."""
    return [{"flow_id": "77", "course_id": "BIO101", "column_name": "Final", **values}.get(name, "") for name in HEADER]


def import_rows(*rows, header=HEADER):
    lines = SHEET.read("mappings.csv", csv_file(header, *rows))
    plan = SHEET.plan(lines)
    SHEET.apply(plan)
    return plan.sentence()


def problems(*rows, header=HEADER):
    with pytest.raises(ImportRefused) as refused:
        SHEET.read("mappings.csv", csv_file(header, *rows))
    return refused.value.problems


@pytest.mark.django_db
def test_a_full_row_makes_everything():
    sentence = import_rows(
        row(
            flow_title="Written exam",
            source_code="UNIwise||001||2021",
            course_experience="original",
            item_type="assignment",
            points="12.5",
            grade_schema="Pass/fail",
            synchronised_at="2026-01-02T12:00",
            assessment_ends_at="2026-05-31T12:00Z",
            instant_export="yes",
        )
    )

    assert sentence == "1 added, 0 changed, 0 unchanged"
    mapping = ColumnMapping.objects.get()
    assert (mapping.source_code, mapping.flow.title, mapping.flow.instant_export) == (
        "UNIwise||001||2021",
        "Written exam",
        True,
    )
    assert mapping.flow.synchronised_at == datetime(2026, 1, 2, 11, tzinfo=UTC)
    assert mapping.flow.assessment_ends_at == datetime(2026, 5, 31, 12, tzinfo=UTC)
    column = mapping.grade_column
    assert (column.course.course_id, column.course.experience, column.name) == ("BIO101", "ORIGINAL", "Final")
    assert (column.item_type, column.points, column.grade_schema.title) == ("ASSIGNMENT", 12.5, "Pass/fail")
    assert column.grade_schema.symbols == ""


@pytest.mark.django_db
@pytest.mark.parametrize("header", [HEADER, ["flow_id", "course_id", "column_name"]])
def test_what_is_empty_or_not_there_is_a_default_in_new_rows(header):
    import_rows(row() if header == HEADER else ["77", "BIO101", "Final"], header=header)

    mapping = ColumnMapping.objects.select_related("flow", "grade_column__course").get()
    flow, column = mapping.flow, mapping.grade_column
    assert (mapping.source_code, flow.title, flow.synchronised_at, flow.assessment_ends_at) == ("", "", None, None)
    assert not flow.instant_export
    assert (column.course.experience, column.item_type, column.points) == ("ULTRA", "MANUAL_COLUMN", 100)
    assert column.grade_schema is None


@pytest.fixture
def mapping(db):
    """A mapping with a value in every field."""
    column = GradeColumnFactory(
        course__course_id="BIO101",
        course__title="Biology",
        course__experience="ORIGINAL",
        name="Final",
        item_type="TEST",
        points=50,
        grade_schema=GradeSchemaFactory(title="Pass/fail"),
    )
    flow = FlowFactory(
        flow_id="77",
        title="Exam",
        instant_export=True,
        allow_overwrite=True,
        state="FAILED",
        roster_imported_at=LONG_AGO,
    )
    return ColumnMappingFactory(flow=flow, grade_column=column)


def test_a_column_that_is_not_in_the_file_is_left_as_it_is(mapping):
    sentence = import_rows(["77", "BIO101", "Final", "New title"], header=[*SHEET.required, "flow_title"])

    assert sentence == "0 added, 1 changed, 0 unchanged"
    flow, column = Flow.objects.get(), GradeColumn.objects.select_related("course", "grade_schema").get()
    assert flow.title == "New title"
    assert (flow.instant_export, flow.allow_overwrite, flow.state) == (True, True, "FAILED")
    assert flow.synchronised_at == flow.assessment_ends_at == flow.roster_imported_at == LONG_AGO
    assert (column.item_type, column.points, column.grade_schema.title) == ("TEST", 50, "Pass/fail")
    assert (column.course.title, column.course.experience) == ("Biology", "ORIGINAL")
    assert GradeSchema.objects.get().symbols == "P=50:F=0"


def test_an_empty_cell_takes_a_value_away(mapping):
    import_rows(row())

    flow, column = Flow.objects.get(), GradeColumn.objects.select_related("course").get()
    assert (flow.title, flow.synchronised_at, flow.assessment_ends_at, flow.instant_export) == ("", None, None, False)
    assert (column.item_type, column.points, column.grade_schema) == ("MANUAL_COLUMN", 100, None)
    assert column.course.experience == "ULTRA"
    assert (flow.allow_overwrite, flow.state, column.course.title) == (True, "FAILED", "Biology")


def test_the_same_file_again_changes_nothing(mapping):
    rows = [row(), row(source_code="S", column_name="Resit", grade_schema="New", points="5"), row(flow_id="78")]
    assert import_rows(*rows) == "2 added, 1 changed, 0 unchanged"
    assert import_rows(*rows) == "0 added, 0 changed, 3 unchanged"
    assert ColumnMapping.objects.count() == 3


def test_a_mapping_moves_to_another_column(mapping):
    lines = SHEET.read("a.csv", csv_file(SHEET.required, ["77", "CHEM", "Total"]))
    plan = SHEET.plan(lines)
    assert plan.changed[0].differences == {"course_id": ("BIO101", "CHEM"), "column_name": ("Final", "Total")}
    assert not Course.objects.filter(course_id="CHEM").exists()

    SHEET.apply(plan)
    mapping.refresh_from_db()
    assert str(mapping.grade_column) == "CHEM · Total"
    assert GradeColumn.objects.count() == 2  # the old one may serve other flows


def test_a_plan_prevails_over_what_was_made_meanwhile(mapping):
    lines = SHEET.read("a.csv", csv_file([*SHEET.required, "points"], ["78", "CHEM", "Total", "7"]))
    plan = SHEET.plan(lines)
    ColumnMappingFactory(flow__flow_id="78", grade_column__course__course_id="CHEM", grade_column__name="Total")

    SHEET.apply(plan)

    assert ColumnMapping.objects.get(flow__flow_id="78").grade_column.points == 7


def test_a_workbook_gives_the_same(mapping, tmp_path):
    path = tmp_path / "mappings.xlsx"
    path.write_bytes(
        xlsx_file(
            [*SHEET.required, "points", "synchronised_at", "instant_export"],
            [1001, 2002, "Final", 12.5, datetime.fromisoformat("2026-05-31T12:00"), False],
        )
    )
    assert import_file(SHEET, path).sentence() == "1 added, 0 changed, 0 unchanged"
    assert import_file(SHEET, path).sentence() == "0 added, 0 changed, 1 unchanged"
    flow = Flow.objects.get(flow_id="1001")
    assert flow.synchronised_at == datetime(2026, 5, 31, 10, tzinfo=UTC)
    assert Course.objects.filter(course_id="2002").exists()


@pytest.mark.django_db(transaction=True)
def test_a_failure_half_way_leaves_nothing(monkeypatch, tmp_path):
    path = tmp_path / "mappings.csv"
    path.write_bytes(csv_file(SHEET.required, ["77", "BIO101", "Final"]))
    monkeypatch.setattr(mappings, "of_flow", lambda line: {"state": "UNHEARD_OF"})
    with pytest.raises(IntegrityError):
        import_file(SHEET, path)
    assert not Course.objects.exists()


def test_every_problem_is_named_at_once_by_row_and_column():
    assert problems(
        row(points="abc", course_experience="classic"),
        row(flow_id="", column_name="x" * 334),
        [],
        row(flow_id="78", instant_export="perhaps", assessment_ends_at="31.5."),
    ) == [
        "Row 2, course_experience: 'classic' is not allowed; use ULTRA or ORIGINAL.",
        "Row 2, points: 'abc' is not a number greater than 0.",
        "Row 3, column_name: This has 334 characters; 333 are allowed.",
        "Row 3, flow_id: This is empty.",
        "Row 5, assessment_ends_at: '31.5.' is not an ISO 8601 date such as 2026-05-31T12:00.",
        "Row 5, instant_export: 'perhaps' is neither true nor false.",
    ]


def test_all_three_required_columns_must_be_there():
    assert problems(["S"], header=["source_code"]) == [
        "Row 1: Column flow_id is missing.",
        "Row 1: Column course_id is missing.",
        "Row 1: Column column_name is missing.",
    ]


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (
            {},
            {"column_name": "Resit"},
            "Row 3, column_name: 'Resit' contradicts 'Final' in row 2, which has the same flow_id, source_code.",
        ),
        (
            {"source_code": "A", "flow_title": "Exam"},
            {"source_code": "B"},
            "Row 3, flow_title: (empty) contradicts 'Exam' in row 2, which has the same flow_id.",
        ),
        (
            {"source_code": "A", "synchronised_at": "2026-05-31T12:00"},
            {"source_code": "B", "synchronised_at": "2026-05-31T12:00Z"},
            "Row 3, synchronised_at: 2026-05-31T14:00:00+02:00 contradicts 2026-05-31T12:00:00+02:00 "
            "in row 2, which has the same flow_id.",
        ),
        (
            {"points": "50"},
            {"flow_id": "78"},
            "Row 3, points: '100.0' contradicts '50.0' in row 2, which has the same course_id, column_name.",
        ),
        (
            {"grade_schema": "A"},
            {"flow_id": "78", "grade_schema": "B"},
            "Row 3, grade_schema: 'B' contradicts 'A' in row 2, which has the same course_id, column_name.",
        ),
        (
            {"course_experience": "ORIGINAL"},
            {"flow_id": "78", "column_name": "Resit"},
            "Row 3, course_experience: 'ULTRA' contradicts 'ORIGINAL' in row 2, which has the same course_id.",
        ),
    ],
)
def test_rows_that_contradict_each_other_are_both_named(first, second, problem):
    assert problems(row(**first), row(**second)) == [problem]


def refused(*rows, header=HEADER):
    with pytest.raises(ImportRefused) as refused:
        import_rows(*rows, header=header)
    return refused.value.problems


WIKI = "item_type: WIKI exists only in Original courses, but BIO101 is an Ultra course."


@pytest.mark.django_db
def test_a_type_that_only_original_courses_have_is_refused_in_an_ultra_course():
    assert refused(row(flow_id="76", column_name="A"), row(item_type="wiki")) == [f"Row 3, {WIKI}"]
    assert not Flow.objects.exists()
    assert import_rows(row(item_type="WIKI", course_experience="ORIGINAL")) == "1 added, 0 changed, 0 unchanged"


@pytest.mark.django_db
def test_what_the_file_does_not_say_of_course_and_type_is_as_it_stands():
    column = GradeColumnFactory(course__course_id="BIO101", name="Final", course__experience="ORIGINAL")
    header = [*SHEET.required, "item_type"]
    assert import_rows(["77", "BIO101", "Final", "WIKI"], header=header) == "1 added, 1 changed, 0 unchanged"
    to_ultra = ["77", "BIO101", "Final", "ULTRA"]
    assert refused(to_ultra, header=[*SHEET.required, "course_experience"]) == [f"Row 2, {WIKI}"]
    Course.objects.filter(pk=column.course.pk).update(experience="ULTRA")
    assert refused(["77", "BIO101", "Resit", "WIKI"], header=header) == [f"Row 2, {WIKI}"]


@pytest.mark.django_db
def test_equal_rows_count_once():
    assert import_rows(row(points="50"), row(points="50.0"), row(points="50")) == "1 added, 0 changed, 0 unchanged"


@pytest.mark.django_db
def test_many_rows_take_few_statements(django_assert_max_num_queries):
    rows = [[f"flow{n}", f"course{n}", "Final", f"Schema {n}"] for n in range(400)]
    with django_assert_max_num_queries(30):
        import_rows(*rows, header=[*SHEET.required, "grade_schema"])
    assert ColumnMapping.objects.count() == GradeSchema.objects.count() == 400


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.lists(ANY_TEXT, max_size=len(HEADER)), min_size=1, max_size=4))
def test_no_text_in_any_cell_crashes_the_reading(rows):
    with suppress(ImportRefused):
        assert SHEET.read("a.csv", csv_file(HEADER, *rows))


def test_a_new_row_tells_what_it_changes_of_a_flow_course_and_column_that_are_there(mapping):
    plan = SHEET.plan(SHEET.read("a.csv", csv_file(HEADER, row(source_code="S"), row(source_code="T"))))

    assert plan.sentence() == "2 added, 1 changed, 0 unchanged"
    assert plan.shared[0].differences == {
        "flow_title": ("Exam", ""),
        "course_experience": ("ORIGINAL", "ULTRA"),
        "item_type": ("TEST", "MANUAL_COLUMN"),
        "points": (50, 100),
        "grade_schema": ("Pass/fail", ""),
        "synchronised_at": (LONG_AGO, None),
        "assessment_ends_at": (LONG_AGO, None),
        "instant_export": (True, False),
    }
    before = fingerprint(plan)
    GradeColumn.objects.update(points=20)
    assert fingerprint(SHEET.plan([*plan.added])) != before


def test_a_mapping_that_moves_tells_what_it_changes_of_the_other_column(mapping):
    GradeColumnFactory(course=mapping.grade_column.course, name="Resit", points=20)
    header = [*SHEET.required, "points"]
    plan = SHEET.plan(SHEET.read("a.csv", csv_file(header, ["77", "BIO101", "Resit", "50"])))
    assert plan.changed[0].differences == {"column_name": ("Final", "Resit"), "points": (20, 50)}
