"""A flow's line that is there twice, and the column of a course with a long id."""

import pytest
from django.urls import reverse

from tests.exports.admin.test_flow_page import form_of, page_of
from tests.factories import ColumnMappingFactory, CourseFactory, FlowFactory, GradeColumnFactory
from tests.signed_in import text_of


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("", "This flow already has a line without a source."), ("A", "This flow already has a line for source A.")],
)
def test_a_line_that_is_there_twice_says_which(code, sentence, administrator):
    flow = FlowFactory()
    there = ColumnMappingFactory(flow=flow, source_code=code)
    form = form_of(flow, {"source_code": code, "grade_column": there.grade_column_id})

    page = administrator.post(page_of(flow), form)

    assert sentence in text_of(page)
    errors = page.context["inline_admin_formsets"][0].formset.errors
    assert errors[0] == {}
    assert "Another line above has the same source." in errors[1]["__all__"][0]


@pytest.mark.parametrize("length", [256, 257, 258, 270, 280, 290, 300, 310, 320, 333])
def test_the_column_of_a_course_with_a_long_id_can_be_changed(length, administrator):
    column = GradeColumnFactory(course=CourseFactory(course_id="x" * length))
    form = {"course": column.course.pk, "name": "Exam", "item_type": column.item_type, "points": "50"}
    address = reverse("admin:courses_gradecolumn_change", args=[column.pk])

    assert administrator.post(address, form).status_code == 302
    column.refresh_from_db()
    assert (column.name, column.points) == ("Exam", 50)
    assert ("course" in column.problems()) is (length > 256)
