"""*Why?* on the page of a participant."""

import pytest
from django.urls import reverse

from courses.models import ServiceCall
from tests.conftest import COLUMN, COURSE
from tests.factories import ParticipantFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in


def url(person, page="why"):
    return reverse(f"admin:exports_participant_{page}", args=[person.pk])


@pytest.fixture
def person(learn, flow):
    learn.world.replace({"courses": {COURSE: {"users": ["u2"], "columns": {COLUMN: {"points": 100.0}}}}})
    return ParticipantFactory(flow=flow, user_id="u1", failed=True, mark="75", first_name="Ada", last_name="Berg")


@pytest.mark.parametrize("people", [{"manager": True}, {"administrator": True}])
def test_the_first_thing_that_is_wrong_is_explained(person, people):
    client = signed_in(**people)
    assert url(person) in client.get(url(person, "change")).content.decode()

    page = client.get(url(person))

    rows = {row["Step"]: row for row in rows_of(page)}
    assert rows["Course"]["Looked for"] == COURSE
    assert rows["Column"]["Looked for"] == COLUMN
    assert rows["Enrolment"]["Looked for"] == "u1"
    assert rows["Enrolment"]["Result"] == "Wrong"
    assert "Enrol the student in Learn" in rows["Enrolment"]["What was found, and what to do"]
    assert "Not asked: Enrolment active, Grade schema, What Learn shows now" in words_of(page)
    assert "in 3 calls" in words_of(page)


def test_it_reads_alone(person, manager, learn):
    before = learn.world.as_json()

    manager.get(url(person))

    assert learn.world.as_json() == before
    assert manager.post(url(person)).status_code == 405
    assert {call.service for call in ServiceCall.objects.all()} <= {"course", "columns", "member", "token"}


def test_only_administrators_are_led_to_adopting(person, learn, manager, administrator):
    learn.world.replace({"courses": {COURSE: {"users": ["u1"], "columns": {COLUMN: {"points": 10.0}}}}})
    column = person.flow.column_mappings.get().grade_column
    adopt = reverse("admin:courses_gradecolumn_adopt", args=[column.pk])

    assert adopt in administrator.get(url(person)).content.decode()
    assert adopt not in manager.get(url(person)).content.decode()


def test_without_the_permission_learn_is_not_asked(person):
    assert signed_in().get(url(person)).status_code == 403
    assert not ServiceCall.objects.exists()
