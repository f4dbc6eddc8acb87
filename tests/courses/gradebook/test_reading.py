"""JSON to records: left out and null are absent, another type is Unreadable."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from courses.gradebook import Unreadable, reading
from courses.gradebook.reading import read_json

GRADE = {
    "userId": "_5_1",
    "columnId": "_7_1",
    "displayGrade": {"scaleType": "Score", "score": Decimal("83.5"), "possible": 100, "text": None},
    "changeIndex": 12,
    "lastRelevantDate": "2026-05-03T09:00:00.000Z",
}


def grade(**fields: Any) -> Any:
    return reading.grade({**GRADE, **fields}, column_id="_7_1")


def test_a_grade_as_it_should_be():
    found = grade()
    assert (found.shown.scale, found.shown.score, found.shown.possible) == ("Score", Decimal("83.5"), 100)
    assert (found.change_index, found.changed_at) == (12, datetime(2026, 5, 3, 9, tzinfo=UTC))
    assert not any([found.is_exempt, found.is_corrupt, found.is_override, found.is_empty])


@pytest.mark.parametrize("display", [None, {}, {"scaleType": "Score"}, {"scaleType": "Score", "possible": 5}])
def test_nothing_shown_is_an_empty_grade(display: object):
    assert grade(displayGrade=display).is_empty


@pytest.mark.parametrize("flag", [{"exempt": True}, {"corrupt": True}, {"gradeNotationId": "_3_1"}])
def test_a_grade_with_a_flag_is_not_empty(flag: dict[str, object]):
    assert not grade(displayGrade=None, **flag).is_empty


@pytest.mark.parametrize(
    ("fields", "is_override"),
    [
        ({"overridden": "2026-05-03T09:00:00.000Z"}, True),
        ({"overridden": True}, True),
        ({"overridden": None}, False),
        ({"overridden": ""}, False),
        ({"score": 83.5}, True),
        ({"text": "B"}, True),
    ],
)
def test_an_override_is_marked(fields: dict[str, object], is_override: bool):
    exact = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in fields.items()}
    assert grade(**exact).is_override is is_override


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"userId": None}, "userId"),
        ({"userId": 5}, "userId"),
        ({"userId": "../admin"}, "userId"),
        ({"userId": ".."}, "userId"),
        ({"columnId": "_8_1"}, "columnId"),
        ({"displayGrade": "B"}, "displayGrade"),
        ({"displayGrade": [{}]}, "displayGrade"),
        ({"displayGrade": {"scaleType": "Stars", "score": 1}}, "displayGrade.scaleType"),
        ({"displayGrade": {"score": 1}}, "displayGrade.scaleType"),
        ({"displayGrade": {"scaleType": ["Score"], "score": 1}}, "displayGrade.scaleType"),
        ({"displayGrade": {"scaleType": 1}}, "displayGrade.scaleType"),
        ({"displayGrade": {"scaleType": "Score", "score": "83"}}, "displayGrade.score"),
        ({"displayGrade": {"scaleType": "Score", "score": True}}, "displayGrade.score"),
        ({"displayGrade": {"scaleType": "Score", "score": Decimal("1e400")}}, "displayGrade.score"),
        ({"displayGrade": {"scaleType": "Score", "score": Decimal("1e-400")}}, "displayGrade.score"),
        ({"displayGrade": {"scaleType": "Text", "text": 7}}, "displayGrade.text"),
        ({"displayGrade": {"scaleType": "Text", "text": "x" * 10_001}}, "displayGrade.text"),
        ({"displayGrade": None, "text": "B"}, "displayGrade"),
        ({"displayGrade": {}, "score": 1}, "displayGrade"),
        ({"exempt": "yes"}, "exempt"),
        ({"corrupt": 1}, "corrupt"),
        ({"overridden": 1}, "overridden"),
        ({"gradeNotationId": 3}, "gradeNotationId"),
        ({"changeIndex": "12"}, "changeIndex"),
        ({"changeIndex": -1}, "changeIndex"),
        ({"changeIndex": True}, "changeIndex"),
        ({"lastRelevantDate": 1}, "lastRelevantDate"),
    ],
)
def test_another_type_is_unreadable_and_named(fields: dict[str, object], part: str):
    with pytest.raises(Unreadable) as raised:
        grade(**fields)
    assert (raised.value.code, raised.value.params) == ("ODD_SHAPE", {"part": part})


@pytest.mark.parametrize("moment", ["soon", "2026-13-01", "0001-01-01T00:00:00+23:59"])
def test_a_moment_that_is_none_is_left_out(moment: str):
    assert grade(lastRelevantDate=moment).changed_at is None


def test_numbers_are_exact():
    assert read_json(b'{"a": 0.1, "b": 3}') == {"a": Decimal("0.1"), "b": 3}


@pytest.mark.parametrize("shown", ["CHEM", "BIO2", ["BIO"]])
def test_another_course_than_the_one_that_was_asked_for(shown: object):
    with pytest.raises(Unreadable):
        reading.course({"id": "_1_1", "externalId": shown}, course_id="BIO")


def test_a_course_whose_batch_uid_is_hidden_is_the_one_that_was_asked_for():
    found = reading.course({"id": "_1_1"}, course_id="BIO")
    assert (found.course_id, found.is_ultra, found.is_completed, found.availability) == ("BIO", None, False, "")


@pytest.mark.parametrize(
    ("status", "is_ultra"),
    [("Ultra", True), ("Classic", False), ("Undecided", None), ("Ultrapreview", None), ("New", None), (None, None)],
)
def test_which_courses_are_ultra(status: str | None, is_ultra: bool | None):
    assert reading.course({"id": "_1_1", "ultraStatus": status}, course_id="BIO").is_ultra is is_ultra


def test_a_person_who_is_not_the_one_that_was_asked_for():
    with pytest.raises(Unreadable):
        reading.member({"userId": "_5_1", "user": {"externalId": "u2"}}, asked="u1")


@pytest.mark.parametrize(("available", "expected"), [("Yes", True), ("No", False), ("Disabled", False), (None, True)])
def test_whether_a_member_is_available(available: str | None, expected: bool):
    found = reading.member({"userId": "_5_1", "availability": {"available": available}, "courseRoleId": "Instructor"})
    assert (found.is_available, found.is_student) == (expected, False)


@pytest.mark.parametrize(
    ("fields", "by", "what", "user_id"),
    [
        ({}, "", "", None),
        ({"modifier": {"name": "Ida Holm"}, "value": "B", "user": {"id": "_5_1"}}, "Ida Holm", "B", "_5_1"),
        ({"modifier": {"given": "Ida", "family": "Holm"}, "previousScore": 1, "score": 2}, "Ida Holm", "1 → 2", None),
        ({"modifiedBy": "ih", "event": "GRADED", "previousValue": "B"}, "ih", "GRADED: B →", None),
        ({"modifier": [], "userId": {"x": 1}, "value": {"y": []}}, "", "", None),
        ({"modifier": {"name": {"name": {"name": "x"}}}}, "", "", None),
        ({"description": "x" * 10_000, "by": "a\nb\0"}, "a b", "x" * 500, None),
    ],
)
def test_a_line_of_the_log_is_read_as_far_as_it_can_be(
    fields: dict[str, object], by: str, what: str, user_id: str | None
):
    found = reading.change(fields)
    assert (found.by, found.what, found.user_id) == (by, what, user_id)
