"""What finished deliveries mean for the ledger, and for the people whose grade was there before."""

import pytest
from django.db import transaction
from django.utils import timezone

from exports.delivering import recording
from exports.grades.causes import Cause
from exports.models import Delivery, ExportState, GradeInLearn
from tests.factories import DeliveryFactory, FlowFactory, GradeInLearnFactory, ParticipantFactory

pytestmark = pytest.mark.django_db

PLACE = {"course_id": "BIO", "column_name": "Exam", "learn_user_id": "anna"}
Ending = GradeInLearn.Ending


def with_grade(**grade):
    """A person with a B at the place, or elsewhere."""
    return ParticipantFactory(exported=True, **{f"grade__{name}": value for name, value in (PLACE | grade).items()})


def finish(person, value="C", state=Delivery.State.DELIVERED, *, alternative_grade="", **place):
    """A delivery to the place has just been finished; what follows from it."""
    cause = "" if state == Delivery.State.DELIVERED else Cause.UNCONFIRMED
    delivery = DeliveryFactory(
        attempt__flow=person.flow,
        participant=person,
        mark="" if alternative_grade else value,
        alternative_grade=alternative_grade,
        value=value,
        state=state,
        cause=cause,
        finished_at=timezone.now(),
        **PLACE | place,
    )
    [row] = Delivery.objects.filter(pk=delivery.pk).values_list(*recording.FINISHED_COLUMNS)
    with transaction.atomic():
        recording.follow([recording.Finished(*row)], delivery.finished_at)
    return delivery


def perhaps(person, value="C", **more):
    return finish(person, value, Delivery.State.UNCONFIRMED, **more)


def status(person):
    person.refresh_from_db()
    return person.state, person.cause, person.value_in_learn


def endings():
    return list(GradeInLearn.objects.order_by("pk").values_list("value", "certainty", "ended_as"))


class TestTheLedger:
    def test_a_delivered_grade_is_entered_with_all_that_is_known_of_it(self):
        person = ParticipantFactory(user_id="anna", queued=True, source_code="S")

        delivery = finish(person, "C")

        row = GradeInLearn.objects.get()
        assert (row.course_id, row.column_name, row.learn_user_id) == ("BIO", "Exam", "anna")
        assert (row.participant, row.delivery, row.source_code) == (person, delivery, "S")
        assert (row.value, row.mark, row.alternative_grade, row.certainty) == ("C", "C", "", "CONFIRMED")
        assert (row.since, row.until) == (delivery.finished_at, None)
        assert status(person) == (ExportState.EXPORTED, "", "C")

    @pytest.mark.parametrize("state", [Delivery.State.FAILED, Delivery.State.REJECTED])
    def test_what_did_not_arrive_leaves_the_earlier_grade_confirmed(self, state):
        person = with_grade()

        finish(person, "C", state)

        assert endings() == [("B", "CONFIRMED", "")]
        assert status(person)[2] == "B"

    def test_a_newer_grade_of_the_person_ends_the_earlier_one(self):
        person = with_grade()

        finish(person, "C")

        assert endings() == [("B", "CONFIRMED", Ending.CORRECTED), ("C", "CONFIRMED", "")]

    def test_the_same_grade_once_more_is_confirmed_anew(self):
        person = with_grade()

        finish(person, "B")

        assert endings() == [("B", "CONFIRMED", Ending.CONFIRMED), ("B", "CONFIRMED", "")]

    def test_what_may_have_arrived_is_in_doubt_and_what_was_there_is_known_no_more(self):
        person = with_grade()

        perhaps(person, "C")

        assert endings() == [("B", "CONFIRMED", Ending.DOUBTED), ("C", "DOUBTFUL", "")]
        assert status(person) == (ExportState.FAILED, Cause.UNCONFIRMED, "")

    def test_the_same_grade_without_an_answer_changes_nothing(self):
        person = with_grade()

        perhaps(person, "B")

        assert endings() == [("B", "CONFIRMED", "")]

    def test_a_grade_at_another_place_is_entered_beside_the_first(self):
        person = with_grade()

        finish(person, "C", course_id="CHEM")

        assert endings() == [("B", "CONFIRMED", ""), ("C", "CONFIRMED", "")]


class TestReplaced:
    def test_whose_grade_was_at_that_place_is_failed_and_has_no_value_in_learn(self):
        earlier = with_grade()
        later = ParticipantFactory(user_id="anna", flow=FlowFactory(flow_id="78"))

        finish(later)

        assert status(earlier) == (ExportState.FAILED, Cause.REPLACED, "")
        assert earlier.detail == {"value": "C", "user_id": "anna", "flow_id": "78"}
        assert earlier.grades.get().ended_by == later
        earlier.flow.refresh_from_db()
        assert (earlier.flow.state, earlier.flow.failed_count) == (ExportState.FAILED, 1)

    def test_an_equal_grade_replaces_as_well(self):
        earlier = with_grade()

        finish(ParticipantFactory(), "B")

        assert status(earlier) == (ExportState.FAILED, Cause.REPLACED, "")
        assert endings() == [("B", "CONFIRMED", Ending.OVERWRITTEN), ("B", "CONFIRMED", "")]

    @pytest.mark.parametrize("elsewhere", [{"course_id": "CHEM"}, {"column_name": "Essay"}, {"learn_user_id": "bert"}])
    def test_a_grade_at_another_place_stays(self, elsewhere):
        other = with_grade(**elsewhere)

        finish(ParticipantFactory())

        assert status(other) == (ExportState.EXPORTED, "", "B")

    def test_ones_own_earlier_grade_is_no_replacement(self):
        own = with_grade()

        finish(own)

        assert status(own) == (ExportState.EXPORTED, "", "C")

    def test_an_overwrite_that_is_not_confirmed_is_said_so(self):
        earlier = with_grade()

        perhaps(ParticipantFactory())

        assert status(earlier) == (ExportState.FAILED, Cause.PERHAPS_REPLACED, "")

    @pytest.mark.parametrize("value", ["C", "D"])
    def test_once_it_is_confirmed_or_corrected_the_doubt_has_an_end(self, value):
        earlier, later = with_grade(), ParticipantFactory()
        perhaps(later)

        finish(later, value)

        assert status(earlier) == (ExportState.FAILED, Cause.REPLACED, "")

    def test_once_a_third_grade_is_confirmed_both_doubts_have_an_end(self):
        earlier, later = with_grade(), ParticipantFactory()
        perhaps(later)
        perhaps(third := ParticipantFactory(), "D")

        finish(third, "D")

        for person in (earlier, later):
            assert status(person) == (ExportState.FAILED, Cause.REPLACED, "")

    def test_an_overwrite_that_did_not_arrive_changes_nothing(self):
        earlier = with_grade()

        finish(ParticipantFactory(), state=Delivery.State.FAILED)

        assert status(earlier) == (ExportState.EXPORTED, "", "B")

    def test_a_correction_of_what_is_replaced_is_void(self):
        earlier = with_grade()
        type(earlier).objects.filter(pk=earlier.pk).update(approved_mark="A")

        finish(ParticipantFactory())

        earlier.refresh_from_db()
        assert earlier.approved_mark == ""

    def test_who_left_the_place_is_not_replaced(self):
        earlier = with_grade(left_behind=True)
        GradeInLearnFactory(participant=earlier)

        finish(ParticipantFactory())

        assert status(earlier) == (ExportState.EXPORTED, "", "B")

    def test_who_has_something_on_its_way_is_left_to_that(self):
        earlier = with_grade()
        type(earlier).objects.filter(pk=earlier.pk).update(state=ExportState.QUEUED)

        finish(ParticipantFactory())

        assert status(earlier) == (ExportState.QUEUED, "", "")
