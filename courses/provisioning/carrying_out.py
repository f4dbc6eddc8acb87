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

from courses import connection as learn
from courses import quota
from courses.grades_journey import Call, InvalidItem, ItemRejected, LearnError, QuotaUsedUp, Unconfirmed
from courses.grades_journey.items import Item
from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, ProvisioningRun, ProvisioningStep
from courses.patience import patiently
from courses.provisioning.settling import Settled, finish, settle
from courses.wire import WireError

log = logging.getLogger(__name__)

Kind = ProvisioningStep.Kind
State = ProvisioningStep.State

BATCH_SECONDS = 60.0  # for all calls of one batch

Name = tuple[int, str]  # a course's primary key, a column's name


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
    """The next steps to send; those that cannot be sent are settled. None: nothing is queued any more."""
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
    names, missing = find_names(steps), find_missing(run)
    refused: list[Settled] = []
    for step in steps:
        try:
            batch.items.append(item_of(step, names=names, missing=missing))
            batch.steps.append(step)
        except (InvalidItem, WireError) as reason:
            refused.append((step, State.REFUSED, str(reason)))
    run.steps.filter(pk__in=[step.pk for step in batch.steps]).update(state=State.SENDING)
    settle(refused, now)
    return batch


def find_missing(run: ProvisioningRun) -> set[int | Name]:
    """What the run was to create before and did not: primary keys of schemas, names of columns."""
    settled = run.steps.filter(kind__in=[Kind.SCHEMA, Kind.COLUMN]).exclude(state=State.DONE)
    found = settled.values_list("schema_id", "column__course_id", "column__name")
    return {schema or (course, name) for schema, course, name in found}


def find_names(steps: Iterable[ProvisioningStep]) -> Mapping[int, set[str]]:
    """The names of all columns of a course, as far as a step's column counts others."""
    courses = {step.column.course_id for step in steps if step.column and step.column.mapping}
    names: dict[int, set[str]] = defaultdict(set)
    for course, name in GradeColumn.objects.filter(course__in=courses).order_by().values_list("course_id", "name"):
        names[course].add(name)
    return names


def item_of(step: ProvisioningStep, *, names: Mapping[int, Collection[str]], missing: Collection[int | Name]) -> Item:
    """What goes to Learn. Raises InvalidItem or WireError with the reason why nothing does."""
    row = step.target
    if row is None:
        raise InvalidItem("", "It was deleted in GradeBridge before it was sent.")
    if isinstance(row, GradeSchema | EnrolmentMetadata):
        return row.item()
    match step.kind:
        case Kind.DELETION:
            return row.deletion_item()
        case Kind.EXTERNAL_GRADE:
            refuse_as_external(row, missing)
            return row.external_item()
        case _:
            refuse_column(row, names.get(row.course_id, ()), missing)
            return row.item()


def refuse_as_external(column: GradeColumn, missing: Collection[int | Name]) -> None:
    if (column.course_id, column.name) in missing:
        raise InvalidItem("name", "The column was not created, so it cannot be the external grade.")
    if column.course.is_ultra:
        raise InvalidItem("is_external_grade", "Learn has an external grade in Original courses only.")


def refuse_column(column: GradeColumn, names: Collection[str], missing: Collection[int | Name]) -> None:
    if column.grade_schema_id in missing:
        raise InvalidItem("grade_schema", f"Its grade schema {column.grade_schema} was not created.")
    if problems := column.problems({name for name in names if name != column.name}):
        raise InvalidItem(*next(iter(problems.items())))
    for name in column.counted_columns():
        if (column.course_id, name) in missing:
            raise InvalidItem("mapping", f"Column {name}, which it counts, was not created.")


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
    settle([(step, *outcome_of(error)) for step, error in found if step.pk in ours], timezone.now())
    run.calls.add(*quota.log_calls(calls))


def outcome_of(error: LearnError | None) -> tuple[State, str]:
    """A step's state, and the message with what to do."""
    match error:
        case None:
            return State.DONE, ""
        case ItemRejected():
            return State.REJECTED, f"Learn rejected it: {error}"
        case Unconfirmed():
            return State.UNCONFIRMED, f"{error} Look in Learn before you try again."
        case _:
            return State.FAILED, f"{learn.sentence(error)} {learn.what_to_do(error)}"
