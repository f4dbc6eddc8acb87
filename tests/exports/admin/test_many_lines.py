"""A flow's mapping and a translation's table of 1,000 lines are opened and saved on their page."""

from django.urls import reverse

from courses.models import GradeColumn
from exports.models import ColumnMapping, TranslatedGrade
from tests.exports.admin.test_flow_page import form_of, page_of
from tests.factories import CourseFactory, FlowFactory, TranslationFactory

LINES = 1_000


def test_a_table_of_a_thousand_lines_is_saved(administrator):
    translation = TranslationFactory(name="Points", marks="TABLE")
    TranslatedGrade.objects.bulk_create(
        TranslatedGrade(translation=translation, given=str(number), value=str(number)) for number in range(LINES)
    )
    rows = list(translation.grades.order_by("pk"))
    given = ["1", "0", *map(str, range(2, LINES))]  # the first two lines change places
    form = {"name": "Points", "marks": "TABLE", "divisor": "1", "decimals": "", "rounding": "NONE"}
    form |= {"grades-TOTAL_FORMS": LINES, "grades-INITIAL_FORMS": LINES}
    for place, (row, text) in enumerate(zip(rows, given, strict=True)):
        line = {"id": row.pk, "translation": translation.pk, "kind": "MARK", "given": text, "value": row.value}
        form |= {f"grades-{place}-{name}": value for name, value in line.items()}
    address = reverse("admin:exports_translation_change", args=[translation.pk])

    assert administrator.post(address, form).status_code == 302

    assert list(translation.grades.order_by("pk").values_list("given", flat=True)) == given


def test_a_flow_with_a_thousand_mappings_is_saved(administrator):
    flow, course = FlowFactory(), CourseFactory()
    columns = GradeColumn.objects.bulk_create(GradeColumn(course=course, name=f"C{number}") for number in range(LINES))
    ColumnMapping.objects.bulk_create(
        ColumnMapping(flow=flow, source_code=f"{number:04}", grade_column=column)
        for number, column in enumerate(columns)
    )
    form = form_of(flow) | {"column_mappings-0-source_code": "0001", "column_mappings-1-source_code": "0000"}

    assert administrator.post(page_of(flow), form).status_code == 302

    codes = list(flow.column_mappings.order_by("pk").values_list("source_code", flat=True))
    assert codes[:3] == ["0001", "0000", "0002"]
    assert administrator.post(page_of(flow), form_of(flow, title="New")).status_code == 302


def test_a_thousand_lines_that_are_there_twice_are_named_in_reasonable_time(administrator):
    form = {"name": "P", "marks": "TABLE", "divisor": "1", "decimals": "", "rounding": "NONE"}
    form |= {"grades-TOTAL_FORMS": LINES, "grades-INITIAL_FORMS": 0}
    for place in range(LINES):
        form |= {f"grades-{place}-kind": "MARK", f"grades-{place}-given": "same", f"grades-{place}-value": "A"}

    page = administrator.post(reverse("admin:exports_translation_add"), form)

    assert "There is more than one line for mark same." in page.content.decode()
