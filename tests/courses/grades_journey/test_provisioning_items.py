"""The items of the services for schemas, columns and enrolments: each field, its limit at the edge, its JSON type."""

from datetime import date

import pytest

from courses.grades_journey import InvalidItem
from courses.grades_journey.items import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    ItemType,
    SchemaItem,
)

COLUMN = {"course_id": "BIO101", "name": "Final grade", "item_type": ItemType.MANUAL_COLUMN}
WHOLE = {
    "course_id": "BIO101",
    "name": "Essay",
    "item_type": ItemType.ASSIGNMENT,
    "instructions": "Write.",
    "anonymous": False,
    "group": True,
    "content_area_name": "Content@>@Essays",
    "available": True,
    "color": "#FF0000",
    "attempts": -1,
    "tracked": False,
    "start_date": date(2026, 5, 1),
    "end_date": date(2026, 5, 31),
    "due_date": date(2026, 5, 31),
    "points": 12.5,
    "grade_schema": "Pass-Fail",
    "sequence_num": 0,
    "extract": True,
    "optional_data": "Room=B12",
}

LIMITS = [  # service's item, field, most characters, the rest of the item
    (SchemaItem, "title", 333, {"symbols": "P=50:F=0"}),
    (SchemaItem, "symbols", 2000, {"title": "Pass-Fail"}),
    (SchemaItem, "optional_data", 2000, {"title": "Pass-Fail", "symbols": "P=50:F=0"}),
    (GradableItem, "course_id", 256, COLUMN),
    (GradableItem, "name", 333, COLUMN),
    (GradableItem, "instructions", 2000, COLUMN),
    (GradableItem, "content_area_name", 255, COLUMN),
    (GradableItem, "color", 10, COLUMN),
    (GradableItem, "grade_schema", 333, COLUMN),
    (GradableItem, "mapping", 333, {**COLUMN, "item_type": ItemType.TOTAL_COLUMN}),
    (GradableItem, "optional_data", 2000, COLUMN),
    (ColumnToDelete, "course_id", 333, {"name": "Essay"}),
    (ColumnToDelete, "name", 333, {"course_id": "BIO101"}),
    (ExternalGradeColumn, "course_id", 333, {"name": "Essay"}),
    (ExternalGradeColumn, "name", 333, {"course_id": "BIO101"}),
    (EnrolmentData, "course_id", 333, {"user_id": "u1"}),
    (EnrolmentData, "user_id", 333, {"course_id": "BIO101"}),
    (EnrolmentData, "optional_data", 2000, {"course_id": "BIO101", "user_id": "u1"}),
]


@pytest.mark.parametrize(("item", "field", "most", "rest"), LIMITS)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(item, field, most, rest):
    assert len(getattr(item(**{**rest, field: "x" * most}), field)) == most
    with pytest.raises(InvalidItem, match=f"has {most + 1} characters; Learn takes {most}") as refused:
        item(**{**rest, field: "x" * (most + 1)})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("item", "field", "rest"),
    [
        (SchemaItem, "title", {"symbols": "P"}),
        (SchemaItem, "symbols", {"title": "T"}),
        (GradableItem, "course_id", COLUMN),
        (GradableItem, "name", COLUMN),
        (ColumnToDelete, "name", {"course_id": "c"}),
        (EnrolmentData, "user_id", {"course_id": "c"}),
    ],
)
def test_a_required_text_must_be_there(item, field, rest):
    with pytest.raises(InvalidItem, match="is empty"):
        item(**{**rest, field: ""})


def test_every_field_is_sent_in_its_own_type():
    assert GradableItem(**WHOLE).body() == {
        "courseId": "BIO101",
        "name": "Essay",
        "itemType": "ASSIGNMENT",
        "instructions": "Write.",
        "anonymous": False,
        "group": True,
        "contentAreaName": "Content@>@Essays",
        "available": True,
        "color": "#FF0000",
        "attempts": -1,
        "tracked": False,
        "startDate": "2026-05-01",
        "endDate": "2026-05-31",
        "dueDate": "2026-05-31",
        "points": 12.5,
        "gradeSchema": "Pass-Fail",
        "sequenceNum": 0,
        "extract": True,
        "optionalData": "Room=B12",
    }


def test_what_is_not_set_is_left_out():
    assert GradableItem(**COLUMN).body() == {
        "courseId": "BIO101",
        "name": "Final grade",
        "itemType": "MANUAL_COLUMN",
    }
    assert SchemaItem(title="Pass-Fail", symbols="P=50:F=0").body() == {"title": "Pass-Fail", "symbols": "P=50:F=0"}
    assert EnrolmentData(course_id="c", user_id="u").body() == {"courseId": "c", "userId": "u"}


@pytest.mark.parametrize("item", [ColumnToDelete, ExternalGradeColumn])
def test_a_column_is_named_by_its_course_and_name(item):
    named = item(course_id="BIO101", name="Essay")

    assert named.body() == {"courseId": "BIO101", "name": "Essay"}
    assert named.echo == ("BIO101", "Essay")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", 0),
        ("attempts", -2),
        ("points", 0.0),
        ("points", -1.0),
        ("points", float("nan")),
        ("points", float("inf")),
        ("color", "#12345"),
        ("color", "#GG0000"),
        ("color", "dark blue"),
        ("mapping", "Test 1"),
    ],
)
def test_a_senseless_value_is_refused_by_its_field(field, value):
    with pytest.raises(InvalidItem) as refused:
        GradableItem(**{**COLUMN, field: value})
    assert refused.value.field == field


def test_the_end_is_not_before_the_start():
    day = date(2026, 5, 1)
    GradableItem(**COLUMN, start_date=day, end_date=day)
    with pytest.raises(InvalidItem, match="end is before the start"):
        GradableItem(**COLUMN, start_date=day, end_date=date(2026, 4, 30))


@pytest.mark.parametrize("item_type", ItemType)
def test_columns_that_are_calculated_need_a_mapping_and_others_take_none(item_type):
    mapping = "Test 1" if item_type.is_calculated else ""
    GradableItem(course_id="c", name="n", item_type=item_type, mapping=mapping)
    with pytest.raises(InvalidItem) as refused:
        GradableItem(course_id="c", name="n", item_type=item_type, mapping="" if mapping else "Test 1")
    assert refused.value.field == "mapping"
