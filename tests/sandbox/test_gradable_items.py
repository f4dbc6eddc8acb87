"""Each restriction of gradableItemsAPI: what it refuses, and the same where it does not hold."""

import pytest

from sandbox.gradable_items import IN_ORIGINAL, IN_ULTRA, column_of, refuse_unfit
from sandbox.gradebook import Course, Refused
from tests.sandbox.conftest import column

ORIGINAL, ULTRA = "ORIGINAL", "ULTRA"
DAY, NEXT_DAY = "2026-05-31", "2026-06-01"


def refusal(experience: str, **fields) -> str:
    """Why the item cannot be made in a course with the columns Test 1 and Test 2; "" when it can."""
    columns = {name: column_of(column(name)) for name in ("Test 1", "Test 2")}
    try:
        refuse_unfit(column_of(column(**fields)), Course(experience=experience, columns=columns), ["Letters"])
    except Refused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("item_type", IN_ORIGINAL)
def test_ultra_has_four_of_the_eleven_types(item_type):
    assert refusal(ORIGINAL, itemType=item_type) == ""
    in_ultra = "" if item_type in IN_ULTRA else f"{item_type} is available in Original courses only"
    assert refusal(ULTRA, itemType=item_type) == in_ultra


@pytest.mark.parametrize("item_type", ["EXAM", "assignment", "DEVOIR"])
def test_a_type_that_is_not_in_the_document_is_refused(item_type):
    assert refusal(ORIGINAL, itemType=item_type).startswith("itemType must be one of ASSIGNMENT, TEST,")


@pytest.mark.parametrize(
    ("experience", "fields", "message"),
    [
        (ORIGINAL, {"itemType": "TEST", "color": "red"}, ""),
        (ULTRA, {"itemType": "TEST", "color": "red"}, "color is available in Original courses only"),
        (ORIGINAL, {"itemType": "TEST", "tracked": True}, ""),
        (ULTRA, {"itemType": "TEST", "tracked": True}, "tracked is available in Original courses only"),
        (ULTRA, {"itemType": "TEST", "tracked": False}, ""),
        (ORIGINAL, {"tracked": True}, "tracked is not for grade columns"),
        (ORIGINAL, {"itemType": "TOTAL_COLUMN", "tracked": True}, "tracked is not for grade columns"),
        (ORIGINAL, {"itemType": "WEIGHTED_COLUMN", "tracked": True}, "tracked is not for grade columns"),
        (ORIGINAL, {"sequenceNum": 0}, ""),
        (ULTRA, {"sequenceNum": 0}, "sequenceNum is available in Original courses only"),
        (ORIGINAL, {"itemType": "TEST", "anonymous": True}, ""),
        (ULTRA, {"itemType": "TEST", "anonymous": True, "dueDate": DAY}, ""),
        (ULTRA, {"itemType": "TEST", "anonymous": True}, "anonymous needs a dueDate in Ultra courses"),
        (ULTRA, {"itemType": "TEST", "anonymous": False}, ""),
        (ULTRA, {"itemType": "ASSIGNMENT", "group": True}, ""),
        (ULTRA, {"itemType": "TEST", "group": True}, "group is for items of type ASSIGNMENT only"),
        (ORIGINAL, {"group": True}, "group is for items of type ASSIGNMENT only"),
        (ORIGINAL, {"group": False}, ""),
        (ORIGINAL, {"contentAreaName": "Exams"}, ""),
        (ORIGINAL, {"contentAreaName": "Exams@>@May"}, "contentAreaName can name a sub-folder in Ultra courses only"),
        (ULTRA, {"contentAreaName": "Exams"}, ""),
        (ULTRA, {"contentAreaName": "Exams@>@May"}, ""),
        (ULTRA, {"contentAreaName": "@>@May"}, "contentAreaName must be a folder, or parent@>@child"),
        (ULTRA, {"contentAreaName": "Exams@>@ "}, "contentAreaName must be a folder, or parent@>@child"),
        (ULTRA, {"contentAreaName": "A@>@B@>@C"}, "contentAreaName must be a folder, or parent@>@child"),
        (ULTRA, {"gradeSchema": "Letters"}, ""),
        (ULTRA, {"gradeSchema": ""}, ""),
        (ULTRA, {"gradeSchema": "letters"}, "Grade schema letters does not exist"),
        (ULTRA, {"startDate": DAY, "endDate": DAY}, ""),
        (ULTRA, {"startDate": DAY, "endDate": NEXT_DAY}, ""),
        (ULTRA, {"startDate": NEXT_DAY, "endDate": DAY}, "endDate is before startDate"),
        (ULTRA, {"startDate": NEXT_DAY}, ""),
        (ULTRA, {"attempts": 0}, "attempts must be -1 or at least 1"),
        (ULTRA, {"colour": "red"}, "colour is not a field of this service"),
    ],
)
def test_a_field_is_for_some_courses_and_types_only(experience, fields, message):
    assert refusal(experience, **fields) == message


@pytest.mark.parametrize(
    ("item_type", "mapping", "message"),
    [
        ("WEIGHTED_COLUMN", "", ""),
        ("WEIGHTED_COLUMN", "Test 1=30, Test 2=70", ""),
        ("WEIGHTED_COLUMN", "Test 1=30, Test 2=60", "mapping: the weights do not add up to 100"),
        ("WEIGHTED_COLUMN", "Test 1=30, Test 3=70", "mapping: there is no column Test 3 in the course"),
        ("WEIGHTED_COLUMN", "Test 1, Test 2", "mapping: the weight of Test 1 is not a number such as 30"),
        ("TOTAL_COLUMN", "", ""),
        ("TOTAL_COLUMN", "Test 1, Test 2", ""),
        ("TOTAL_COLUMN", "Test 1, Test 3", "mapping: there is no column Test 3 in the course"),
        ("TOTAL_COLUMN", "Lab", "mapping: there is no column Lab in the course"),  # itself
        ("TOTAL_COLUMN", "Test 1=100", "mapping: Test 1 has a weight, which a total does not take"),
        ("MANUAL_COLUMN", "", ""),
        ("MANUAL_COLUMN", "Test 1", "mapping is for items of type WEIGHTED_COLUMN and TOTAL_COLUMN only"),
        ("ASSIGNMENT", "Test 1=100", "mapping is for items of type WEIGHTED_COLUMN and TOTAL_COLUMN only"),
    ],
)
def test_a_mapping_is_for_calculated_columns_and_names_columns_of_the_course(item_type, mapping, message):
    assert refusal(ORIGINAL, itemType=item_type, mapping=mapping) == message
