"""The page that takes over points and schema of a column as Learn has it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from courses.models import GradeColumn, GradeSchema, ServiceCall
from tests.conftest import COLUMN, COURSE
from tests.factories import (
    GradeInLearnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    ProvisioningStepFactory,
)
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of

LETTERS = "A=80:B=50:F=0"


def url(column):
    return reverse("admin:courses_gradecolumn_adopt", args=[column.pk])


def offer_on(page):
    return re.search(r'name="offer" value="([^"]+)"', page.content.decode())[1]


def in_learn(learn, column=None, *, symbols=LETTERS, **course):
    given = {"points": 50.0, "schema": "Letters", **(column or {})}
    columns = {COLUMN: given}
    learn.world.replace(
        {
            "schemas": {"Letters": {"symbols": symbols}},
            "courses": {COURSE: {"users": ["u1"], "columns": columns, **course}, "BIO-ALL": {"columns": columns}},
        }
    )


@pytest.fixture
def column(learn, flow):
    in_learn(learn)
    GradeColumn.objects.update(status="NOT_PROVISIONED", provisioned_at=None)
    return GradeColumn.objects.get()


def test_what_changes_is_shown_first_and_nothing_is_changed(column, administrator):
    page = administrator.get(url(column))

    assert rows_of(page) == [
        {"What": "Points", "Here": "100", "In Learn": "50", "Result": "Changes"},
        {"What": "Grade schema", "Here": "none: a number is shown", "In Learn": "Letters", "Result": "Changes"},
        {"What": "Symbols of this schema", "Here": "not known", "In Learn": LETTERS, "Result": "Changes"},
        {"What": "Status", "Here": "Not provisioned", "In Learn": "In Learn", "Result": "Changes"},
    ]
    assert "Grade schema Letters is not known here yet" in words_of(page)
    column.refresh_from_db()
    assert (column.points, column.grade_schema, GradeSchema.objects.count()) == (100, None, 0)
    assert ServiceCall.objects.exclude(service="token").count() == 3


def test_what_was_shown_is_adopted(column, administrator):
    offer = offer_on(administrator.get(url(column)))

    response = administrator.post(url(column), {"offer": offer})

    assert response.status_code == 302
    column.refresh_from_db()
    schema = GradeSchema.objects.get()
    assert (column.points, column.grade_schema, column.status) == (50, schema, "PROVISIONED")
    assert (schema.title, schema.symbols, schema.status) == ("Letters", LETTERS, "PROVISIONED")
    assert column.history.first().history_user == response.wsgi_request.user
    assert rows_of(administrator.get(url(column)))[0]["Result"] == "Stays"


def test_a_schema_that_is_known_by_its_title_is_used(column, administrator):
    schema = GradeSchemaFactory(title="Letters", symbols="")

    administrator.post(url(column), {"offer": offer_on(administrator.get(url(column)))})

    column.refresh_from_db()
    schema.refresh_from_db()
    assert (column.grade_schema, schema.symbols) == (schema, LETTERS)


def test_symbols_that_are_entered_here_are_not_replaced(column, administrator):
    schema = GradeSchemaFactory(title="Letters", symbols="A=90:F=0")

    page = administrator.get(url(column))
    administrator.post(url(column), {"offer": offer_on(page)})

    assert "has other symbols here" in words_of(page)
    schema.refresh_from_db()
    assert schema.symbols == "A=90:F=0"


@pytest.mark.parametrize(
    ("there", "title"), [({"points": 20.0, "schema": None}, None), ({"points": None, "schema": None}, "Text")]
)
def test_numbers_need_no_schema_and_text_takes_anything(column, learn, administrator, there, title):
    column.grade_schema = GradeSchemaFactory(title="Letters")
    column.save()
    in_learn(learn, there)

    administrator.post(url(column), {"offer": offer_on(administrator.get(url(column)))})

    column.refresh_from_db()
    assert (column.grade_schema and column.grade_schema.title) == title
    assert column.points == (there["points"] or 100)


def test_symbols_without_a_bound_are_written_without_one(column, learn, administrator):
    in_learn(learn, symbols="P=50:F=0:U")

    administrator.post(url(column), {"offer": offer_on(administrator.get(url(column)))})

    assert GradeSchema.objects.get().symbols == "P=50:F=0:U"


def test_what_it_means_for_delivered_grades_is_said(column, flow, administrator):
    GradeInLearnFactory(participant=ParticipantFactory(flow=flow, user_id="u1"), value="75")

    page = administrator.get(url(column))
    response = administrator.post(url(column), {"offer": offer_on(page)})

    assert "was sent with the previous points and grade schema" in words_of(page)
    assert "Make the same change in Learn" not in words_of(page)
    assert any("With these, '75' would be refused" in message for message in messages_of(response))


def test_a_column_that_was_changed_meanwhile_is_shown_again(column, administrator):
    offer = offer_on(administrator.get(url(column)))
    GradeColumn.objects.update(points=30)

    response = administrator.post(url(column), {"offer": offer})

    assert response.status_code == 422
    assert "has been changed here since" in words_of(response)
    column.refresh_from_db()
    assert (column.points, column.grade_schema) == (30, None)


def test_what_is_being_sent_to_learn_is_not_changed(column, administrator):
    offer = offer_on(administrator.get(url(column)))
    step = ProvisioningStepFactory(column=column)

    response = administrator.post(url(column), {"offer": offer})

    assert f"in run {step.run_id}" in words_of(response)
    assert GradeColumn.objects.get().points == 100


@pytest.mark.parametrize("offer", ["", "x", "{}", "eyJjb2x1bW4iOjF9:1abcde:xyz"])
def test_an_offer_that_was_not_made_is_refused(column, administrator, offer):
    assert administrator.post(url(column), {"offer": offer}).status_code == 422
    assert GradeColumn.objects.get().points == 100


def test_an_offer_ends_after_an_hour(column, administrator, settings):
    settings.SESSION_IDLE_MINUTES = 120
    offer = offer_on(administrator.get(url(column)))

    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        response = administrator.post(url(column), {"offer": offer})

    assert response.status_code == 422
    assert "more than an hour old" in words_of(response)
    assert GradeColumn.objects.get().points == 100


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        ({"itemType": "TOTAL_COLUMN"}, "Learn calculates this column"),
        ({"copies": [{"points": 1.0}]}, "several columns named"),
    ],
)
def test_a_column_that_takes_no_grades_is_not_adopted(column, learn, administrator, there, sentence):
    in_learn(learn, there)

    page = administrator.get(url(column))

    assert sentence in words_of(page)
    assert 'name="offer"' not in page.content.decode()


def test_a_merged_course_is_not_adopted(column, learn, administrator):
    in_learn(learn, parent="BIO-ALL")

    assert "is merged into another one" in words_of(administrator.get(url(column)))


@pytest.mark.parametrize("fault", ["maintenance", "wrong_types", "wrong_shape", "quota_long", "endless_pages"])
def test_where_learn_cannot_be_read_that_is_said(column, learn, administrator, fault):
    learn.faults.add(fault, times=None)

    page = administrator.get(url(column))

    assert page.status_code == 422
    assert 'name="offer"' not in page.content.decode()


def test_managers_do_not_adopt(column, manager):
    assert manager.get(url(column)).status_code == 403
    assert manager.post(url(column), {"offer": "x"}).status_code == 403
    assert not ServiceCall.objects.exists()
    assert (
        url(column) not in manager.get(reverse("admin:courses_gradecolumn_change", args=[column.pk])).content.decode()
    )


def test_the_page_of_a_column_leads_to_it(column, administrator):
    page = administrator.get(reverse("admin:courses_gradecolumn_change", args=[column.pk]))

    assert url(column) in page.content.decode()
