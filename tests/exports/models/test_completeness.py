"""Who is expected, who is missing, and which flows need a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from exports.models import ExportState, Flow, Participant
from tests.factories import FlowFactory, ParticipantFactory


def flow_of(*people: dict[str, Any], **fields: Any) -> Flow:
    """A flow with these people, by the fields of each."""
    flow = FlowFactory(mapped=True, **fields)
    for traits in people:
        ParticipantFactory(flow=flow, **traits)
    flow.refresh_from_db()
    return flow


MISSING, EXPORTED = {"missing": True}, {"on_sis_roster": True, "exported": True}


@pytest.mark.parametrize(
    ("people", "expected", "missing", "is_incomplete"),
    [
        pytest.param([], 0, 0, False, id="nobody"),
        pytest.param([EXPORTED, EXPORTED], 2, 0, False, id="all have come"),
        pytest.param([EXPORTED, MISSING], 2, 1, True, id="one is missing"),
        pytest.param([MISSING, MISSING], 2, 2, False, id="nothing has come: not exported rather than incomplete"),
        pytest.param([EXPORTED, {"added_by_hand": True}], 1, 0, False, id="by hand: not expected"),
        pytest.param([EXPORTED, {}], 1, 0, False, id="not on the roster: not expected"),
        pytest.param([EXPORTED, {"on_roster": True}], 2, 1, True, id="on a roster that does not say how: expected"),
        pytest.param([MISSING, {"on_sis_roster": True, "failed": True}], 2, 1, True, id="failed has come"),
    ],
)
def test_a_flow_knows_who_is_expected_and_who_is_missing(db, people, expected, missing, is_incomplete):
    flow = flow_of(*people)

    assert (flow.expected_count, flow.missing_count, flow.is_incomplete) == (expected, missing, is_incomplete)
    assert Participant.objects.expected().count() == expected
    assert [person.is_missing for person in Participant.objects.missing()] == [True] * missing
    assert list(Flow.objects.incomplete()) == [flow] * is_incomplete


@pytest.mark.parametrize(
    ("hours_since_end", "people", "is_late"),
    [
        (25, [], True),
        (25, [MISSING], True),
        (25, [EXPORTED, MISSING], True),
        (25, [EXPORTED], False),
        (25, [{"failed": True}], False),  # it has come
        (23, [MISSING], False),
        (-1, [MISSING], False),
    ],
)
def test_what_has_not_come_a_day_after_its_end_is_late(db, hours_since_end, people, is_late):
    now = timezone.now()
    flow = flow_of(*people, assessment_ends_at=now - timedelta(hours=hours_since_end))

    assert flow.is_late(now) is is_late
    assert list(Flow.objects.late(now)) == [flow] * is_late


def test_how_long_to_wait_is_a_setting(db, settings):
    settings.EXPECT_WITHIN = 2
    flow = flow_of(assessment_ends_at=timezone.now() - timedelta(hours=3))

    assert flow.is_late(timezone.now())


def test_a_flow_without_an_end_is_never_late(db):
    assert not flow_of(assessment_ends_at=None).is_late(timezone.now())


@pytest.mark.parametrize(
    ("people", "ended", "needs_attention"),
    [
        pytest.param([{"failed": True}], None, True, id="failed"),
        pytest.param([{"skipped": True}], None, False, id="skipped on purpose"),
        pytest.param([{"skipped": True}, {"failed": True}], None, True, id="skipped, and failed"),
        pytest.param([EXPORTED, MISSING], None, True, id="incomplete"),
        pytest.param([EXPORTED, MISSING], timedelta(hours=-5), False, id="incomplete, and its period runs"),
        pytest.param([MISSING], timedelta(hours=5), False, id="not come yet, and not late yet"),
        pytest.param([MISSING], timedelta(hours=50), True, id="late"),
        pytest.param([EXPORTED], timedelta(hours=50), False, id="all is well"),
    ],
)
def test_what_needs_a_person(db, people, ended, needs_attention):
    now = timezone.now()
    flow = flow_of(*people, assessment_ends_at=now - ended if ended else None)

    assert list(Flow.objects.needing_attention(now)) == [flow] * needs_attention


def test_skipped_by_a_rule_is_counted_apart_from_faults(db):
    flow = flow_of({"skipped": True}, {"skipped": True}, {"failed": True})

    assert (flow.state, flow.failed_count, flow.skipped_count, flow.faults_count) == (ExportState.FAILED, 3, 2, 1)
    assert Participant.objects.faults().count() == 1
    assert Participant.objects.skipped().count() == 2
