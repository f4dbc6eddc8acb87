"""What is saved, and yet worth a second look: the page says so."""

import pytest
from django.urls import reverse
from django.utils import timezone

from exports.models import Flow
from tests.courses.admin.test_provisioning import column_form
from tests.exports.admin.test_flow_page import form_of, page_of
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    TranslationFactory,
)
from tests.signed_in import messages_of, text_of

ALIKE = "only in capitals"


def dates(synchronised, ends):
    return {
        name: value
        for field, text in (("synchronised_at", synchronised), ("assessment_ends_at", ends))
        for name, value in zip((f"{field}_0", f"{field}_1"), [*text.split(), "", ""], strict=False)
    }


@pytest.mark.parametrize(
    ("synchronised", "ends", "says"),
    [
        ("2026-05-03 09:00:00", "2026-05-03 09:00:00", ""),
        ("2026-05-03 09:00:00", "2026-06-03 09:00:00", ""),
        ("2026-05-03 09:00:00", "", ""),
        ("", "2001-05-03 09:00:00", ""),
        ("2026-05-03 09:00:00", "2001-05-03 09:00:00", "The assessment ends (3 May 2001, 09:00) before the flow is"),
    ],
)
def test_dates_in_an_odd_order_are_saved_and_pointed_out(administrator, synchronised, ends, says):
    flow = ColumnMappingFactory(flow__synchronised_at=None).flow
    answer = administrator.post(page_of(flow), form_of(flow, **dates(synchronised, ends)))
    assert answer.status_code == 302
    found = [message for message in messages_of(answer) if "Check that both dates are right" in message]
    assert (says in found[0]) if says else not found


def test_a_synchronisation_far_ahead_is_refused_at_its_field(administrator):
    flow = ColumnMappingFactory(flow__synchronised_at=None).flow
    year = timezone.now().year + 3
    answer = administrator.post(page_of(flow), form_of(flow, **dates(f"{year}-01-01 09:00:00", "")))
    assert "is more than a year ahead" in text_of(answer)
    assert Flow.objects.get().synchronised_at is None


@pytest.mark.parametrize(("course_id", "is_alike"), [("bio101", True), ("BIO102", False), ("Bio101", True)])
def test_a_course_that_differs_from_another_in_capitals_alone_is_pointed_out(administrator, course_id, is_alike):
    CourseFactory(course_id="BIO101")
    form = {"course_id": course_id, "title": "", "experience": "ULTRA"}
    added = administrator.post(reverse("admin:courses_course_add"), form)
    assert any(ALIKE in message for message in messages_of(added)) is is_alike


@pytest.mark.parametrize(
    ("name", "elsewhere", "is_alike"),
    [
        ("written exam", False, True),
        ("WRITTEN EXAM", False, True),
        ("Oral", False, False),
        ("written exam", True, False),
    ],
)
def test_a_column_that_differs_from_another_of_its_course_in_capitals_alone_is_pointed_out(
    administrator, name, elsewhere, is_alike
):
    course = CourseFactory()
    GradeColumnFactory(course=course, name="Written exam")
    place = CourseFactory() if elsewhere else course
    form = {"course": place.pk, "name": name, "item_type": "MANUAL_COLUMN", "points": "100"}
    answer = administrator.post(reverse("admin:courses_gradecolumn_add"), form)
    assert answer.status_code == 302
    assert any(ALIKE in message for message in messages_of(answer)) is is_alike


class TestAValueThatTheColumnCannotShow:
    @pytest.fixture
    def translation(self):
        return TranslationFactory(name="Letters", table={"12": "A", "13": "Z"}, alternatives={"U": "B"})

    @pytest.fixture
    def schema(self):
        return GradeSchemaFactory(symbols="A=50:B=0")

    def test_is_pointed_out_once_the_flow_is_mapped(self, administrator, translation, schema):
        mapping = ColumnMappingFactory(grade_column__grade_schema=schema)
        fits = administrator.post(page_of(mapping.flow), form_of(mapping.flow, title="Another"))
        assert not self.warnings(fits)

        chosen = {"column_mappings-0-translation": translation.pk}
        answer = administrator.post(page_of(mapping.flow), form_of(mapping.flow, **chosen))

        assert answer.status_code == 302
        assert "for 13," in self.warnings(answer)[0]
        mapping.refresh_from_db()
        assert mapping.translation == translation

    def test_is_pointed_out_once_the_column_has_another_schema(self, administrator, translation, schema):
        column = ColumnMappingFactory(translation=translation).grade_column
        ColumnMappingFactory(translation=translation, grade_column=column)
        page = reverse("admin:courses_gradecolumn_change", args=[column.pk])

        answer = administrator.post(page, column_form(column, grade_schema=schema.pk))

        assert answer.status_code == 302
        assert len(self.warnings(answer)) == 1
        administrator.get(page)  # shows them
        assert not self.warnings(administrator.post(page, column_form(column, grade_schema=schema.pk)))

    def warnings(self, answer):
        return [message for message in messages_of(answer) if "cannot show some values" in message]
