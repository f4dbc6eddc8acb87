"""Exports, changed grades, faults, dead processes, quotas, retries and sweeps in any order, against a simple model.

The model knows who was ever named, which alternative grades are locked, and what the verdict on a usual entry must be.
Everything else is asked of the database and of Learn, after every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from unittest import mock
from uuid import uuid4

import pytest
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from courses import quota
from courses.connection import try_connection
from courses.models import Course, GradeColumn, ServiceCall
from exports import correcting, retrying
from exports.delivering import doubts, finishing, workers
from exports.grades.causes import Cause
from exports.models import ColumnMapping, Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from exports.proving.runs import prove
from exports.tasks import deliver_attempt
from sandbox.server import SandboxLearn
from tests.conftest import WiseFlow
from tests.exports.any_export import COURSE, FAULTS, FLOWS, PEOPLE, Body, bodies, flow_ids, given_by
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    FlowFactory,
    GradeColumnFactory,
    ServiceCallFactory,
    UserFactory,
)
from tests.faults import invariants


def something_is_open(machine: "Exports") -> bool:
    return Delivery.objects.filter(state__in=Delivery.OPEN).exists()


def somebody_failed(machine: "Exports") -> bool:
    return Participant.objects.failed().exists()


def somebody_exported(machine: "Exports") -> bool:
    return GradeInLearn.objects.current().filter(participant__user_id__in=PEOPLE).exists()


class Exports(RuleBasedStateMachine):
    """WISEflow, managers and misfortune, on an empty database."""

    learn: SandboxLearn
    wiseflow: WiseFlow
    STAY_FAILED = {
        *(Cause.NO_ASSESSMENT, Cause.CONTRADICTORY_ENTRIES, Cause.ALREADY_EXPORTED, Cause.REPLACED),
        Cause.SAME_LEARN_USER_ELSEWHERE,  # another flow's grade is replaced by WISEflow's export alone
    }  # after a retry with a healthy Learn: only what a rule forbids

    @initialize()
    def empty(self) -> None:
        ExportAttempt.objects.all().delete()
        Flow.objects.all().delete()
        GradeColumn.objects.all().delete()
        Course.objects.all().delete()
        DBTaskResult.objects.all().delete()
        self.learn_recovers()
        course = CourseFactory(course_id=COURSE)
        columns = {name: GradeColumnFactory(course=course, name=name) for name in set(FLOWS.values())}
        for flow_id, name in FLOWS.items():
            flow = FlowFactory(flow_id=flow_id, allow_overwrite=flow_id == "20")
            ColumnMappingFactory(flow=flow, grade_column=columns[name])
        self.learn.world.replace(
            {"courses": {COURSE: {"users": list(PEOPLE), "columns": {name: {"points": None} for name in columns}}}}
        )
        self.bodies: list[tuple[str, Body]] = []
        self.named: set[tuple[str, str]] = set()
        self.locked: dict[tuple[str, str, str], str] = {}

    def learn_recovers(self) -> None:
        self.learn.faults.clear()
        ServiceCall.objects.all().delete()  # and with it the memory of a quota

    # What WISEflow and managers do

    @rule(flow_id=flow_ids, body=bodies)
    def export_in_peace(self, flow_id: str, body: Body) -> None:
        """With a healthy Learn the verdict on the usual entry is known beforehand."""
        if self.is_called(flow_id, body):
            with override_settings(EXPORT_DEADLINE=0.5):  # whoever was killed there still counts as alive
                self.export(flow_id, body)
            return
        people = Participant.objects.filter(flow__flow_id=flow_id).with_grades()
        before = {person.user_id: person for person in people}
        flow = Flow.objects.get(flow_id=flow_id)
        sent = {user: self.sent(flow_id, user) for user in PEOPLE}
        in_progress = {delivery.learn_user_id for delivery in self.open_at(flow_id)}

        refused = self.export(flow_id, body)

        for entry in body:
            user, value = entry["userId"], given_by(entry)
            person = before.get(user)
            if any(other != entry for other in body if other["userId"] == user) or not value:
                # What an earlier export left on its way is carried along by this one.
                travels = user in in_progress
                assert travels or not self.is_new_in_learn(flow_id, user, sent) or user not in refused
            elif person is None or (person.state != ExportState.QUEUED and not person.grades.exists()):
                assert user not in refused
            elif person.state == ExportState.EXPORTED and person.value_in_learn == value:
                assert user not in refused
                assert user in in_progress or not self.is_new_in_learn(flow_id, user, sent)
            elif person.state == ExportState.EXPORTED and not flow.allow_overwrite:
                assert user in refused
                assert user in in_progress or not self.is_new_in_learn(flow_id, user, sent)

    @precondition(lambda machine: machine.bodies)
    @rule(pick=st.integers(0, 1000))
    def export_the_same_again(self, pick: int) -> None:
        """WISEflow sends a body of earlier: a repetition, or a grade that was changed back."""
        flow_id, body = self.bodies[pick % len(self.bodies)]
        self.export_in_peace(flow_id, body)

    @rule(flow_id=flow_ids, body=bodies, fault=st.sampled_from(FAULTS), lasts=st.booleans())
    def export_into_a_fault(self, flow_id: str, body: Body, fault: str, *, lasts: bool) -> None:
        short = override_settings(EXPORT_DEADLINE=1) if self.is_called(flow_id, body) else nullcontext()
        with short, self.fault(fault, lasts=lasts):
            self.export(flow_id, body)

    @rule(flow_id=flow_ids, body=bodies, claimed=st.integers(0, 3), arrived=st.integers(0, 2))
    def die(self, flow_id: str, body: Body, claimed: int, arrived: int) -> None:
        """The web process records the export, claims some of it, gets some of that to Learn, and is never heard of."""
        self.name(flow_id, body)
        with mock.patch.object(workers, "deliver"):
            answer = self.wiseflow.export(*body, path=f"/api/wiseflow/flows/{flow_id}/export")
        assert answer["numberOfSuccess"] + answer["numberOfErrors"] == len(body)
        queued = Delivery.objects.filter(attempt=ExportAttempt.objects.latest("pk"), state=Delivery.State.QUEUED)
        free = [row[0] for row in queued.order_by("pk").of_free_places(claimed)]
        taken = list(queued.filter(pk__in=free).order_by("pk"))
        lease = timezone.now() + timedelta(minutes=1)
        queued.filter(pk__in=free).update(state=Delivery.State.SENDING, claim=uuid4(), lease_ends_at=lease)
        for delivery in taken[:arrived]:
            self.learn.world.set_value(
                course_id=COURSE, column_name=delivery.column_name, user_id=delivery.learn_user_id, value=delivery.value
            )

    @rule(flow_id=flow_ids, body=bodies)
    def export_past_its_deadline(self, flow_id: str, body: Body) -> None:
        """No time is left for a call: nothing of it is sent, then or later."""
        with override_settings(EXPORT_DEADLINE=0):
            self.export(flow_id, body)
        to_be_sent = ExportAttempt.objects.latest("pk").deliveries.exclude(course_id="")
        assert set(to_be_sent.values_list("state", "cause")) <= {(Delivery.State.FAILED, Cause.DEADLINE)}

    @rule(flow_id=flow_ids, body=bodies, tested=st.booleans())
    def export_while_the_quota_is_used_up(self, flow_id: str, body: Body, *, tested: bool) -> None:
        """Learn is not called at all, by whichever process; then the time comes, or somebody tests the connection."""
        ServiceCallFactory(status=429, error="QuotaUsedUp", ok_count=0, lifts_at=timezone.now() + timedelta(hours=2))
        calls = len(self.learn.calls.as_json())
        with override_settings(EXPORT_DEADLINE=0.5) if self.is_called(flow_id, body) else nullcontext():
            self.export(flow_id, body)
        assert len(self.learn.calls.as_json()) == calls
        to_be_sent = ExportAttempt.objects.latest("pk").deliveries.exclude(course_id="")
        causes = set(to_be_sent.values_list("state", "cause"))
        assert causes <= {(Delivery.State.FAILED, cause) for cause in (Cause.QUOTA_USED_UP, Cause.DEADLINE)}
        if tested:
            assert try_connection()[-1].is_ok
        else:
            ServiceCall.objects.exclude(lifts_at=None).update(lifts_at=timezone.now())
        assert quota.lifts_at(timezone.now()) is None

    @rule(flow_id=flow_ids, body=bodies, retried=st.booleans())
    def export_before_the_period_ends(self, flow_id: str, body: Body, *, retried: bool) -> None:
        """Only what Learn has already is a success. Then the end passes, and a retry brings what there is."""
        flow = Flow.objects.filter(flow_id=flow_id)
        flow.update(assessment_ends_at=timezone.now() + timedelta(days=1))
        self.export(flow_id, body)
        assert not ExportAttempt.objects.latest("pk").deliveries.exclude(course_id="").exists()
        flow.update(assessment_ends_at=timezone.now())
        if retried:
            self.retry_in_peace()

    @precondition(something_is_open)
    @rule()
    def sweep_after_a_while(self) -> None:
        """What is left of dead processes is swept; nothing of it is sent."""
        past = timezone.now() - timedelta(seconds=1)
        ExportAttempt.objects.filter(finished_at=None).update(lease_ends_at=past)
        Delivery.objects.filter(state=Delivery.State.SENDING).update(lease_ends_at=past)
        writes = self.learn.world.writes
        finishing.sweep()
        assert self.learn.world.writes == writes
        invariants.nothing_is_open()

    @precondition(something_is_open)
    @rule()
    def sweep_too_early(self) -> None:
        """Whoever may live is left alone."""
        still_open = set(Delivery.objects.filter(state__in=Delivery.OPEN).values_list("pk", flat=True))
        finishing.sweep()
        assert still_open == set(Delivery.objects.filter(state__in=Delivery.OPEN).values_list("pk", flat=True))

    @precondition(somebody_failed)
    @rule()
    def retry_in_peace(self) -> None:
        """Learn is read back, and whatever did not arrive does now; only what a rule forbids stays failed."""
        self.sweep_what_is_called()
        self.read_back()
        self.retry()
        causes = set(Participant.objects.failed().values_list("cause", flat=True))
        assert causes <= self.STAY_FAILED, causes

    @rule()
    def read_back(self) -> None:
        """Nothing is in doubt any more but what is on its way."""
        writes = self.learn.world.writes
        assert not prove(GradeInLearn.objects.all()).stopped
        assert self.learn.world.writes == writes
        doubtful = GradeInLearn.objects.in_learn().filter(certainty=GradeInLearn.Certainty.DOUBTFUL)
        left = [grade for grade in doubtful.select_related("participant") if not self.is_on_its_way(grade)]
        assert not left, left

    @precondition(somebody_failed)
    @rule(fault=st.sampled_from(FAULTS), lasts=st.booleans())
    def retry_into_a_fault(self, fault: str, *, lasts: bool) -> None:
        with self.fault(fault, lasts=lasts):
            self.retry()

    @precondition(somebody_exported)
    @rule(pick=st.integers(0, 1000), mark=st.sampled_from(("A", "B", "C")))
    def correct_in_peace(self, pick: int, mark: str) -> None:
        """What two people agree on stands in Learn, unless an alternative grade does."""
        person = self.correct(pick, mark)
        if person:
            assert self.value(person.flow.flow_id, person.user_id) == mark
            assert (person.state, person.value_in_learn, person.approved_mark) == (ExportState.EXPORTED, mark, "")

    @precondition(somebody_exported)
    @rule(
        pick=st.integers(0, 1000), mark=st.sampled_from(("A", "B")), fault=st.sampled_from(FAULTS), lasts=st.booleans()
    )
    def correct_into_a_fault(self, pick: int, mark: str, fault: str, *, lasts: bool) -> None:
        with self.fault(fault, lasts=lasts):
            person = self.correct(pick, mark)
        assert person is None or person.approved_mark == ("" if person.state == ExportState.EXPORTED else mark)

    @rule(flow_id=flow_ids)
    def switch_overwriting(self, flow_id: str) -> None:
        flow = Flow.objects.get(flow_id=flow_id)
        flow.allow_overwrite = not flow.allow_overwrite
        flow.save(update_fields=["allow_overwrite"])

    @rule(flow_id=flow_ids, body=bodies, retried=st.booleans())
    def export_while_unmapped(self, flow_id: str, body: Body, *, retried: bool) -> None:
        """Nothing is sent, not even by a retry; then the mapping is there again."""
        mapping = ColumnMapping.objects.get(flow__flow_id=flow_id)
        earlier = set(Delivery.objects.values_list("pk", flat=True))
        mapping.delete()
        self.export(flow_id, body)
        if retried:
            self.retry()
        ColumnMapping.objects.create(flow_id=mapping.flow_id, grade_column_id=mapping.grade_column_id)
        recorded = Delivery.objects.filter(attempt__flow__flow_id=flow_id).exclude(pk__in=earlier)
        assert not recorded.exclude(course_id="").exists()

    # What must hold after each of these

    @invariant()
    def the_books_balance(self) -> None:
        invariants.books_balance(self.learn.world)

    @invariant()
    def what_is_said_to_be_in_learn_is_there(self) -> None:
        invariants.the_ledger_is_true(self.learn.world)

    @invariant()
    def nobody_is_lost(self) -> None:
        known = set(Participant.objects.values_list("flow__flow_id", "user_id"))
        assert known == self.named
        assert not Participant.objects.filter(deliveries=None).exists()

    @invariant()
    def a_locked_alternative_grade_never_changes(self) -> None:
        """Unless another flow, a resit, replaces it."""
        exported = GradeInLearn.objects.filter(certainty="CONFIRMED").exclude(alternative_grade="").order_by("pk")
        for grade in exported.select_related("participant__flow"):
            key = grade.participant.flow.flow_id, grade.participant.user_id, grade.source_code
            assert self.locked.setdefault(key, grade.value) == grade.value
            later = grade.participant.grades.filter(pk__gt=grade.pk, certainty="CONFIRMED")
            assert set(later.filter(source_code=grade.source_code).values_list("value", flat=True)) <= {grade.value}

    # How it is done

    def export(self, flow_id: str, body: Body) -> set[str]:
        """WISEflow's call. Returns who was not exported."""
        self.name(flow_id, body)
        others = self.open_at(flow_id).exclude(attempt__flow__flow_id=flow_id)
        carried = set(others.values_list("learn_user_id", flat=True))  # along with this one, and after its verdicts
        answer = self.wiseflow.export(*body, path=f"/api/wiseflow/flows/{flow_id}/export")
        workers.workers.wait_until_idle(seconds=20)
        refused = {error["userId"] for error in answer["errors"]}
        assert answer["numberOfSuccess"] + len(answer["errors"]) == len(body)
        assert answer["numberOfErrors"] == sum(entry["userId"] in refused for entry in body)
        for entry in body:
            if entry["userId"] not in refused | carried:  # a success that is told stands in Learn, now
                assert self.value(flow_id, entry["userId"]) == given_by(entry)
        assert ExportAttempt.objects.latest("pk").finished_at
        return refused

    def name(self, flow_id: str, body: Body) -> None:
        self.bodies.append((flow_id, body))
        self.named |= {(flow_id, entry["userId"]) for entry in body}

    def correct(self, pick: int, mark: str) -> Participant | None:
        """Ask, approve, deliver. None where that is refused, and nothing happens."""
        grades = GradeInLearn.objects.current().filter(participant__user_id__in=PEOPLE)
        people = list(Participant.objects.filter(grades__in=grades).distinct().order_by("pk"))
        person = people[pick % len(people)]
        before = self.learn.world.writes
        try:
            correction = correcting.ask(person, mark=mark, reason="Added up wrongly", by=UserFactory())
            self.sweep_what_is_called()
            correcting.approve(correction, by=UserFactory())  # refused where the sweep has put the grade in doubt
        except correcting.NotCorrectable:
            assert self.learn.world.writes == before
            return None
        self.run_tasks()
        return Participant.objects.select_related("flow").get(pk=person.pk)

    def retry(self) -> None:
        self.sweep_what_is_called()
        attempts = retrying.retry(Participant.objects.all(), by=None).attempts
        self.run_tasks()
        unfinished = ExportAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts], finished_at=None)
        assert not unfinished.exists()

    def sweep_what_is_called(self) -> None:
        """A retry has hours for its places to be free: by then the dead are swept."""
        past = timezone.now() - timedelta(seconds=1)
        Delivery.objects.filter(state=Delivery.State.SENDING).update(lease_ends_at=past)
        finishing.sweep()

    def run_tasks(self) -> None:
        for task in DBTaskResult.objects.ready():
            deliver_attempt.func(*task.args_kwargs["args"])
        DBTaskResult.objects.all().delete()
        workers.workers.wait_until_idle(seconds=20)

    @contextmanager
    def fault(self, fault: str, *, lasts: bool) -> Iterator[None]:
        self.learn.faults.add(fault, times=None if lasts else 1)
        yield
        self.learn_recovers()

    def sent(self, flow_id: str, user: str) -> list[str]:
        return self.learn.world.sent(COURSE, FLOWS[flow_id], user)

    def value(self, flow_id: str, user: str) -> str | None:
        return self.learn.world.value(COURSE, FLOWS[flow_id], user)

    def open_at(self, flow_id: str) -> QuerySet[Delivery]:
        """What is on its way to the flow's column, of whichever flow."""
        return Delivery.objects.filter(column_name=FLOWS[flow_id], state__in=Delivery.OPEN)

    def is_on_its_way(self, grade: GradeInLearn) -> bool:
        """Whether something is being sent to its place, or for its person."""
        sending = Delivery.objects.places_called({grade.learn_user_id}, {grade.course_id})
        called = (grade.course_id, grade.learn_user_id, grade.column_name) in sending
        return called or grade.participant.state == ExportState.QUEUED

    def is_called(self, flow_id: str, body: Body) -> bool:
        """Whether a dead process seems to be on its way to a place that the body leads to: it has to wait for it."""
        called = self.open_at(flow_id).filter(state=Delivery.State.SENDING)
        return called.filter(learn_user_id__in=[entry["userId"] for entry in body]).exists()

    def is_new_in_learn(self, flow_id: str, user: str, before: dict[str, list[str]]) -> bool:
        return self.sent(flow_id, user) != before[user]


BOUNDED = settings(
    max_examples=16,
    stateful_step_count=20,
    phases=[Phase.generate],  # to shrink what fails would take minutes
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(300)
def test_any_order_of_events_keeps_the_promise(learn, wiseflow, settings, monkeypatch):
    monkeypatch.setattr(doubts, "AT_WORK", timedelta(0))  # the sandbox works on no call after its end
    settings.LEARN_BATCH_SIZE = 2
    settings.LEARN_TIMEOUT = 30  # whoever is not aged on purpose lives

    class Here(Exports):
        pass

    Here.learn, Here.wiseflow = learn, wiseflow
    run_state_machine_as_test(Here, settings=BOUNDED)
