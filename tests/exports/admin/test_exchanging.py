"""Lines of a page that take each other's key are saved."""

from itertools import permutations

import pytest
from django.urls import reverse

from exports.models import ColumnMapping, Translation
from tests.exports.admin.test_flow_page import form_of, page_of
from tests.factories import ColumnMappingFactory, FlowFactory


@pytest.mark.parametrize("order", list(permutations(["A", "B", ""])) + list(permutations(["A", "B", "C"])))
def test_source_codes_of_a_flow_change_places(order, administrator):
    flow = FlowFactory()
    first, second, third = (ColumnMappingFactory(flow=flow, source_code=code) for code in ("", "A", "B"))
    form = form_of(flow)
    for place, code in enumerate(order):
        form[f"column_mappings-{place}-source_code"] = code

    assert administrator.post(page_of(flow), form).status_code == 302

    found = [ColumnMapping.objects.get(pk=row.pk).source_code for row in (first, second, third)]
    assert found == list(order)


def test_a_source_code_moves_to_another_line_while_its_own_is_removed(administrator):
    flow = FlowFactory()
    kept, _removed = (ColumnMappingFactory(flow=flow, source_code=code) for code in ("A", "B"))
    form = form_of(flow) | {"column_mappings-0-source_code": "B", "column_mappings-1-DELETE": "on"}

    assert administrator.post(page_of(flow), form).status_code == 302

    assert list(ColumnMapping.objects.values_list("pk", "source_code")) == [(kept.pk, "B")]


@pytest.mark.parametrize(
    "lines",
    [
        [("MARK", "2"), ("MARK", "1"), ("ALTERNATIVE_GRADE", "1")],
        [("ALTERNATIVE_GRADE", "1"), ("MARK", "2"), ("MARK", "1")],
        [("MARK", "2"), ("ALTERNATIVE_GRADE", "1"), ("MARK", "1")],
        [("MARK", "1"), ("ALTERNATIVE_GRADE", "1"), ("MARK", "2")],
    ],
)
def test_lines_of_a_translation_change_places(lines, administrator):
    translation = Translation.objects.create(name="Letters", marks="TABLE")
    before = [("MARK", "1"), ("MARK", "2"), ("ALTERNATIVE_GRADE", "1")]
    rows = [translation.grades.create(kind=kind, given=given, value="A") for kind, given in before]
    form = {"name": "Letters", "marks": "TABLE", "divisor": "1", "decimals": "", "rounding": "NONE"}
    form |= {"grades-TOTAL_FORMS": "3", "grades-INITIAL_FORMS": "3"}
    for place, (row, (kind, given)) in enumerate(zip(rows, lines, strict=True)):
        line = {"id": row.pk, "translation": translation.pk, "kind": kind, "given": given, "value": "A"}
        form |= {f"grades-{place}-{name}": value for name, value in line.items()}
    address = reverse("admin:exports_translation_change", args=[translation.pk])

    assert administrator.post(address, form).status_code == 302

    assert [translation.grades.values_list("kind", "given").get(pk=row.pk) for row in rows] == lines
