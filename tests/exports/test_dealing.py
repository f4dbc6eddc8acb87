"""Which grades in Learn can be marked as dealt with."""

import pytest

from exports import dealing
from exports.models import ExportState, GradeInLearn
from tests.factories import GradeInLearnFactory, ParticipantFactory, UserFactory

pytestmark = pytest.mark.django_db


def deal_with(*grades, by=None):
    return dealing.deal_with([grade.pk for grade in grades], by=by or UserFactory(manager=True))


@pytest.mark.parametrize("traits", [{}, {"doubtful": True}])
def test_what_was_left_behind_is_ended_with_who_and_when(traits):
    grade, somebody = GradeInLearnFactory(left_behind=True, **traits), UserFactory(manager=True)

    dealt = deal_with(grade, by=somebody)

    grade.refresh_from_db()
    assert (grade.ended_as, grade.dealt_with_by) == (GradeInLearn.Ending.DEALT_WITH, somebody)
    assert grade.until > grade.left_behind_at
    assert (dealt.marked, dealt.sentence()) == (1, "1 grade was marked as dealt with.")


def test_before_a_retry_has_sent_the_grade_to_the_right_place_the_wrong_one_stays_in_sight():
    """Else the person would go on saying that it is there."""
    grade = ParticipantFactory(misplaced=True, grade__left_behind=True).grades.get()

    dealt = deal_with(grade)

    assert (dealt.marked, dealt.in_place) == (0, 1)
    assert GradeInLearn.objects.left_behind().get() == grade


@pytest.mark.parametrize("trait", ["exported", "misplaced", "in_doubt"])
def test_what_was_not_left_behind_stays_and_is_said_so(trait):
    """Else another grade could be exported in its place, as if there had been none."""
    grade = ParticipantFactory(**{trait: True}).grades.get()

    dealt = deal_with(grade)

    grade.refresh_from_db()
    assert (grade.until, grade.ended_as, grade.dealt_with_by) == (None, "", None)
    assert dealt.sentence().startswith("No grade was marked. 1 grade was not marked, because it was not left behind:")


def test_what_has_ended_keeps_its_ending():
    grade = ParticipantFactory(replaced=True).grades.get()

    dealt = deal_with(grade)

    grade.refresh_from_db()
    assert grade.ended_as == GradeInLearn.Ending.OVERWRITTEN
    assert dealt.sentence() == (
        "No grade was marked. 1 grade was not marked, because it is no longer in Learn as far as is known."
    )


def test_of_a_mixed_choice_each_is_accounted_for():
    left = [GradeInLearnFactory(left_behind=True) for _ in range(2)]

    dealt = deal_with(*left, GradeInLearnFactory(), GradeInLearnFactory(overwritten=True))

    assert (dealt.marked, dealt.in_place, dealt.ended) == (2, 1, 1)
    assert dealt.sentence().startswith("2 grades were marked as dealt with. 1 grade was not marked")


def test_twice_is_once():
    grade, first = GradeInLearnFactory(left_behind=True), UserFactory(manager=True)
    deal_with(grade, by=first)

    assert deal_with(grade).marked == 0

    grade.refresh_from_db()
    assert grade.dealt_with_by == first


def test_the_person_stays_as_they_are():
    person = ParticipantFactory(exported=True)
    left = GradeInLearnFactory(participant=person, column_name="Old", value="C", left_behind=True)

    deal_with(left)

    person.refresh_from_db()
    assert (person.state, person.value_in_learn) == (ExportState.EXPORTED, "B")
    assert [grade.value for grade in person.in_learn] == ["B"]
