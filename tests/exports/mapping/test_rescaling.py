"""Other points or another schema for a column with delivered grades: it is done, and said what it means."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.importing.mappings import MappingSheet
from exports.mapping import rescaling
from tests.exports.importing.files import csv_file
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
)
from tests.signed_in import messages_of, signed_in

pytestmark = pytest.mark.django_db

SENT = "{} in course BIO101, column Final {}. Retries and corrections use the new ones. "
ONE = SENT.format("1 grade", "was sent with the previous points and grade schema and stays as it is")


def several(number: int) -> str:
    return SENT.format(f"{number} grades", "were sent with the previous points and grade schema and stay as they are")


SHEET = MappingSheet()
AGREE = "Make the same change in Learn."


@pytest.fixture
def column() -> Any:
    return GradeColumnFactory(course__course_id="BIO101", name="Final", points=100)


def deliver(*values: str) -> None:
    flow = FlowFactory()
    for value in values:
        ParticipantFactory(
            flow=flow, exported=True, grade__value=value, grade__course_id="BIO101", grade__column_name="Final"
        )


def change(column: Any, **values: object) -> list[str]:
    fields = {"course": column.course.pk, "name": column.name, "item_type": column.item_type, "points": column.points}
    url = reverse("admin:courses_gradecolumn_change", args=[column.pk])
    sent = {name: str(value) for name, value in (fields | values).items()}
    answer = administrator().post(url, sent)
    assert answer.status_code == 302
    return messages_of(answer)


def administrator() -> Client:
    return signed_in(administrator=True)


def test_other_points_are_saved_and_say_which_grades_they_would_refuse(column: Any) -> None:
    deliver("50", "80", "80", "B")
    assert several(4) + "With these, '80' would be refused. " + AGREE in change(column, points=60)
    column.refresh_from_db()
    assert column.points == 60


def test_another_schema_is_saved_and_says_which_grades_it_would_refuse(column: Any) -> None:
    deliver("B")
    schema = GradeSchemaFactory(symbols="P:F")
    assert ONE + "With these, 'B' would be refused. " + AGREE in change(column, grade_schema=schema.pk)


def test_a_change_that_suits_every_grade_is_told_as_well(column: Any) -> None:
    deliver("50")
    assert ONE + AGREE in change(column, points=60)


@pytest.mark.parametrize("values", [{"points": 100}, {"instructions": "New"}])
def test_nothing_is_said_of_what_stays(column: Any, values: dict[str, object]) -> None:
    deliver("50")
    assert not [message for message in change(column, **values) if "Retries" in message]


def test_nothing_is_said_where_nothing_was_delivered(column: Any) -> None:
    assert not [message for message in change(column, points=60) if "Retries" in message]


def notes(*rows: list[str], header: list[str]) -> list[str]:
    lines = SHEET.read("a.csv", csv_file([*SHEET.required, *header], *rows))
    return SHEET.notes(SHEET.plan(lines))


@pytest.mark.parametrize("mapped", [True, False])
def test_an_import_notes_it_in_its_preview_once_a_column(column: Any, mapped: bool) -> None:
    deliver("50", "80")
    for flow_id in ("77", "78"):
        if mapped:
            ColumnMappingFactory(flow=FlowFactory(flow_id=flow_id), grade_column=column)
    assert notes(["77", "BIO101", "Final", "60"], ["78", "BIO101", "Final", "60"], header=["points"]) == [
        "Row 2. " + several(2) + "With these, '80' would be refused. " + AGREE
    ]
    assert notes(["77", "BIO101", "Final", "100"], header=["points"]) == []


def test_an_import_notes_another_schema(column: Any) -> None:
    deliver("B", "P")
    GradeSchemaFactory(title="Pass/fail", symbols="P:F")
    [note] = notes(["77", "BIO101", "Final", "Pass/fail"], header=["grade_schema"])
    assert "With these, 'B' would be refused." in note
    [note] = notes(["77", "BIO101", "Final", "Not known yet"], header=["grade_schema"])
    assert "refused" not in note


def test_many_values_are_named_in_part(column: Any) -> None:
    deliver(*(str(number) for number in range(70, 78)))
    column.points = 60
    [sentence] = rescaling.consequences([column]).values()
    assert "With these, '70', '71', '72', '73', '74' and 3 more would be refused." in sentence
