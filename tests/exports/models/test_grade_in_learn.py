"""What the ledger says: one grade a place, and what of it is current, left behind or ended."""

import pytest
from django.db import IntegrityError, connection

from courses.models import GradeColumn
from exports.models import GradeInLearn, Participant
from tests.factories import LONG_AGO, DeliveryFactory, FlowFactory, GradeInLearnFactory, ParticipantFactory

pytestmark = pytest.mark.django_db

PLACE = {"course_id": "BIO", "column_name": "Exam", "learn_user_id": "anna"}


def test_a_place_has_one_grade_at_a_time():
    GradeInLearnFactory(overwritten=True, **PLACE)
    GradeInLearnFactory(**PLACE)

    name = "exports_gradeinlearn.course_id" if connection.vendor == "sqlite" else "grade_one_a_place"
    with pytest.raises(IntegrityError, match=name):
        GradeInLearnFactory(**PLACE)


@pytest.mark.parametrize("elsewhere", [{"course_id": "CHEM"}, {"column_name": "Essay"}, {"learn_user_id": "bert"}])
def test_a_person_has_one_at_each_of_their_places(elsewhere):
    grade = GradeInLearnFactory(**PLACE)
    GradeInLearnFactory(participant=grade.participant, **PLACE | elsewhere)

    assert len(grade.participant.in_learn) == 2


def test_what_is_current_left_behind_or_ended():
    current, left = GradeInLearnFactory(), GradeInLearnFactory(left_behind=True)
    GradeInLearnFactory(overwritten=True)

    assert set(GradeInLearn.objects.in_learn()) == {current, left}
    assert list(GradeInLearn.objects.current()) == [current]
    assert list(GradeInLearn.objects.left_behind()) == [left]


def test_what_is_in_a_column_includes_what_was_left_behind_or_is_in_doubt():
    person = ParticipantFactory()
    column = GradeColumn.objects.get()
    there = [GradeInLearnFactory(participant=person, learn_user_id="a", left_behind=True)]
    there.append(GradeInLearnFactory(participant=person, learn_user_id="b", doubtful=True))
    GradeInLearnFactory(participant=person, learn_user_id="c", overwritten=True)
    GradeInLearnFactory(participant=person, column_name="Another")

    assert set(GradeInLearn.objects.in_column(column)) == set(there)
    assert set(GradeInLearn.objects.in_columns([column])) == set(there)


@pytest.mark.parametrize(
    ("grades", "value"),
    [
        ([], ""),
        ([{}], "B"),
        ([{}, {"column_name": "Lab"}], "B"),
        ([{}, {"column_name": "Lab", "value": "C"}], ""),
        ([{"doubtful": True}], ""),
        ([{}, {"column_name": "Lab", "doubtful": True}], ""),
        ([{}, {"column_name": "Old", "value": "C", "left_behind": True}], "B"),
        ([{"value": "C", "left_behind": True}], "C"),
        ([{"overwritten": True}], ""),
        ([{"column_deleted": True}], ""),
    ],
)
def test_the_value_in_learn_is_the_one_that_is_certain(grades, value):
    person = ParticipantFactory(mark="B")
    for traits in grades:
        GradeInLearnFactory(participant=person, **traits)

    assert person.value_in_learn == value
    assert [found.value_in_learn for found in Participant.objects.with_grades()] == [value]


def test_what_a_person_has_is_listed_with_what_was_left_behind_last():
    person = ParticipantFactory()
    left = GradeInLearnFactory(participant=person, column_name="Old", left_behind=True)
    current = GradeInLearnFactory(participant=person)

    assert person.in_learn == [current, left]


def test_exported_is_when_the_latest_certain_grade_was_confirmed():
    person = ParticipantFactory()
    assert person.exported_at is None
    GradeInLearnFactory(participant=person, column_name="Lab", doubtful=True)
    assert person.exported_at is None
    GradeInLearnFactory(participant=person)
    assert person.exported_at == LONG_AGO


def test_it_knows_of_another_persons_call_to_its_place():
    grade = GradeInLearnFactory(**PLACE)
    DeliveryFactory(sending=True, participant=grade.participant, **PLACE)
    assert not GradeInLearn.objects.with_calls().get().is_called
    grade.participant.deliveries.all().delete()

    DeliveryFactory(sending=True, attempt__flow=FlowFactory(), **PLACE)

    assert GradeInLearn.objects.with_calls().get().is_called
