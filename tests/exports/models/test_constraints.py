"""What the database itself does not let happen, whatever the code does."""

import factory
import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from exports.delivering import recording
from exports.grades.causes import Cause
from exports.grades.rules import is_indexable
from exports.models import Delivery, Flow, Participant
from tests.factories import (
    LONG_AGO,
    ApiClientFactory,
    ColumnMappingFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    ParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("rows", "fields", "constraint"),
    [
        (FlowFactory, {"flow_id": ""}, "flow_id_given"),
        (FlowFactory, {"state": "LOST"}, "flow_state_known"),
        (ParticipantFactory, {"state": "LOST"}, "participant_state_known"),
        (ParticipantFactory, {"failed": True, "cause": ""}, "participant_failed_has_cause"),
        (ExportAttemptFactory, {"state": "LOST"}, "attempt_state_known"),
        (ExportAttemptFactory, {"requested_at": LONG_AGO}, "attempt_requested_by_and_when"),
        (ExportAttemptFactory, {"running": True, "finished_at": LONG_AGO}, "attempt_finished_when_settled"),
        (ExportAttemptFactory, {"finished_at": None}, "attempt_finished_when_settled"),
        (DeliveryFactory, {"failed": True, "state": "LOST"}, "delivery_state_known"),
        (DeliveryFactory, {"finished_at": None}, "delivery_finished_when_closed"),
        (DeliveryFactory, {"queued": True, "finished_at": LONG_AGO}, "delivery_finished_when_closed"),
        (DeliveryFactory, {"sending": True, "finished_at": LONG_AGO}, "delivery_finished_when_closed"),
        (DeliveryFactory, {"failed": True, "cause": ""}, "delivery_error_has_cause"),
        (DeliveryFactory, {"refused": True, "cause": ""}, "delivery_error_has_cause"),
        (DeliveryFactory, {"value": ""}, "delivery_sent_has_value"),
        (DeliveryFactory, {"queued": True, "value": ""}, "delivery_sent_has_value"),
        (HoldFactory, {"reason": ""}, "hold_says_why"),
        (HoldFactory, {"person": True, "flow": None}, "hold_of_a_person_names_the_flow"),
        (HoldFactory, {"released_at": LONG_AGO}, "hold_released_by_and_when"),
        (HoldFactory, {"released": True, "released_at": None}, "hold_released_by_and_when"),
        (GradeInLearnFactory, {"value": ""}, "grade_has_value"),
        (GradeInLearnFactory, {"certainty": "PERHAPS"}, "grade_certainty_known"),
        (GradeInLearnFactory, {"until": LONG_AGO}, "grade_ended_when_and_how"),
        (GradeInLearnFactory, {"ended_as": "OVERWRITTEN"}, "grade_ended_when_and_how"),
        (
            GradeInLearnFactory,
            {"is_in_learn": None, "until": LONG_AGO, "ended_as": "DEALT_WITH"},
            "grade_dealt_with_by_somebody",
        ),
        (GradeInLearnFactory, {"dealt_with_by": factory.SubFactory(UserFactory)}, "grade_dealt_with_by_somebody"),
    ],
)
def test_a_row_that_says_something_impossible_is_not_stored(rows, fields, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        rows(**fields)


def test_whoever_asked_for_a_retry_is_kept_with_when():
    with pytest.raises(IntegrityError, match="attempt_requested_by_and_when"):
        ExportAttemptFactory(requested_by=UserFactory())


@pytest.mark.parametrize(("first", "second"), [("queued", "queued"), ("queued", "sending"), ("sending", "queued")])
def test_a_participant_has_one_open_delivery_a_source_at_most(first, second):
    delivery = DeliveryFactory(participant__source_code="S", **{first: True})
    DeliveryFactory(participant=delivery.participant, source_code="T", **{second: True})

    with pytest.raises(IntegrityError, match=unique("delivery_one_open_a_source", "exports_delivery.participant")):
        DeliveryFactory(participant=delivery.participant, course_id="ELSEWHERE", **{second: True})


def test_an_open_delivery_stands_beside_any_number_of_settled_ones():
    participant = ParticipantFactory()
    for trait in ({}, {"failed": True}, {"refused": True}, {"failed": True}, {"queued": True}):
        DeliveryFactory(participant=participant, attempt__flow=participant.flow, **trait)

    assert participant.deliveries.count() == 5
    assert participant.deliveries.filter(state__in=Delivery.OPEN).count() == 1


def test_a_person_is_one_participant_of_a_flow():
    participant = ParticipantFactory()
    ParticipantFactory(user_id=participant.user_id)  # in another flow

    with pytest.raises(IntegrityError, match=unique("participant_once_a_flow", "exports_participant.flow_id")):
        ParticipantFactory(flow=participant.flow, user_id=participant.user_id)


def test_a_flow_id_is_one_flow():
    FlowFactory(flow_id="77")

    with pytest.raises(IntegrityError):
        FlowFactory(flow_id="77")


def test_a_source_of_a_flow_has_one_column():
    mapping = ColumnMappingFactory(source_code="S")
    ColumnMappingFactory(flow=mapping.flow, source_code="T")

    with pytest.raises(IntegrityError, match=unique("column_mapping_once_a_source", "exports_columnmapping.flow_id")):
        ColumnMappingFactory(flow=mapping.flow, source_code="S")


def test_a_key_belongs_to_one_client():
    client = ApiClientFactory()

    with pytest.raises(IntegrityError):
        ApiClientFactory(key_hash=client.key_hash)


def test_a_flow_that_nobody_has_heard_of_is_made_when_it_is_locked():
    assert Flow.objects.lock("new").pk == Flow.objects.lock("new").pk


@pytest.mark.parametrize(
    ("participants", "state"),
    [
        ([], "NOT_EXPORTED"),
        ([{}], "NOT_EXPORTED"),
        ([{}, {"exported": True}], "EXPORTED"),
        ([{"exported": True}, {"failed": True}, {}], "FAILED"),
        ([{"exported": True}, {"failed": True}, {"queued": True}], "FAILED"),
        ([{"exported": True}, {"queued": True}, {}], "QUEUED"),
    ],
)
def test_the_state_of_a_flow_is_that_of_its_participants_and_one_failed_makes_it_failed(participants, state):
    flow = FlowFactory(state="QUEUED")
    ParticipantFactory(failed=True)  # of another flow
    for traits in participants:
        ParticipantFactory(flow=flow, **traits)

    Flow.objects.refresh(list(Flow.objects.values_list("pk", flat=True)))

    flow.refresh_from_db()
    assert flow.state == state


def test_only_failed_participants_are_failed():
    failed = ParticipantFactory(failed=True)
    for traits in ({}, {"queued": True}, {"exported": True}):
        ParticipantFactory(**traits)

    assert list(Participant.objects.failed()) == [failed]


def test_an_attempt_finishes_when_its_last_delivery_is_settled():
    attempt = ExportAttemptFactory(running=True)
    DeliveryFactory(attempt=attempt, entry_count=2)
    last = DeliveryFactory(attempt=attempt, queued=True)
    attempts = type(attempt).objects.filter(pk=attempt.pk)

    assert attempts.finish(timezone.now()) == []
    deliveries = Delivery.objects.filter(pk=last.pk)
    recording.finish_as(deliveries, Delivery.State.FAILED, Cause.DEADLINE, now=timezone.now())
    assert [finished.pk for finished in attempts.finish(timezone.now())] == [attempt.pk]
    assert attempts.finish(timezone.now()) == []

    attempt.refresh_from_db()
    assert (attempt.number_of_success, attempt.number_of_errors, attempt.state) == (2, 1, "FAILED")


@pytest.mark.parametrize("trait", [{}, {"person": True}, {"pause": True}])
def test_of_a_flow_a_person_and_all_sending_one_hold_is_open_at_a_time(trait):
    first = HoldFactory(released=True, **trait)
    same = {"flow": first.flow, "participant": first.participant}
    HoldFactory(**same)
    HoldFactory(released=True, **same)

    with pytest.raises(IntegrityError):
        HoldFactory(**same)


def test_a_flow_and_its_people_are_held_beside_each_other_and_all_of_it_paused():
    person = ParticipantFactory()
    HoldFactory(flow=person.flow)
    HoldFactory(person=True, participant=person)
    HoldFactory(person=True, participant__flow=person.flow)
    HoldFactory(pause=True)


def unique(constraint, column):
    """How the database names a unique constraint that was broken: SQLite by its columns."""
    return column if connection.vendor == "sqlite" else constraint


def test_the_longest_place_that_a_rule_lets_through_fits_into_the_index_of_calls():
    letters = "".join(chr(0x4E00 + 37 * number % 20_000) for number in range(866))  # nothing to compress: 2,598 bytes
    place = {"learn_user_id": letters[:333], "course_id": letters[333:666], "column_name": letters[666:]}
    assert is_indexable(*place.values())
    DeliveryFactory(sending=True, attempt__running=True, participant__queued=True, **place)
    assert Delivery.objects.filter(state=Delivery.State.SENDING, **place).exists()
