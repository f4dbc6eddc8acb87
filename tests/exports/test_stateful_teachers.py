"""Teachers who change grades in Learn, people who read them back, keep and replace them, among all that the other
machine does, in any order: nothing that a teacher typed is lost unless two people agreed, and what is called proven was
shown.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings as bounded
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from exports import deciding
from exports.delivering import doubts, workers
from exports.grades.causes import Cause
from exports.models import Decision, Delivery, ExportAttempt, ExportState, Flow, Participant, Proof
from sandbox.gradebook import Change
from tests.exports.any_export import COURSE, FAULTS, FLOWS, PEOPLE, Body, bodies, flow_ids, given_by
from tests.exports.test_stateful import BOUNDED, Exports, somebody_exported, somebody_failed
from tests.factories import UserFactory
from tests.faults import invariants

Place = tuple[str, str, str]
TEACHER = "M. Hansen"
COLUMNS = tuple(sorted(set(FLOWS.values())))

columns, people = st.sampled_from(COLUMNS), st.sampled_from(PEOPLE)
typed = st.sampled_from(("12", "13", None))  # no grade of WISEflow's; None clears it


def something_differs(machine: "Teachers") -> bool:
    return bool(machine.differences())


FORBIDS = ("forbidden", "not_installed")


class Teachers(Exports):
    """WISEflow, managers, misfortune and teachers. Every first export is protected."""

    STAY_FAILED = Exports.STAY_FAILED | {Cause.CHANGED_IN_LEARN, Cause.LEARN_GRADE_KEPT}

    @initialize()
    def empty(self) -> None:
        super().empty()
        Flow.objects.update(protect_first_export=True)

    # What teachers and managers do

    @rule(column=columns, user=people, value=typed)
    def a_teacher_types(self, column: str, user: str, value: str | None) -> None:
        self.learn.world.type_grade(COURSE, column, user, value, by=TEACHER)

    @precondition(something_differs)
    @rule(pick=st.integers(0, 1000))
    def keep(self, pick: int) -> None:
        """It stays, and counts as decided until Learn shows something else."""
        difference = self.pick_difference(pick)
        try:
            deciding.keep(difference, reason="The teacher is right", by=UserFactory())
        except deciding.NotDecidable:  # a request to replace it waits
            return
        assert difference not in self.differences()

    @precondition(something_differs)
    @rule(pick=st.integers(0, 1000), fault=st.sampled_from(("", *FAULTS)))
    def replace(self, pick: int, fault: str) -> None:
        """With a healthy Learn that shows what was agreed on, the grade of GradeBridge is there again."""
        self.sweep_after_a_while()
        if not something_differs(self):
            return
        difference = self.pick_difference(pick)
        try:
            decision = deciding.ask_to_replace(difference, reason="The board has decided", by=UserFactory())
            decision = deciding.approve(decision, by=UserFactory())
        except deciding.NotDecidable:
            return
        shown = self.shown(difference.place)
        if fault:
            with self.fault(fault, lasts=True):
                self.run_tasks()
        else:
            self.run_tasks()
            delivery = decision.attempt.deliveries.get()
            if shown == difference.shown and delivery.value:  # no rule forbade it
                assert (delivery.state, self.shown(difference.place)) == (Delivery.State.DELIVERED, difference.value)

    # What the simple model expects is not so where a teacher has typed something

    @rule(flow_id=flow_ids, body=bodies)
    def export_in_peace(self, flow_id: str, body: Body) -> None:
        self.sweep_after_a_while()
        self.export(flow_id, body)

    @rule(flow_id=flow_ids, body=bodies, claimed=st.integers(0, 3))
    def die(self, flow_id: str, body: Body, claimed: int) -> None:
        """Before its call: the world's way around the looks is not ours."""
        super().die(flow_id, body, claimed, 0)

    @precondition(somebody_exported)
    @rule(pick=st.integers(0, 1000), mark=st.sampled_from(("A", "B", "C")))
    def correct_in_peace(self, pick: int, mark: str) -> None:
        self.correct(pick, mark)

    @precondition(somebody_exported)
    @rule(pick=st.integers(0, 1000), mark=st.sampled_from(("A", "B")), fault=st.sampled_from(FAULTS))
    def correct_into_a_fault(self, pick: int, mark: str, fault: str) -> None:
        with self.fault(fault, lasts=True):
            self.correct(pick, mark)

    @precondition(somebody_failed)
    @rule()
    def retry_in_peace(self) -> None:
        super().retry_in_peace()

    @contextmanager
    def fault(self, fault: str, *, lasts: bool) -> Iterator[None]:
        """A site that forbids to read is one on which nothing can be looked at: that is another story than this."""
        service = "gradeValueAPI" if fault in FORBIDS else None
        self.learn.faults.add(fault, times=None if lasts else 1, service=service)
        yield
        self.learn_recovers()

    def export(self, flow_id: str, body: Body) -> set[str]:
        """A success that is told is in Learn, or was until a teacher changed it."""
        self.name(flow_id, body)
        answer = self.wiseflow.export(*body, path=f"/api/wiseflow/flows/{flow_id}/export")
        workers.workers.wait_until_idle(seconds=20)
        refused = {error["userId"] for error in answer["errors"]}
        assert answer["numberOfSuccess"] + len(answer["errors"]) == len(body)
        for entry in body:
            place = COURSE, FLOWS[flow_id], entry["userId"]
            if entry["userId"] not in refused and place not in self.changed_by_hand():
                assert self.shown(place) == given_by(entry)
        assert ExportAttempt.objects.latest("pk").finished_at
        return refused

    # What must hold after each of these

    @invariant()
    def what_is_said_to_be_in_learn_is_there(self) -> None:
        invariants.the_ledger_is_true(self.learn.world, changed=self.changed_by_hand())

    @invariant()
    def what_a_teacher_typed_is_lost_only_where_two_agreed(self) -> None:
        lost = Counter((place, before.value) for place, before, _after in self.replacements())
        approved = Decision.objects.filter(kind=Decision.Kind.REPLACE, state=Decision.State.APPROVED)
        agreed = Counter((decision.place, decision.shown) for decision in approved)
        assert lost <= agreed, (lost, agreed)

    @invariant()
    def what_is_proven_was_shown(self) -> None:
        for proof in Proof.objects.select_related("grade"):
            value = self.shown_at(proof.grade.place, proof.read_at)
            is_proven = proof.verdict == Proof.Verdict.PROVEN
            assert (value == proof.grade.value) == is_proven, (proof, value)
            assert proof.shown == (value or ""), (proof, value)
        for found in Delivery.objects.filter(detail__code="FOUND_IN_LEARN"):
            place = found.course_id, found.column_name, found.learn_user_id
            assert self.shown_at(place, datetime.fromisoformat(found.detail["read_at"])) == found.value, found

    # How it is looked at

    def differences(self) -> list[deciding.Difference]:
        people = Participant.objects.exclude(state=ExportState.QUEUED).order_by("pk")
        return [difference for person in people for difference in deciding.differences(person)]

    def pick_difference(self, pick: int) -> deciding.Difference:
        found = self.differences()
        return found[pick % len(found)]

    def history(self) -> dict[Place, list[Change]]:
        found: dict[Place, list[Change]] = defaultdict(list)
        for column in COLUMNS:
            for change in self.learn.world.log(COURSE, column):
                found[COURSE, column, change.user].append(change)
        return found

    def changed_by_hand(self) -> set[Place]:
        """Where the latest change is a teacher's."""
        return {place for place, changes in self.history().items() if changes[-1].by == TEACHER}

    def replacements(self) -> Iterator[tuple[Place, Change, Change]]:
        """Where a value of GradeBridge came after a grade that a teacher had typed."""
        for place, changes in self.history().items():
            for before, after in pairwise(changes):
                if before.by == TEACHER and before.value is not None and after.by != TEACHER:
                    yield place, before, after

    def shown(self, place: Place) -> str:
        return self.learn.world.value(*place) or ""

    def shown_at(self, place: Place, moment: datetime) -> str | None:
        before = [change.value for change in self.history()[place] if change.at <= moment]
        return before[-1] if before else None


@pytest.mark.timeout(300)
def test_teachers_type_in_any_order_and_nothing_of_theirs_is_lost(learn, wiseflow, settings, monkeypatch):
    monkeypatch.setattr(doubts, "AT_WORK", timedelta(0))  # the sandbox works on no call after its end
    settings.LEARN_BATCH_SIZE = 2
    settings.LEARN_TIMEOUT = 30  # whoever is not aged on purpose lives

    class Here(Teachers):
        pass

    Here.learn, Here.wiseflow = learn, wiseflow
    run_state_machine_as_test(Here, settings=bounded(BOUNDED, max_examples=4))
