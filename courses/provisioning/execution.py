"""Claim the next steps, call Learn, record what became of them: the way of a run.

No transaction is open during a call.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from common import stopping
from common.database.retrying import retry_on_database_error
from courses import connection as learn
from courses import quota
from courses.grades_journey import Call, ItemRejected, LearnError, QuotaUsedUp, Unconfirmed
from courses.grades_journey.items import Item
from courses.learn_http.errors import Explained
from courses.models import (
    EnrolmentMetadata,
    GradeColumn,
    GradeSchema,
    Provisioned,
    ProvisioningRun,
    ProvisioningStep,
)
from courses.provisioning.outcomes import Outcome, after_doubt, finish, record_outcomes
from courses.provisioning.planning import Plan, Row, reason_to_skip
from courses.sentences import Reason, reason_of

log = structlog.get_logger(__name__)

Kind = ProvisioningStep.Kind
State = ProvisioningStep.State

BATCH_SECONDS = 60.0  # for all calls of one batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Steps of one stage that go to Learn in one call; `items` are in their order. `lifts_at`: a used up quota."""

    steps: list[ProvisioningStep] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    lifts_at: datetime | None = None


class Refused(Explained):
    """The step is not sent: what Learn would not take, or what is not to be done now."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(**reason)


class Crashed(Unconfirmed):
    """Our own code failed during the call."""


def carry_out(run: ProvisioningRun) -> bool:
    """Send what is queued in the run, and finish it. What another process carries is left to that one.

    False: this process is to stop, and what is still queued stays so.
    """
    while not stopping.is_requested():
        if (batch := claim(run)) is None:
            finish(run)
            return True
        if batch.steps:
            calls: list[Call] = []
            outcomes = send(batch, calls)
            retry_on_database_error(record, run, batch.steps, outcomes, calls)
    return False


@transaction.atomic
def claim(run: ProvisioningRun) -> Batch | None:
    """The next steps to send; those that cannot be sent are refused. None: nothing is queued any more.

    The update of the lease holds the run's row, so that no sweep takes it for dead.
    """
    now = timezone.now()
    lease = now + timedelta(seconds=BATCH_SECONDS + 2 * settings.LEARN_TIMEOUT)
    ProvisioningRun.objects.filter(pk=run.pk).update(lease_ends_at=lease)
    queued = run.steps.filter(state=State.QUEUED)
    if (first := queued.order_by("stage").first()) is None:
        return None
    steps = list(
        queued.filter(stage=first.stage)
        .select_related("schema", "column__course", "column__grade_schema", "metadata__course")
        .order_by("pk")
        .select_for_update(of=("self",), skip_locked=True)[: settings.LEARN_BATCH_SIZE]
    )
    batch = Batch(lifts_at=quota.lifts_at(now))
    statuses = find_statuses(steps)
    refused: list[Outcome] = []
    for step in steps:
        try:
            batch.items.append(item_of(step, statuses))
            batch.steps.append(step)
        except Explained as error:
            refused.append((step, State.REFUSED, reason_of(error)))
    run.steps.filter(pk__in=[step.pk for step in batch.steps]).update(state=State.SENDING)
    record_outcomes(refused, now)
    return batch


Statuses = Mapping[int, Mapping[str, str]]  # of the columns of a course, by its primary key and their names


def find_statuses(steps: Iterable[ProvisioningStep]) -> Statuses:
    """The statuses of the columns of each course in which a step's column counts others."""
    courses = {step.column.course_id for step in steps if step.column and step.column.mapping}
    found: dict[int, dict[str, str]] = defaultdict(dict)
    columns = GradeColumn.objects.filter(course__in=courses).order_by()
    for course, name, status in columns.values_list("course_id", "name", "status"):
        found[course][name] = status
    return found


def item_of(step: ProvisioningStep, statuses: Statuses) -> Item:
    """What goes to Learn. Raises Explained with the reason why nothing does.

    Everything is judged by what is there now: much may have happened since the run was requested.
    """
    row = step.target
    if row is None:
        raise Refused({"code": "DELETED_HERE"})
    kind = Kind(step.kind)
    if kind is Kind.DELETION:
        assert isinstance(row, GradeColumn)
        return row.deletion_item()
    if reason := reason_to_skip(kind, row, again=step.again):
        raise Refused(reason)
    if isinstance(row, GradeSchema | EnrolmentMetadata):
        return row.item()
    if kind is Kind.EXTERNAL_GRADE:
        if row.course.is_ultra:
            raise Refused({"code": "EXTERNAL_IN_ULTRA"})
        return row.external_item()
    refuse_column(row, statuses.get(row.course_id, {}))
    return row.item()


def refuse_column(column: GradeColumn, statuses: Mapping[str, str], before: Collection[Row] = ()) -> None:
    """Raises Explained for one that Learn would not take, or that needs what is not there.

    `before`: what the same run is to create first.
    """
    schema = column.grade_schema
    if schema and schema.symbols and not schema.is_provisioned and schema not in before:
        raise Refused({"code": "SCHEMA_NOT_IN_LEARN", "name": str(schema), "advice": "MARK_IT"})
    if problems := column.problems({name for name in statuses if name != column.name}):
        raise Refused(next(iter(problems.values())))
    coming = {row.name for row in before if isinstance(row, GradeColumn) and row.course_id == column.course_id}
    for name in column.counted_columns():
        if statuses[name] != Provisioned.Status.PROVISIONED and name not in coming:
            raise Refused({"code": "COUNTED_NOT_IN_LEARN", "name": name, "advice": "MARK_IT"})


def preview(kind: Kind, row: Row, plan: Plan) -> Reason:
    """Why the step would be refused before anything is sent, {} if it would not: what goes before it succeeds."""
    if not isinstance(row, GradeColumn):
        return next(iter(row.problems().values()), {})
    if kind is Kind.EXTERNAL_GRADE:
        return {"code": "EXTERNAL_IN_ULTRA"} if row.course.is_ultra else {}
    before = {other for other_kind, other in plan.steps if other_kind in (Kind.SCHEMA, Kind.COLUMN)} - {row}
    try:
        refuse_column(row, {column.name: column.status for column in row.course.grade_columns.all()}, before)
    except Explained as error:
        return reason_of(error)
    return {}


def send(batch: Batch, calls: list[Call]) -> Sequence[LearnError | None]:
    """The call itself; `calls` takes what is to be logged. Whatever goes wrong is an outcome."""
    if batch.lifts_at:
        return [QuotaUsedUp(batch.lifts_at)] * len(batch.items)
    connection.close()  # it goes back to the pool during the call
    try:
        until = time.monotonic() + BATCH_SECONDS
        return learn.grades_journey().send(batch.items, until=until, observe=calls.append, may_begin=stopping.may_begin)
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("provisioning_crashed")
        return [Crashed("CRASHED")] * len(batch.items)


@transaction.atomic
def record(
    run: ProvisioningRun, steps: Sequence[ProvisioningStep], outcomes: Sequence[LearnError | None], calls: list[Call]
) -> None:
    """Record the outcome of the steps and their rows. A step that was swept during the call keeps its state."""
    sending = run.steps.filter(pk__in=[step.pk for step in steps], state=State.SENDING)
    ours = set(sending.order_by("pk").select_for_update().values_list("pk", flat=True))
    found = zip(steps, outcomes, strict=True)
    ended = [(step, *outcome_of(step, error)) for step, error in found if step.pk in ours]
    record_outcomes(ended, timezone.now())
    run.calls.add(*quota.log_calls(calls))


def outcome_of(step: ProvisioningStep, error: LearnError | None) -> tuple[State, Reason]:
    """A step's state, and the reason with what to do."""
    match error:
        case None:
            return State.DONE, {}
        case ItemRejected():
            return State.REJECTED, reason_of(error)
        case Unconfirmed():
            return State.UNCONFIRMED, {**reason_of(error), "advice": after_doubt(step)}
        case _:
            return State.FAILED, {**reason_of(error), "advice": learn.advice(error)}
