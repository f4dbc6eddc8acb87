"""Learn's side of the admin."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses.models import Course, GradeColumn, GradeSchema
from tests.factories import ColumnMappingFactory, CourseFactory, FlowFactory, GradeColumnFactory, GradeSchemaFactory
from tests.signed_in import signed_in, text_of

MODELS = {"course": CourseFactory, "gradecolumn": GradeColumnFactory, "gradeschema": GradeSchemaFactory}


def url(model: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:courses_{model}_{page}", args=args)


@pytest.fixture
def manager(db: None) -> Client:
    return signed_in(manager=True)


@pytest.fixture
def administrator(db: None) -> Client:
    return signed_in(administrator=True)


@pytest.mark.parametrize("model", MODELS)
def test_a_manager_looks_up_and_changes_nothing(model: str, manager: Client) -> None:
    row = MODELS[model]()
    assert manager.get(url(model)).status_code == 200
    assert manager.get(url(model, "change", row.pk)).status_code == 200
    for page in (url(model, "change", row.pk), url(model, "delete", row.pk), url(model, "add")):
        assert manager.post(page, {"post": "yes"}).status_code == 403


def test_an_administrator_keeps_courses_columns_and_schemas(administrator: Client) -> None:
    administrator.post(url("course", "add"), {"course_id": "BIO101", "title": "Biology", "experience": "ULTRA"})
    administrator.post(url("gradeschema", "add"), {"title": "Pass", "symbols": "P=50:F=0"})
    course, schema = Course.objects.get(), GradeSchema.objects.get()
    form = {"course": course.pk, "name": "Exam", "item_type": "TEST", "points": "20", "grade_schema": schema.pk}
    administrator.post(url("gradecolumn", "add"), form)
    assert str(GradeColumn.objects.get()) == "BIO101 · Exam"
    administrator.post(url("course", "delete", CourseFactory().pk), {"post": "yes"})
    assert Course.objects.get() == course


@pytest.mark.parametrize("term", ["Exam", "BIO101", "Biology"])
def test_a_column_is_found_by_its_name_and_its_course(term: str, manager: Client) -> None:
    wanted = GradeColumnFactory(name="Exam", course=CourseFactory(course_id="BIO101", title="Biology"))
    GradeColumnFactory(name="Other")
    found = manager.get(url("gradecolumn"), {"q": term}).context["cl"].result_list
    assert list(found) == [wanted]


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("course", {"experience__exact": "ORIGINAL"}),
        ("gradecolumn", {"course__experience__exact": "ORIGINAL"}),
        ("gradecolumn", {"item_type__exact": "WIKI"}),
    ],
)
def test_experience_and_item_type_filter(model: str, query: dict[str, str], manager: Client) -> None:
    wanted = GradeColumnFactory(item_type="WIKI", course__experience="ORIGINAL")
    GradeColumnFactory()
    found = manager.get(url(model), query).context["cl"].result_list
    assert list(found) == [wanted.course if model == "course" else wanted]


def test_the_choice_of_a_column_for_a_flow_shows_its_course(administrator: Client) -> None:
    GradeColumnFactory.create_batch(3)
    wanted = GradeColumnFactory(name="Exam", course__course_id="BIO101")
    query = {"app_label": "exports", "model_name": "columnmapping", "field_name": "grade_column", "term": "bio101"}
    with CaptureQueriesContext(connection) as queries:
        answer = json.loads(administrator.get(reverse("admin:autocomplete"), query).content)
    assert answer["results"] == [{"id": str(wanted.pk), "text": "BIO101 · Exam"}]
    assert not any('FROM "courses_course"' in query["sql"] for query in queries)


@pytest.mark.parametrize("by_action", [False, True])
def test_what_grades_go_to_is_not_deleted_and_the_page_says_why(by_action: bool, administrator: Client) -> None:
    mapping = ColumnMappingFactory(flow=FlowFactory(flow_id="77"))
    for model, row in (("gradecolumn", mapping.grade_column), ("course", mapping.grade_column.course)):
        form: dict[str, Any] = {"post": "yes"}
        if by_action:
            form |= {"action": "delete_selected", "_selected_action": [row.pk]}
        page = text_of(administrator.post(url(model) if by_action else url(model, "delete", row.pk), form))
        assert "Nothing has been deleted: grades still go here." in page
    assert GradeColumn.objects.exists()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_statements_however_long_it_is(model: str, manager: Client) -> None:
    counts = []
    for number in (1, 20):
        GradeColumnFactory.create_batch(number, grade_schema=GradeSchemaFactory())
        GradeSchemaFactory.create_batch(number)
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(url(model)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
