"""Mangled addresses of the admin: an answer, and never a failure."""

import pytest
from django.contrib import admin
from django.urls import reverse

from exports.models import Translation
from tests.factories import FlowFactory, GradeColumnFactory, ParticipantFactory
from tests.signed_in import signed_in

LISTS = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)
LARGE = "99999999999999999999"
ODD = [
    *(f"flow__exact={LARGE}", f"participant__exact={LARGE}", f"attempt__exact={LARGE}", f"course__exact={LARGE}"),
    *(f"attempts__exact={LARGE}", f"status__exact={LARGE}", f"run__exact=-{LARGE}", "flow__exact=abc", "flow__exact="),
    *("started_at__year=99999", "started_at__gte=x", "id__range=1", "id__in=", "pk=1", f"id={LARGE}", "id__exact=x"),
    *("user_id__regex=[", "title__range=1", "mark__regex=(a%2B)%2B$", "flow__title__regex=(", "name__iregex=["),
    *("line_count__gt=x", "nonsense=1", "state__exact=NONE", "state__in=a,b", "state__isnull=x", "is_active__exact=9"),
    *("p=abc", "p=-1", "p=99999", f"p={LARGE}", "o=..", "o=1.2.x", "o=-99", f"o={LARGE}", "_facets=1", "_facets"),
    *("_to_field=x", "_to_field=id", "_popup=1", "all=", "q=%22", "q=%27%20%5C", "whereabouts=x", "changed=x"),
    *("password__startswith=p", "e=1", "q=" + "+".join(["word"] * 1200)),
]
REFUSED = ["user_id__regex=[", "id__range=1", "started_at__year=99999", "line_count__gt=x", "id__in=", "pk=1"]


@pytest.fixture
def superuser(db):
    return signed_in(is_superuser=True)


@pytest.mark.parametrize("name", LISTS)
def test_no_odd_address_of_a_list_fails(name, superuser):
    ParticipantFactory(failed=True)
    for query in ODD:
        response = superuser.get(f"{reverse(f'admin:{name}_changelist')}?{query}")
        assert response.status_code in (200, 302, 400), (query, response.status_code)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_filtered_by_nothing_but_its_own_filters_and_links(name, superuser):
    for query in REFUSED:
        assert superuser.get(f"{reverse(f'admin:{name}_changelist')}?{query}").status_code == 400, query


@pytest.mark.parametrize("name", LISTS)
def test_odd_values_in_an_empty_form_are_left_out(name, superuser):
    for model in ("course", "grade_schema", "profile", "flow", "user_permissions", "groups", "nonsense"):
        for value in ("abc", LARGE, "", "1,x", "%C3%A6"):
            response = superuser.get(f"{reverse(f'admin:{name}_add')}?{model}={value}")
            assert response.status_code in (200, 403), (model, value)


@pytest.mark.parametrize("name", LISTS)
def test_rows_that_cannot_be_are_not_acted_upon(name, superuser):
    address = reverse(f"admin:{name}_changelist")
    for value in ("", "abc", LARGE, "-1", "1.5", "²"):
        for action in ("delete_selected", "retry_failed", "provision", "deal_with", "export_csv", ""):
            given = {"action": action, "_selected_action": value, "index": "0"}
            assert superuser.post(address, given).status_code in (200, 302, 403), (action, value)


@pytest.mark.parametrize(
    "query", ["", "column=abc", f"column={LARGE}", "column=", "grade=7&kind=X&column=-1", "kind=MARK"]
)
def test_a_preview_with_odd_values_is_a_page(query, superuser):
    translation = Translation.objects.create(name="Letters")
    address = reverse("admin:exports_translation_preview", args=[translation.pk])

    assert superuser.get(f"{address}?{query}").status_code == 200


def test_the_links_to_the_columns_of_a_course_and_a_schema_still_filter(superuser):
    column, _other = GradeColumnFactory(), GradeColumnFactory()
    address = reverse("admin:courses_gradecolumn_changelist")

    shown = superuser.get(f"{address}?course__exact={column.course.pk}").context["cl"].result_list
    assert list(shown) == [column]
    assert superuser.get(f"{address}?grade_schema__exact=1").status_code == 200


def test_a_flow_that_cannot_be_has_no_page(superuser):
    FlowFactory()
    for view in ("change", "delete", "history"):
        assert superuser.get(reverse(f"admin:exports_flow_{view}", args=[LARGE])).status_code in (302, 403, 404)
