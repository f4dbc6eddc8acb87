"""Claim the next steps, call Learn, record what became of them: the way of a run.

No transaction is open during a call.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from common.database.retrying import patiently
from courses import connection as learn
from courses import quota
from courses.grades_journey import Call, InvalidItem, ItemRejected, LearnError, QuotaUsedUp, Unconfirmed
from courses.grades_journey.items import Item
from courses.models import (
    EnrolmentMetadata,
    GradeColumn,
    GradeSchema,
    Provisioned,
    ProvisioningRun,
    ProvisioningStep,
)
from courses.models.grade_column import EXTERNAL_IN_ULTRA
from courses.provisioning.choosing import Choice, Row, why_not
from courses.provisioning.settling import Settled, after_doubt, finish, settle
from courses.wire import WireError

log = logging.getLogger(__name__)

Kind = ProvisioningStep.Kind
State = ProvisioningStep.State

BATCH_SECONDS = 60.0  # for all calls of one batch

MARK_IT = "Provision it first, or mark it as in Learn."


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Steps of one stage that go to Learn in one call; `items` stand in their order. `lifts_at`: a used up quota."""

    steps: list[ProvisioningStep] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    lifts_at: datetime | None = None


class Crashed(Unconfirmed):
    """Our own code failed during the call."""


def carry_out(run: ProvisioningRun) -> None:
    """Send what is queued in the run, and finish it. What another process carries is left to that one."""
    while (batch := claim(run)) is not None:
        if batch.steps:
            calls: list[Call] = []
            outcomes = send(batch, calls)
            patiently(record, run, batch.steps, outcomes, calls)
    finish(run)


@transaction.atomic
def claim(run: ProvisioningRun) -> Batch | None:
    """The next steps to send; those that cannot be sent are settled. None: nothing is queued any more.

    The update of the lease holds the run's row, so that no sweep takes it for dead meanwhile.
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
    standings = find_standings(steps)
    refused: list[Settled] = []
    for step in steps:
        try:
            batch.items.append(item_of(step, standings))
            batch.steps.append(step)
        except (InvalidItem, WireError) as reason:
            refused.append((step, State.REFUSED, str(reason)))
    run.steps.filter(pk__in=[step.pk for step in batch.steps]).update(state=State.SENDING)
    settle(refused, now)
    return batch


Standings = Mapping[int, Mapping[str, str]]  # of the columns of a course, by its primary key and their names


def find_standings(steps: Iterable[ProvisioningStep]) -> Standings:
    """Where the columns stand of each course in which a step's column counts others."""
    courses = {step.column.course_id for step in steps if step.column and step.column.mapping}
    found: dict[int, dict[str, str]] = defaultdict(dict)
    columns = GradeColumn.objects.filter(course__in=courses).order_by()
    for course, name, standing in columns.values_list("course_id", "name", "standing"):
        found[course][name] = standing
    return found


def item_of(step: ProvisioningStep, standings: Standings) -> Item:
    """What goes to Learn. Raises InvalidItem or WireError with the reason why nothing does.

    Everything is judged by what stands now: much may have happened since the run was asked for.
    """
    row = step.target
    if row is None:
        raise InvalidItem("", "It was deleted in GradeBridge before it was sent.")
    kind = Kind(step.kind)
    if kind is Kind.DELETION:
        assert isinstance(row, GradeColumn)
        return row.deletion_item()
    if reason := why_not(kind, row, again=step.again):
        raise InvalidItem("standing", reason)
    if isinstance(row, GradeSchema | EnrolmentMetadata):
        return row.item()
    if kind is Kind.EXTERNAL_GRADE:
        if row.course.is_ultra:
            raise InvalidItem("is_external_grade", EXTERNAL_IN_ULTRA)
        return row.external_item()
    refuse_column(row, standings.get(row.course_id, {}))
    return row.item()


def refuse_column(column: GradeColumn, standings: Mapping[str, str], before: Collection[Row] = ()) -> None:
    """Raises InvalidItem or WireError for one that Learn would not take, or that needs what is not there.

    `before`: what the same run is to create first.
    """
    schema = column.grade_schema
    if schema and schema.symbols and not schema.is_provisioned and schema not in before:
        raise InvalidItem("grade_schema", f"Its grade schema {schema} is not known to be in Learn. {MARK_IT}")
    if problems := column.problems({name for name in standings if name != column.name}):
        raise InvalidItem(*next(iter(problems.items())))
    coming = {row.name for row in before if isinstance(row, GradeColumn) and row.course_id == column.course_id}
    for name in column.counted_columns():
        if standings[name] != Provisioned.Standing.PROVISIONED and name not in coming:
            raise InvalidItem("mapping", f"Column {name}, which it counts, is not known to be in Learn. {MARK_IT}")


def foresee(kind: Kind, row: Row, choice: Choice) -> str:
    """Why the step would be refused before anything is sent, "" if it would not: what goes before it succeeds."""
    if not isinstance(row, GradeColumn):
        return next(iter(row.problems().values()), "")
    if kind is Kind.EXTERNAL_GRADE:
        return EXTERNAL_IN_ULTRA if row.course.is_ultra else ""
    before = {other for other_kind, other in choice.steps if other_kind in (Kind.SCHEMA, Kind.COLUMN)} - {row}
    try:
        refuse_column(row, {column.name: column.standing for column in row.course.grade_columns.all()}, before)
    except (InvalidItem, WireError) as reason:
        return str(reason)
    return ""


def send(batch: Batch, calls: list[Call]) -> Sequence[LearnError | None]:
    """The call itself; `calls` takes what is to be logged. Whatever goes wrong is an outcome."""
    if batch.lifts_at:
        return [QuotaUsedUp(batch.lifts_at)] * len(batch.items)
    connection.close()  # it goes back to the pool during the call
    try:
        until = time.monotonic() + BATCH_SECONDS
        return learn.grades_journey().send(batch.items, until=until, observe=calls.append)
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("A provisioning call to Learn crashed")
        return [Crashed("An error in GradeBridge left this unconfirmed.")] * len(batch.items)


@transaction.atomic
def record(
    run: ProvisioningRun, steps: Sequence[ProvisioningStep], outcomes: Sequence[LearnError | None], calls: list[Call]
) -> None:
    """Settle the steps and their rows. A step that was swept meanwhile keeps its settled state."""
    sending = run.steps.filter(pk__in=[step.pk for step in steps], state=State.SENDING)
    ours = set(sending.order_by("pk").select_for_update().values_list("pk", flat=True))
    found = zip(steps, outcomes, strict=True)
    settle([(step, *outcome_of(step, error)) for step, error in found if step.pk in ours], timezone.now())
    run.calls.add(*quota.log_calls(calls))


def outcome_of(step: ProvisioningStep, error: LearnError | None) -> tuple[State, str]:
    """A step's state, and the message with what to do."""
    match error:
        case None:
            return State.DONE, ""
        case ItemRejected():
            return State.REJECTED, f"Learn rejected it: {error}"
        case Unconfirmed():
            return State.UNCONFIRMED, f"{error} {after_doubt(step)}"
        case _:
            return State.FAILED, f"{learn.sentence(error)} {learn.what_to_do(error)}"
