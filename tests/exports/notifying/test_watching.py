"""What the clock notices, once each."""

from datetime import timedelta
from threading import Thread

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from exports.models import Event, Flow, FlowInWiseflow, LearnCheck, Participant, PersonInWiseflow
from exports.notifying.sentences import sentences_of
from exports.notifying.watching import watch, watch_mappings
from tests.factories import FlowFactory, ParticipantFactory, ServiceCallFactory

pytestmark = pytest.mark.django_db

Kind = Event.Kind
NOW = timezone.now()


def ended(hours=30):
    return NOW - timedelta(hours=hours)


@pytest.fixture(autouse=True)
def standing_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def test_a_flow_of_which_nothing_has_come_is_noticed_once():
    flow = FlowFactory(assessment_ends_at=ended())
    FlowFactory(assessment_ends_at=ended(hours=23))  # there is time left
    FlowFactory(assessment_ends_at=None)

    watch(NOW)
    watch(NOW + timedelta(minutes=1))

    event = Event.objects.get()
    assert (event.kind, event.flow) == (Kind.NOT_ARRIVED, flow)
    assert event.data == {"ended_at": ended().isoformat(), "expected": 0, "missing": 0, "is_empty": True}


def test_it_is_noticed_again_when_something_but_not_everything_has_come_and_when_its_end_changes():
    flow = FlowFactory(assessment_ends_at=ended())
    ParticipantFactory(flow=flow, missing=True)
    watch(NOW)

    ParticipantFactory(flow=flow, exported=True, on_sis_roster=True)
    watch(NOW)
    watch(NOW)
    assert Event.objects.count() == 2
    assert Event.objects.first().data["missing"] == 1

    Flow.objects.update(assessment_ends_at=ended(hours=25))
    watch(NOW)
    assert Event.objects.count() == 3


def test_it_says_how_many_of_the_missing_wiseflow_holds_a_grade_of():
    flow = FlowFactory(assessment_ends_at=ended())
    graded, no_code, ungraded, by_hand = (ParticipantFactory(flow=flow, missing=True) for _ in range(4))
    Participant.objects.filter(pk=by_hand.pk).update(added_by="MANUAL")
    exported = ParticipantFactory(flow=flow, exported=True, on_sis_roster=True)
    for who, grade, code in ((graded, "B", ""), (no_code, "", "U"), (ungraded, "", ""), (by_hand, "B", "")):
        in_wiseflow(who, grade=grade, alternative_grade=code)
    in_wiseflow(exported, grade="B")
    FlowInWiseflow.objects.create(flow=flow, fetched_at=NOW)

    watch(NOW)

    data = Event.objects.get().data
    assert (data["missing"], data["graded"]) == (3, 2)


def in_wiseflow(who, **fields):
    PersonInWiseflow.objects.create(participant=who, number=who.pk, sources=["S"], fetched_at=NOW, **fields)


def test_a_flow_that_ended_long_ago_is_no_news():
    FlowFactory(assessment_ends_at=ended(hours=24 * 31))

    watch(NOW)

    assert not Event.objects.exists()


def test_the_quota_is_noticed_once_a_day_when_it_is_short(settings, standing_clock):
    settings.LEARN_DAILY_CALLS, settings.LEARN_BATCH_SIZE = 10, 1
    for _number in range(11):
        ParticipantFactory(queued=True, flow__running=True)

    watch(NOW)
    watch(NOW)

    event = Event.objects.get()
    assert (event.kind, event.flow) == (Kind.QUOTA_SHORT, None)
    assert event.data == {"grades": 11, "calls": 11, "calls_left": 10, "lifts_at": ""}
    watch(NOW + timedelta(days=1))
    assert Event.objects.count() == 2


def test_a_quota_that_is_used_up_is_noticed_beside_one_that_is_short():
    lifts_at = NOW + timedelta(hours=3)
    ServiceCallFactory(started_at=NOW - timedelta(minutes=1), error="QuotaUsedUp", ok_count=0, lifts_at=lifts_at)

    watch(NOW)

    assert Event.objects.get().data["lifts_at"] == lifts_at.isoformat()


def test_mappings_are_noticed_in_the_week_before_the_end_and_only_their_errors():
    soon = FlowFactory(assessment_ends_at=NOW + timedelta(days=6))  # without a column
    FlowFactory(assessment_ends_at=NOW + timedelta(days=8))
    FlowFactory(assessment_ends_at=NOW - timedelta(hours=1))
    FlowFactory(assessment_ends_at=NOW + timedelta(days=6), mapped=True)

    watch_mappings(NOW)
    watch_mappings(NOW + timedelta(hours=1))

    event = Event.objects.get()
    assert (event.kind, event.flow) == (Kind.MAPPING_FAULTS, soon)
    assert event.data == {
        "ends_at": soon.assessment_ends_at.isoformat(),
        "errors": 1,
        "kinds": {"NOT_MAPPED": 1},
    }


@pytest.mark.parametrize("flows", [2, 40])
def test_a_look_costs_the_same_for_many_flows(flows, django_assert_max_num_queries):
    FlowFactory.create_batch(flows, assessment_ends_at=ended())

    with django_assert_max_num_queries(8):
        watch(NOW)

    assert Event.objects.count() == flows


@pytest.mark.django_db(transaction=True)
def test_two_clocks_notice_it_once():
    FlowFactory.create_batch(5, assessment_ends_at=ended())

    def clock():
        watch(NOW)
        connection.close()

    clocks = [Thread(target=clock) for _number in range(3)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join()

    assert Event.objects.count() == 5


def test_what_the_check_with_learn_has_found_is_noticed_once_beside_it():
    soon = FlowFactory(translated=True, assessment_ends_at=NOW + timedelta(days=3))
    late = FlowFactory(translated=True, assessment_ends_at=NOW + timedelta(days=10))
    finding = {"code": "COURSE_COMPLETED", "severity": "ERROR", "course": "BIO"}
    note = {"code": "NOT_READ", "severity": "NOTE", "course": "BIO", "part": "COURSE", "reason": {}}
    for flow in (soon, late):
        LearnCheck.objects.create(flow=flow, checked_at=NOW, errors=1, notes=1, findings=[finding, note])

    watch_mappings(NOW)
    watch_mappings(NOW + timedelta(hours=1))

    event = Event.objects.get()
    assert (event.kind, event.flow) == (Kind.MAPPING_FAULTS, soon)
    assert (event.data["errors"], event.data["kinds"]) == (1, {"COURSE_COMPLETED": 1})
    assert "Course completed (1)" in sentences_of([event])
