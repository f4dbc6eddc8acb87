"""Years on the pages of the admin, as imports take them."""

import pytest
from django.contrib import admin
from django.forms import DateField, DateTimeField, SplitDateTimeField
from django.test import RequestFactory
from django.urls import reverse

from common.history.pages import ConfigurationAdmin
from tests.exports.admin.test_flow_page import form_of, page_of
from tests.factories import FlowFactory, UserFactory
from tests.signed_in import text_of

ODD = ["0001-01-01", "0026-05-31", "0226-05-31", "1026-05-31", "1969-05-31", "1999-12-31", "2101-01-01", "2206-05-31"]
ODD += ["2926-05-31", "9999-12-31"]


@pytest.mark.parametrize("field", ["synchronised_at", "assessment_ends_at"])
@pytest.mark.parametrize("day", ODD)
def test_an_odd_year_on_the_flows_page_is_refused_as_in_an_import(field, day, administrator, settings):
    settings.TIME_ZONE = "Europe/Copenhagen"
    flow = FlowFactory()
    response = administrator.post(page_of(flow), form_of(flow, **{f"{field}_0": day}))

    assert response.status_code == 200
    if day != "0001-01-01":  # no zone has it
        assert f"&#x27;{day}&#x27; is not between the years 2000 and 2100." in text_of(response)


@pytest.mark.parametrize("day", ["2000-01-01", "2026-05-31", "2100-12-31"])
def test_the_years_of_an_import_are_saved(day, administrator):
    flow = FlowFactory()
    assert administrator.post(page_of(flow), form_of(flow, assessment_ends_at_0=day)).status_code == 302


def test_every_date_of_every_form_is_checked(db):
    request = RequestFactory().get("/")
    request.user = UserFactory(is_superuser=True)
    checked = 0
    for page in admin.site._registry.values():
        if not isinstance(page, ConfigurationAdmin):
            continue
        for name, field in page.get_form(request).base_fields.items():
            if isinstance(field, (DateField, DateTimeField, SplitDateTimeField)):
                assert any(each.__name__ == "refuse_odd_year" for each in field.validators if callable(each)), name
                checked += 1
    assert checked >= 5


def test_the_day_of_an_item_is_checked(administrator):
    page = administrator.post(reverse("admin:courses_gradecolumn_add"), {"due_date": "0026-05-31"})

    assert "&#x27;0026-05-31&#x27; is not between the years 2000 and 2100." in text_of(page)
