"""The exams that need someone: which come first, what is wrong, and the next act for each role."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from common.moments import moment
from exports.admin.desk.attention import exams, since_end
from exports.admin.desk.rights import Rights
from exports.grades.causes import Cause
from exports.models import Flow
from tests.exports.admin.desk.conftest import figures, manager_without, panel, visit
from tests.factories import (
    LONG_AGO,
    DecisionFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    ParticipantFactory,
)
from tests.pages import rows_of
from tests.signed_in import signed_in

MANAGER = Rights(may_retry=True, may_configure=False)
ADMINISTRATOR = Rights(may_retry=True, may_configure=True)


def exam(rights=MANAGER):
    (found,) = exams(rights, timezone.now())
    return found


def test_failed_come_first_then_incomplete_then_what_has_not_come(manager):
    late = FlowFactory(mapped=True)
    incomplete, few, many = (FlowFactory(mapped=True) for _ in range(3))
    ParticipantFactory(flow=incomplete, exported=True)
    ParticipantFactory(flow=incomplete, missing=True)
    ParticipantFactory(flow=few, failed=True)
    ParticipantFactory.create_batch(2, flow=many, failed=True)
    ParticipantFactory.create_batch(9, flow=few, skipped=True)

    rows = rows_of(panel(visit(manager), "attention"))

    assert [row["Exam"] for row in rows] == [str(flow) for flow in (many, few, incomplete, late)]
    assert [row["What is wrong"] for row in rows] == [
        "2 failed",
        "1 failed",
        "1 missing",
        f"Ended {moment(LONG_AGO)}; nothing has come",
    ]


def test_failed_and_missing_are_said_together(manager):
    flow = FlowFactory(mapped=True)
    ParticipantFactory.create_batch(7, flow=flow, failed=True)
    ParticipantFactory.create_batch(3, flow=flow, missing=True)
    response = visit(manager)

    (row,) = rows_of(panel(response, "attention"))

    assert row["What is wrong"] == "7 failed, 3 missing"
    assert {"7 failed", "3 missing"} <= {figure.text for figure in figures(response)}


def test_what_learn_shows_differently_needs_someone(manager):
    grade = GradeInLearnFactory(different=True)
    GradeInLearnFactory(absent=True, participant__flow=grade.participant.flow)
    GradeInLearnFactory(proven=True)
    DecisionFactory(kept=True)
    response = visit(manager)

    (row,) = rows_of(panel(response, "attention"))

    assert row == {
        "Exam": str(grade.participant.flow),
        "What is wrong": "2 different in Learn",
        "What to do": "Keep Learn's grade or replace it, student by student",
    }
    assert "1 of 3 exams needs you" in panel(response, "headline")


def test_a_difference_is_said_beside_what_failed(manager):
    flow = GradeInLearnFactory(different=True).participant.flow
    ParticipantFactory(flow=flow, failed=True)

    (row,) = rows_of(panel(visit(manager), "attention"))

    assert (row["What is wrong"], row["What to do"]) == ("1 failed 1 different in Learn", "Retry")


def test_ten_are_shown_and_a_link_leads_to_all(manager):
    FlowFactory.create_batch(12)
    ParticipantFactory(failed=True)

    shown = panel(visit(manager), "attention")

    assert len(rows_of(shown)) == 10
    assert "All 13" in shown


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (datetime(2026, 6, 3, 7, 30, tzinfo=UTC), "Ended today at 09:30; nothing has come"),
        (datetime(2026, 6, 2, 16, 0, tzinfo=UTC), "Ended yesterday at 18:00; nothing has come"),
        (datetime(2026, 6, 1, 16, 0, tzinfo=UTC), "Ended 1 June 2026, 18:00; nothing has come"),
    ],
)
def test_when_it_ended_is_said_as_people_say_it(ended, said):
    now = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)

    assert since_end(Flow(assessment_ends_at=ended), now) == said


class TestTheNextAct:
    def test_what_did_not_arrive_is_retried(self, manager):
        flow = ParticipantFactory(failed=True).flow

        act = exam().act

        assert (act.text, act.is_retry) == ("Retry", True)
        assert act.address == reverse("admin:exports_flow_retry", args=[flow.pk])
        assert "This cannot be undone" in manager.get(act.address).content.decode()

    def test_who_may_not_retry_asks_a_manager(self, db):
        ParticipantFactory(failed=True)

        assert "Ask a manager to retry" in panel(visit(manager_without("retry")), "attention")

    @pytest.mark.parametrize("cause", [Cause.LEARN_UNAVAILABLE, Cause.NOT_MAPPED])
    def test_an_unmapped_flow_is_mapped_first(self, cause, db):
        flow = FlowFactory()
        ParticipantFactory(flow=flow, failed=True, cause=cause)

        assert exam().act.text == "Ask an administrator to choose the Learn column, then retry."
        assert exam().act.address == ""
        assert exam(ADMINISTRATOR).act.text == "Choose the Learn column on the flow's page, then retry."
        assert exam(ADMINISTRATOR).act.address == reverse("admin:exports_flow_change", args=[flow.pk])

    def test_while_all_sending_is_paused_nothing_is_retried(self, db):
        ParticipantFactory(failed=True)
        HoldFactory(pause=True)

        assert exam().act.text == "Retry. If sending is still paused, ask an administrator to resume it."

    def test_what_a_pause_stopped_is_retried_once_it_is_over(self, db):
        HoldFactory(pause=True, released=True)
        ParticipantFactory(failed=True, cause=Cause.PAUSED)

        assert exam().act.is_retry

    def test_a_flow_that_is_held_is_released_first(self, db):
        HoldFactory(flow=ParticipantFactory(failed=True).flow)

        assert exam().act.text == "Retry. If it is still held, release it first."

    @pytest.mark.parametrize("held", ["flow", "person"])
    def test_what_was_held_is_retried_once_it_is_released(self, held, db):
        person = ParticipantFactory(failed=True, cause=Cause.HELD)
        of = {"flow": {"flow": person.flow}, "person": {"person": True, "participant": person}}
        hold = HoldFactory(**of[held])
        assert exams(MANAGER, timezone.now()) == []

        hold.released_by, hold.released_at = hold.held_by, timezone.now()
        hold.save()

        found = exam()
        assert (found.problem, found.act.is_retry) == ("Held grades that can be sent now", True)

    @pytest.mark.parametrize(
        ("flow", "cause"),
        [({}, Cause.NOT_MAPPED), ({}, Cause.NOT_SYNCHRONISED), ({}, Cause.ASSESSMENT_NOT_ENDED)],
    )
    def test_what_has_been_repaired_since_is_retried(self, flow, cause, db):
        ParticipantFactory(flow=FlowFactory(mapped=True, **flow), failed=True, cause=cause)

        assert exam().act.is_retry

    @pytest.mark.parametrize(
        ("flow", "cause", "said"),
        [
            ({"unsynchronised": True}, Cause.LEARN_UNAVAILABLE, "Ask an administrator to mark it as synchronised"),
            ({"running": True}, Cause.ASSESSMENT_NOT_ENDED, "Retry after the assessment period has ended."),
            ({}, Cause.ENTRY_NOT_USABLE, "Correct it in WISEflow, then export again."),
            ({}, Cause.CREDENTIALS_REFUSED, "Ask an administrator to check the key for Learn"),
        ],
    )
    def test_where_nothing_can_be_sent_the_first_cause_says_what_to_do(self, flow, cause, said, db):
        ParticipantFactory(flow=FlowFactory(mapped=True, **flow), failed=True, cause=cause)

        assert exam().act.text.startswith(said)
        assert not exam().act.is_retry

    def test_missing_people_are_a_click_away(self, manager):
        flow = ParticipantFactory(exported=True).flow
        ParticipantFactory(flow=flow, missing=True, user_id="absent")

        act = exam().act

        assert act.text == "See who is missing"
        assert [person.user_id for person in manager.get(act.address).context["cl"].result_list] == ["absent"]

    def test_what_no_one_is_expected_in_is_exported_in_wiseflow(self, db):
        FlowFactory(mapped=True)

        assert exam().act.text == "Export it in WISEflow"


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_the_list_of_flows_has_the_same_exams(who, db):
    client = signed_in(**{who: True})
    failed = ParticipantFactory(failed=True).flow
    ParticipantFactory(exported=True)

    shown = client.get("/admin/exports/flow/?attention=yes").context["cl"].result_list

    assert list(shown) == [failed]
