"""Corrected Learn users, several sources and shared places, among all that the other machine does, in any order.

The people of these rules are others than those of the simple model: what happens to them is judged by the invariants.
"""

from datetime import timedelta

import pytest
from hypothesis import settings as bounded
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from common.spreadsheets.plans import Line
from courses.models import Course
from exports.delivering import doubts, workers
from exports.grades.causes import Cause
from exports.importing import rosters
from exports.models import ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from tests.exports.any_export import COURSE, FLOWS, PEOPLE
from tests.exports.test_stateful import BOUNDED, Exports
from tests.factories import ColumnMappingFactory, FlowFactory, GradeColumnFactory
from tests.faults import invariants

MOVERS = ("p1", "p2", "p3")
LEARN_USERS = ("v1", "v2", "v3")
BY_SOURCE = "40"  # the flow with two sources; S leads to where flow 10 leads too
SOURCES = {"S": "Exam 10", "T": "Exam 40"}

flows = st.sampled_from(["10", "20", "30", BY_SOURCE])
grades = st.sampled_from([{"mark": "A"}, {"mark": "B"}, {"mark": "C"}, {"adminGrade": "U"}, {"mark": ""}])
learn_users = st.sampled_from(["", *LEARN_USERS])
sources = st.sampled_from(["", "", "S", "T", "X"])  # X has no column


@st.composite
def moving_entries(draw) -> dict[str, str]:
    entry = {"userId": draw(st.sampled_from(MOVERS)), **draw(grades)}
    if user := draw(learn_users):
        entry["learnUserId"] = user
    if source := draw(sources):
        entry["sourceCode"] = source
    return entry


bodies = st.lists(moving_entries(), min_size=1, max_size=4)


class Places(Exports):
    """WISEflow, managers, misfortune and registrars."""

    STAY_FAILED = Exports.STAY_FAILED | {
        *(Cause.SAME_LEARN_USER, Cause.SOURCE_NOT_MAPPED, Cause.ADDED_BY_HAND, Cause.ENTRY_NOT_USABLE),
        *(Cause.ALTERNATIVE_GRADE_LOCKED, Cause.ALTERNATIVE_GRADE_OF_ANOTHER),
    }

    @initialize()
    def empty(self) -> None:
        super().empty()
        course = Course.objects.get(course_id=COURSE)
        column = GradeColumnFactory(course=course, name=SOURCES["T"])
        flow = FlowFactory(flow_id=BY_SOURCE)
        ColumnMappingFactory(flow=flow, source_code="S", grade_column=course.grade_columns.get(name=SOURCES["S"]))
        ColumnMappingFactory(flow=flow, source_code="T", grade_column=column)
        columns = {name: {"points": None} for name in {*FLOWS.values(), *SOURCES.values()}}
        users = [*PEOPLE, *MOVERS, *LEARN_USERS]
        self.learn.world.replace({"courses": {COURSE: {"users": users, "columns": columns}}})

    @rule(flow_id=flows, body=bodies)
    def export_to_other_places(self, flow_id: str, body: list[dict[str, str]]) -> None:
        self.export_moving(flow_id, body)

    @rule(flow_id=flows, body=bodies, fault=st.sampled_from(["reset_after", "server_error", "random_rejects"]))
    def export_to_other_places_into_a_fault(self, flow_id: str, body: list[dict[str, str]], fault: str) -> None:
        with self.fault(fault, lasts=True):
            self.export_moving(flow_id, body)

    def export_moving(self, flow_id: str, body: list[dict[str, str]]) -> None:
        """Every entry has one verdict, the attempt counts the same, and each success is one."""
        self.sweep_what_is_called()
        self.name(flow_id, body)
        self.bodies.pop()  # the simple model does not know these people
        answer = self.wiseflow.export(*body, path=f"/api/wiseflow/flows/{flow_id}/export")
        workers.workers.wait_until_idle(seconds=20)
        assert answer["numberOfSuccess"] + answer["numberOfErrors"] == len(body)
        attempt = ExportAttempt.objects.latest("pk")
        assert attempt.number_of_success == answer["numberOfSuccess"], (attempt, answer)
        assert attempt.number_of_errors == answer["numberOfErrors"]
        invariants.every_success_is_one(answer, body, flow_id)

    @rule(flow_id=flows, user=st.sampled_from(MOVERS), learn_user=learn_users, source=sources, by_hand=st.booleans())
    def import_a_roster(self, flow_id: str, user: str, learn_user: str, source: str, *, by_hand: bool) -> None:
        """Of one person; the flow is used without its roster again, so that all others go on."""
        values = {"user_id": user, "learn_user_id": learn_user, "source_code": source}
        added_by = "MANUAL" if by_hand else "SIS"
        line = Line(2, {**values, "added_by": added_by, "on_roster": True})
        flow = Flow.objects.get(flow_id=flow_id)
        sheet = rosters.RosterSheet(flow)
        sheet.apply(sheet.plan([line]))
        Flow.objects.filter(pk=flow.pk).update(roster_imported_at=None)
        self.named.add((flow_id, user))

    @invariant()
    def one_grade_is_one_success(self) -> None:
        """No two exported people have one place."""
        current = GradeInLearn.objects.current().filter(participant__state=ExportState.EXPORTED)
        places = list(current.values_list("course_id", "column_name", "learn_user_id"))
        assert len(places) == len(set(places))

    @invariant()
    def nobody_is_lost(self) -> None:
        assert set(Participant.objects.values_list("flow__flow_id", "user_id")) == self.named


@pytest.mark.timeout(300)
def test_places_change_in_any_order_and_the_promise_is_kept(learn, wiseflow, settings, monkeypatch):
    monkeypatch.setattr(doubts, "AT_WORK", timedelta(0))  # the sandbox works on no call after its end
    settings.LEARN_BATCH_SIZE = 2
    settings.LEARN_TIMEOUT = 30  # whoever is not aged on purpose lives

    class Here(Places):
        pass

    Here.learn, Here.wiseflow = learn, wiseflow
    run_state_machine_as_test(Here, settings=bounded(BOUNDED, max_examples=6))
