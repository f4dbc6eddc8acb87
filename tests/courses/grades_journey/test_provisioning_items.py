"""The items of the services for schemas, columns and enrolments: each field, its limit at the edge, its JSON type."""

import json
from datetime import date
from decimal import Decimal

import pytest

from courses.grades_journey import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradeValue,
    InvalidItem,
    ItemType,
    SchemaItem,
)
from courses.learn_http.errors import Fault

ITEMS = (GradeValue, SchemaItem, GradableItem, ColumnToDelete, ExternalGradeColumn, EnrolmentData)

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

GRADE = {"course_id": "BIO101", "user_id": "u1", "name": "Essay", "value": "B"}

LIMITS = [  # service's item, field, most characters, the rest of the item
    (GradeValue, "course_id", 333, GRADE),
    (GradeValue, "user_id", 333, GRADE),
    (GradeValue, "name", 333, GRADE),
    (GradeValue, "value", 333, GRADE),
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
    (GradableItem, "mapping", 333, {**COLUMN, "item_type": ItemType.WEIGHTED_COLUMN}),
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
    with pytest.raises(InvalidItem) as refused:
        item(**{**rest, field: "x" * (most + 1)})
    assert refused.value.code == Fault.TOO_LONG
    assert refused.value.params == {"field": field, "length": most + 1, "max": most}


@pytest.mark.parametrize(
    ("item", "field", "rest"),
    [
        (SchemaItem, "title", {"symbols": "P"}),
        (SchemaItem, "symbols", {"title": "T"}),
        (GradableItem, "course_id", COLUMN),
        (GradableItem, "name", COLUMN),
        (GradeValue, "value", GRADE),
        (ColumnToDelete, "course_id", {"name": "n"}),
        (ColumnToDelete, "name", {"course_id": "c"}),
        (ExternalGradeColumn, "course_id", {"name": "n"}),
        (ExternalGradeColumn, "name", {"course_id": "c"}),
        (EnrolmentData, "course_id", {"user_id": "u"}),
        (EnrolmentData, "user_id", {"course_id": "c"}),
    ],
)
def test_a_required_text_must_be_there(item, field, rest):
    with pytest.raises(InvalidItem) as refused:
        item(**{**rest, field: ""})
    assert (refused.value.code, refused.value.params) == (Fault.EMPTY, {"field": field})


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
    ("field", "value", "code"),
    [
        ("attempts", 0, Fault.ATTEMPTS_TOO_FEW),
        ("attempts", -2, Fault.ATTEMPTS_TOO_FEW),
        ("points", 0.0, Fault.NO_POINTS),
        ("points", -1.0, Fault.NO_POINTS),
        ("points", float("nan"), Fault.NO_POINTS),
        ("points", float("inf"), Fault.NO_POINTS),
        ("color", "#12345", Fault.NO_COLOUR),
        ("color", "#GG0000", Fault.NO_COLOUR),
        ("color", "dark blue", Fault.NO_COLOUR),
        ("mapping", "Test 1", Fault.TAKES_NO_MAPPING),
    ],
)
def test_a_senseless_value_is_refused_by_its_field(field, value, code):
    with pytest.raises(InvalidItem) as refused:
        GradableItem(**{**COLUMN, field: value})
    assert (refused.value.field, refused.value.code) == (field, code)


def test_the_end_is_not_before_the_start():
    day = date(2026, 5, 1)
    GradableItem(**COLUMN, start_date=day, end_date=day)
    with pytest.raises(InvalidItem) as refused:
        GradableItem(**COLUMN, start_date=day, end_date=date(2026, 4, 30))
    assert (refused.value.field, refused.value.code) == ("end_date", Fault.ENDS_BEFORE_START)


IN_ULTRA = {ItemType.ASSIGNMENT, ItemType.TEST, ItemType.MANUAL_COLUMN, ItemType.WEIGHTED_COLUMN}
COLUMNS = {ItemType.MANUAL_COLUMN, ItemType.WEIGHTED_COLUMN, ItemType.TOTAL_COLUMN}
CALCULATED = {ItemType.WEIGHTED_COLUMN, ItemType.TOTAL_COLUMN}


@pytest.mark.parametrize("item_type", ItemType)
def test_a_type_says_where_it_can_be_and_what_it_is(item_type):
    assert item_type.is_in_ultra is (item_type in IN_ULTRA)
    assert item_type.is_column is (item_type in COLUMNS)
    assert item_type.is_calculated is (item_type in CALCULATED)


@pytest.mark.parametrize("item_type", ItemType)
def test_a_mapping_may_be_left_out_and_is_for_calculated_columns_alone(item_type):
    assert "mapping" not in GradableItem(course_id="c", name="n", item_type=item_type).body()
    mapped = {"course_id": "c", "name": "n", "item_type": item_type, "mapping": "Test 1"}
    if item_type in CALCULATED:
        assert GradableItem(**mapped).body()["mapping"] == "Test 1"
    else:
        with pytest.raises(InvalidItem) as refused:
            GradableItem(**mapped)
        assert refused.value.code == Fault.TAKES_NO_MAPPING
        assert refused.value.params == {"field": "mapping", "item_type": item_type.value}


@pytest.mark.parametrize("item_type", ItemType)
def test_only_an_assignment_is_handed_in_by_groups(item_type):
    item = {"course_id": "c", "name": "n", "item_type": item_type}
    assert GradableItem(**item, group=False).body()["group"] is False
    if item_type is ItemType.ASSIGNMENT:
        assert GradableItem(**item, group=True).body()["group"] is True
    else:
        with pytest.raises(InvalidItem) as refused:
            GradableItem(**item, group=True)
        assert refused.value.code == Fault.NOT_FOR_GROUPS
        assert refused.value.params == {"field": "group", "item_type": item_type.value}


@pytest.mark.parametrize("points", [100, 100.0, Decimal("100.0")])
def test_points_of_any_kind_of_number_are_sent_as_a_float(points):
    body = GradableItem(**COLUMN, points=points).body()
    assert json.dumps(body["points"]) == "100.0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", -1),
        ("attempts", 1),
        ("points", 0.01),
        ("sequence_num", 0),
        ("color", "red"),
        ("color", "darkorange"),
        ("color", "#F00"),
        ("color", "#ff0000"),
        ("start_date", date(2026, 5, 1)),
        ("end_date", date(2026, 5, 1)),
    ],
)
def test_a_value_at_the_edge_of_sense_is_taken(field, value):
    assert getattr(GradableItem(**{**COLUMN, field: value}), field) == value


@pytest.mark.parametrize(
    ("item", "echo"),
    [
        (SchemaItem(title="Pass-Fail", symbols="P=50:F=0"), ("", "Pass-Fail")),
        (GradableItem(**COLUMN), ("BIO101", "Final grade")),
        (EnrolmentData(course_id="BIO101", user_id="u1", optional_data="EnrollType=Audit"), ("BIO101", "u1")),
    ],
)
def test_the_names_that_a_result_repeats(item, echo):
    assert item.echo == echo


def test_only_what_leaves_learn_as_it_was_may_be_sent_twice():
    assert {item.service: item.repeatable for item in ITEMS} == {
        "gradeValueAPI": True,
        "gradeSchemasAPI": False,
        "gradableItemsAPI": False,
        "gradeColumnDeleteAPI": False,
        "externalGradeColumnAPI": True,
        "userMetadataAPI": True,
    }
