import dataclasses

import pytest

from courses.grades_journey import GradeValue, InvalidItem
from courses.learn_http.errors import Fault
from tests.courses.grades_journey.pretend import grade

FIELDS = ["course_id", "user_id", "name", "value"]


def build(**changed: str) -> GradeValue:
    return GradeValue(**{"course_id": "c1", "user_id": "u1", "name": "Exam", "value": "B"} | changed)


def test_body_is_what_the_service_takes():
    assert grade().body() == {"courseId": "c1", "userId": "u1", "name": "Exam", "value": "B"}


def test_cannot_be_changed_once_it_is_valid():
    with pytest.raises(dataclasses.FrozenInstanceError):
        grade().value = ""  # type: ignore[misc]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["x", "x" * 333, "æøå", "e\u0301", "🎓", " ", "A:B=C", "\ufffd"])
def test_takes_any_text_up_to_the_limit(field: str, text: str):
    assert getattr(build(**{field: text}), field) == text


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        ("", Fault.EMPTY, {}),
        ("x" * 334, Fault.TOO_LONG, {"length": 334, "max": 333}),
        ("a\0b", Fault.NOT_SENDABLE, {}),
        ("a\ud800b", Fault.NOT_SENDABLE, {}),
        ("\udfff", Fault.NOT_SENDABLE, {}),
    ],
)
def test_refuses_what_learn_would_not_take_and_names_the_field(
    field: str, text: str, code: str, params: dict[str, int]
):
    with pytest.raises(InvalidItem) as refused:
        build(**{field: text})
    assert refused.value.field == field
    assert (refused.value.code, refused.value.params) == (code, {"field": field, **params})
