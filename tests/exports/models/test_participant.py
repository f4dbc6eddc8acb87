"""Whose grade a new one replaces in Learn."""

import pytest

from exports.models import Participant
from tests.factories import ParticipantFactory

pytestmark = pytest.mark.django_db

PLACE = {"exported_course_id": "BIO", "exported_column_name": "Exam", "exported_learn_user_id": "anna"}


def delivered(person, value):
    return (person.pk, PLACE["exported_course_id"], PLACE["exported_learn_user_id"], "Exam", value)


def test_everybody_whose_grade_stood_at_that_place_is_marked():
    earlier = ParticipantFactory(exported=True, **PLACE)
    person = ParticipantFactory(exported=True)

    Participant.objects.mark_replaced([delivered(person, "C")])

    earlier.refresh_from_db()
    assert (earlier.state, earlier.cause, earlier.detail, earlier.changed_since_export) == (
        *("EXPORTED", "REPLACED", "C"),
        True,
    )


@pytest.mark.parametrize(
    "elsewhere",
    [{"exported_course_id": "CHEM"}, {"exported_column_name": "Essay"}, {"exported_learn_user_id": "bert"}],
)
def test_a_grade_at_another_place_stays(elsewhere):
    other = ParticipantFactory(exported=True, **{**PLACE, **elsewhere})

    Participant.objects.mark_replaced([delivered(ParticipantFactory(exported=True), "C")])

    other.refresh_from_db()
    assert other.cause == ""


def test_the_same_value_and_ones_own_earlier_value_are_no_replacement():
    same, own = ParticipantFactory(exported=True, **PLACE), ParticipantFactory(exported=True, **PLACE)

    Participant.objects.mark_replaced([delivered(own, "B")])

    for person in (same, own):
        person.refresh_from_db()
        assert person.cause == ""
