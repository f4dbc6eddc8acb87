"""An export of twelve grades, what must hold after any fault of it, and the table of what was found."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses.models import ServiceCall
from exports import retrying
from exports.delivering import finishing, workers
from exports.models import ExportAttempt, ExportState, Flow, Participant
from exports.tasks import deliver_attempt
from sandbox.server import SandboxLearn
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import ColumnMappingFactory, FlowFactory
from tests.faults import invariants, report

GRADES = {f"u{number}": {"mark": f"{60 + number}.50"} for number in range(1, 11)} | {
    "u11": {"adminGrade": "U"},
    "u12": {"mark": "12", "adminGrade": "FE"},
}
VALUES = {user: given.get("adminGrade") or given["mark"] for user, given in GRADES.items()}
BODY: list[dict[str, Any]] = [
    *({"userId": user, **given} for user, given in GRADES.items()),
    {"userId": "u3", **GRADES["u3"]},  # the same entry once more
    {"userId": "u13", "mark": None, "adminGrade": None},  # not assessed
    {"mark": "50"},  # names nobody
]
REFUSED = 2

FLOW = "77"
OTHER_FLOW = "78"


@pytest.fixture
def small_batches(settings: Any) -> None:
    settings.LEARN_BATCH_SIZE = 4
    settings.LEARN_CONCURRENCY = 1  # which call is hit is then certain
    settings.LEARN_TIMEOUT = 1
    settings.EXPORT_DEADLINE = 6


@pytest.fixture
def learn(small_batches: None, learn: SandboxLearn) -> SandboxLearn:
    return learn


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One export that meets a fault, from WISEflow's call to the retry."""

    learn: SandboxLearn
    wiseflow: WiseFlow
    findings: list[tuple[str, Any]]

    def export(self) -> dict[str, Any]:
        """WISEflow's call, to its end."""
        answer: dict[str, Any] = self.wiseflow.export(*BODY)
        workers.workers.wait_until_idle(seconds=20)
        return answer

    def learn_recovers(self) -> None:
        """Every fault is over, and so is the wait for the quota."""
        self.learn.faults.clear()
        ServiceCall.objects.exclude(lifts_at=None).update(lifts_at=timezone.now())

    def ends_well(
        self,
        answer: dict[str, Any] | None,
        *,
        after: str,
        section: int,
        place: int,
        fault: str,
        told: str = "",
        attempt: ExportAttempt | None = None,
        retry: Callable[[], object] | None = None,
    ) -> None:
        """Assert all that must hold now that the attempt has ended, and after one retry; note the finding.

        `answer` is None where WISEflow got none. `after` are the states of the twelve deliveries of `attempt` (the
        first one), such as `4 DELIVERED, 8 FAILED`. Learn is healthy again when this is called.
        """
        attempt = attempt or ExportAttempt.objects.filter(flow__flow_id=FLOW).earliest("pk")
        found = report.delivery_states(attempt, GRADES)
        invariants.nothing_is_open()
        invariants.books_balance(self.learn.world)
        if answer is not None:
            self.answer_is_true(answer, attempt)
        self.counts_are_told(FLOW)
        self.nothing_is_sent_by_itself()
        (retry or self.retry)()
        self.all_are_exported()
        finding = report.Finding(
            section=section,
            place=place,
            fault=fault,
            told=told or report.told(answer, GRADES),
            after=found,
            retried=report.participant_states(GRADES),
        )
        self.findings.append(("finding", finding.as_json()))
        assert found == after

    def answer_is_true(self, answer: dict[str, Any], attempt: ExportAttempt) -> None:
        """Each reported success stands in Learn with its value, and the numbers fit the body and the attempt."""
        undelivered = {error.get("userId") for error in answer["errors"]}
        values = self.learn.world.values(COURSE, COLUMN)
        for user in GRADES.keys() - undelivered:
            assert values.get(user) == VALUES[user], f"{user} was reported as exported"
        told = answer["numberOfSuccess"], answer["numberOfErrors"]
        assert sum(told) == len(BODY)
        assert answer["numberOfErrors"] == len(answer["errors"])
        attempt.refresh_from_db()
        assert told == (attempt.number_of_success, attempt.number_of_errors)

    def counts_are_told(self, flow_id: str) -> None:
        """The state that WISEflow can read counts every participant once."""
        counts = self.wiseflow.get(f"/api/wiseflow/flows/{flow_id}/export").json()["counts"]
        people = Participant.objects.filter(flow__flow_id=flow_id)
        assert counts == {state: people.filter(state=state).count() for state in ExportState.values}

    def nothing_is_sent_by_itself(self) -> None:
        """No worker is under way and no task waits; what could carry a stray grade along carries its own alone."""
        workers.workers.wait_until_idle(seconds=20)
        assert not DBTaskResult.objects.ready().exists()
        writes = self.learn.world.writes
        is_there = self.learn.world.values(COURSE, COLUMN).get("u20") == "A"  # of a killed process: found, and not sent
        assert finishing.sweep() == 0
        answer = self.wiseflow.export({"userId": "u20", "mark": "A"}, path=f"/api/wiseflow/flows/{OTHER_FLOW}/export")
        assert answer["numberOfSuccess"] == 1
        workers.workers.wait_until_idle(seconds=20)
        assert self.learn.world.writes == (writes if is_there else writes + 1)

    def retry(self) -> None:
        """A manager's retry, run as a task worker would."""
        retrying.retry(Participant.objects.filter(flow__flow_id=FLOW), by=None)
        for task in DBTaskResult.objects.ready():
            deliver_attempt.func(*task.args_kwargs["args"])
        workers.workers.wait_until_idle(seconds=20)

    def all_are_exported(self) -> None:
        invariants.nothing_is_open()
        invariants.books_balance(self.learn.world)
        people = Participant.objects.filter(flow__flow_id=FLOW, user_id__in=GRADES)
        assert {person.user_id: (person.state, person.value_in_learn) for person in people} == {
            user: (ExportState.EXPORTED, value) for user, value in VALUES.items()
        }
        values = self.learn.world.values(COURSE, COLUMN)
        assert {user: values.get(user) for user in VALUES} == VALUES


@pytest.fixture
def trial(learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow, request: pytest.FixtureRequest) -> Trial:
    other = FlowFactory(flow_id=OTHER_FLOW)
    ColumnMappingFactory(flow=other, grade_column=flow.column_mappings.get().grade_column)
    return Trial(learn=learn, wiseflow=wiseflow, findings=request.node.user_properties)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table when this folder is run; write the page from it when asked, if the whole folder passed."""
    stats = terminalreporter.stats
    findings = [
        report.Finding.from_json(value)
        for passed in stats.get("passed", [])
        for name, value in passed.user_properties
        if name == "finding" and passed.when == "call"
    ]
    if not findings:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(report.tables(findings))
    is_whole = not any(map(stats.get, ("failed", "error", "deselected"))) and report.is_whole(findings)
    if os.environ.get("GRADEBRIDGE_WRITE_RELIABILITY") and is_whole:
        report.write_page(findings)
        terminalreporter.write_line(f"Written to {report.PAGE}")
