"""Blanks and characters that no one sees, typed or pasted into the forms of the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema
from exports.models import ApiClient, ColumnMapping, Correction, Flow, RequestProfile, TranslatedGrade, Translation
from tests.factories import CourseFactory, GradeColumnFactory, ParticipantFactory
from tests.signed_in import text_of
from tests.spellings import INVISIBLE, blanks, code

Form = dict[str, Any]


def inline(prefix: str, *rows: Form) -> Form:
    form: Form = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
    return form | {f"{prefix}-{place}-{name}": text for place, row in enumerate(rows) for name, text in row.items()}


def course(text: str) -> Form:
    return {"course_id": text, "title": text, "experience": "ULTRA"}


def grade_column(text: str) -> Form:
    course = CourseFactory()
    return {"course": course.pk, "name": text, "item_type": "MANUAL_COLUMN", "points": "100", "content_area_name": text}


def grade_schema(text: str) -> Form:
    return {"title": text, "symbols": text, "optional_data": f"key={text}"}


def enrolment_metadata(text: str) -> Form:
    return {"course": CourseFactory().pk, "user_id": text, "optional_data": f"key={text}"}


def flow(text: str) -> Form:
    row = {"source_code": text, "grade_column": GradeColumnFactory().pk}
    return {"flow_id": text, "title": text} | inline("column_mappings", row)


def translation(text: str) -> Form:
    row = {"kind": "MARK", "given": text, "value": text}
    return {"name": text, "marks": "TABLE", "divisor": "1", "rounding": "NONE"} | inline("grades", row)


def api_client(text: str) -> Form:
    return {"name": text, "is_active": "on", "may_export": "on", "allowed_networks": "[]"}


def request_profile(text: str) -> Form:
    return {
        "name": text,
        "participants": "participants",
        "user_id": "userId",
        "learn_user_rule": "SUFFIX",
        "learn_user_text": text,
    }


# What a form adds, and where its texts end up.
FORMS: list[tuple[str, Callable[[str], Form], list[tuple[type[Model], str]]]] = [
    ("courses_course", course, [(Course, "course_id"), (Course, "title")]),
    ("courses_gradecolumn", grade_column, [(GradeColumn, "name"), (GradeColumn, "content_area_name")]),
    ("courses_gradeschema", grade_schema, [(GradeSchema, "title"), (GradeSchema, "symbols")]),
    ("courses_enrolmentmetadata", enrolment_metadata, [(EnrolmentMetadata, "user_id")]),
    ("exports_flow", flow, [(Flow, "flow_id"), (Flow, "title"), (ColumnMapping, "source_code")]),
    (
        "exports_translation",
        translation,
        [(Translation, "name"), (TranslatedGrade, "given"), (TranslatedGrade, "value")],
    ),
    ("exports_apiclient", api_client, [(ApiClient, "name")]),
    ("exports_requestprofile", request_profile, [(RequestProfile, "name"), (RequestProfile, "learn_user_text")]),
]
forms = pytest.mark.parametrize(("name", "form", "places"), FORMS, ids=[name for name, *_ in FORMS])


@forms
def test_blanks_at_both_ends_are_cut(
    name: str, form: Callable[[str], Form], places: list[tuple[type[Model], str]], superuser: Client
) -> None:
    superuser.post(reverse(f"admin:{name}_add"), form("\u3000 Ab\u00a0\t"))
    for model, field in places:
        assert "Ab" in model._default_manager.values_list(field, flat=True), (model, field)


@forms
def test_a_character_that_nobody_sees_is_refused_at_its_field(
    name: str, form: Callable[[str], Form], places: list[tuple[type[Model], str]], superuser: Client
) -> None:
    before = [model._default_manager.count() for model, _field in places]
    for character in [*INVISIBLE, "\u0001"]:
        page = text_of(superuser.post(reverse(f"admin:{name}_add"), form(f"A{character}b")))
        kind = "control" if character == "\u0001" else "invisible"
        assert page.count(f"It contains the {kind} character {code(character)}.") >= len(places)
    if name != "courses_gradecolumn":  # its form has made a course, which has no column
        assert [model._default_manager.count() for model, _field in places] == before


def test_instructions_hold_line_breaks_and_nothing_else_that_nobody_sees(administrator: Client) -> None:
    address = reverse("admin:courses_gradecolumn_add")
    administrator.post(address, grade_column("Exam") | {"instructions": "\r\n1.\tRead\r\n2.\tWrite \r\n"})
    assert GradeColumn.objects.get().instructions == "1.\tRead\r\n2.\tWrite"
    page = text_of(administrator.post(address, grade_column("Other") | {"instructions": "Read\u202e"}))
    assert "It contains the invisible character U+202E." in page


@blanks
def test_blanks_around_the_mark_of_a_correction_are_cut(blank: str, manager: Client) -> None:
    person = ParticipantFactory(exported=True)
    form = {"mark": f"{blank}A{blank}", "reason": f"{blank}Added\r\n\tup wrongly{blank}"}
    manager.post(reverse("admin:exports_participant_ask_correction", args=[person.pk]), form)
    correction = Correction.objects.get()
    assert (correction.mark, correction.reason) == ("A", "Added\r\n\tup wrongly")


@pytest.mark.parametrize("character", INVISIBLE, ids=code)
def test_a_correction_with_a_character_that_nobody_sees_is_refused(character: str, manager: Client) -> None:
    page = reverse("admin:exports_participant_ask_correction", args=[ParticipantFactory(exported=True).pk])
    says = f"contains the invisible character {code(character)}."
    assert f"The new mark {says}" in text_of(manager.post(page, {"mark": f"A{character}", "reason": "Wrong"}))
    assert f"The reason {says}" in text_of(manager.post(page, {"mark": "A", "reason": f"Wrong{character}"}))
    assert f"The new mark {says}" in text_of(manager.get(page, {"mark": f"A{character}"}))
    assert not Correction.objects.exists()
