"""What became of steps, the status of their rows after that, and the end of a run."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils import timezone

from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, Provisioned, ProvisioningRun, ProvisioningStep
from courses.sentences import Reason

log = structlog.get_logger(__name__)


Kind = ProvisioningStep.Kind
State = ProvisioningStep.State
Status = Provisioned.Status
Outcome = tuple[ProvisioningStep, State, Reason]

MAY_BE_DELETED = (State.DONE, State.UNCONFIRMED)  # a column, by the state of its deletion
CHUNK = 500  # rows in one statement
OF_CREATION = ("status", "provisioned_at", "provisioning_reason")
OF_EXTERNAL_GRADE = ("external_set_at", "external_reason")

# Sent when Learn has deleted a column, or may have: `column`, and `is_certain`. In the transaction that records it.
column_deleted = Signal()
# Sent earlier in that transaction, before any row is locked: `columns`, by primary key. For who locks rows before them.
columns_locking = Signal()


def record_outcomes(outcomes: Iterable[Outcome], now: datetime) -> None:
    """Record what became of open steps, and of their rows as they are now. Call it in a transaction."""
    by_kind: dict[str, list[ProvisioningStep]] = defaultdict(list)
    for step, state, reason in outcomes:
        step.state, step.reason, step.finished_at = state, reason, now
        by_kind[step.kind].append(step)
    if deleted := [step.column_id for step in by_kind.get(Kind.DELETION, []) if step.state in MAY_BE_DELETED]:
        columns_locking.send(GradeColumn, columns=deleted)
    steps = [step for some in by_kind.values() for step in some]
    ProvisioningStep.objects.bulk_update(steps, ["state", "reason", "finished_at"], batch_size=CHUNK)
    for kind, some in by_kind.items():
        update_rows(Kind(kind), some)


def update_rows(kind: Kind, steps: Sequence[ProvisioningStep]) -> None:
    """Rows are read again, and only what is of this kind is written: someone may have changed them during the call."""
    model, attribute = TARGETS[kind]
    by_pk = {pk: step for step in steps if (pk := getattr(step, attribute)) is not None}
    rows: list[Any] = list(model._default_manager.filter(pk__in=by_pk).order_by("pk").select_for_update())
    for row in rows:
        UPDATES[kind](row, by_pk[row.pk])
    model._default_manager.bulk_update(rows, FIELDS[kind], batch_size=CHUNK)
    if kind is Kind.DELETION:
        for column in rows:
            if (state := by_pk[column.pk].state) in MAY_BE_DELETED:
                column_deleted.send(GradeColumn, column=column, is_certain=state == State.DONE)


def update_created(row: Provisioned, step: ProvisioningStep) -> None:
    """A try that failed says nothing new of a row that is in Learn, that may be, or that was deleted there."""
    if step.state == State.DONE:
        row.status, row.provisioned_at = Status.PROVISIONED, step.finished_at
    elif row.status == Status.PROVISIONED and not step.again:
        return  # it came there by another way
    elif row.status != Status.PROVISIONED and step.state == State.UNCONFIRMED:
        row.status = Status.UNCONFIRMED
    elif row.status == Status.NOT_PROVISIONED:
        row.status = Status.FAILED
    row.provisioning_reason = step.reason


def update_column(column: GradeColumn, step: ProvisioningStep) -> None:
    """A column that was just created is no external grade yet."""
    update_created(column, step)
    if step.state == State.DONE:
        column.external_set_at = None


def update_external(column: GradeColumn, step: ProvisioningStep) -> None:
    if column.is_external_grade:  # still
        column.external_reason = step.reason
        column.external_set_at = step.finished_at if step.state == State.DONE else column.external_set_at


def update_deleted(column: GradeColumn, step: ProvisioningStep) -> None:
    column.provisioning_reason = step.reason
    if step.state == State.DONE:
        column.status, column.provisioned_at = Status.DELETED, None
        column.external_set_at, column.external_reason = None, {}
    elif step.state == State.UNCONFIRMED:
        column.status, column.external_set_at = Status.UNCONFIRMED, None
    elif column.status == Status.DELETING:
        column.status = step.status_before


TARGETS: dict[Kind, tuple[type[Any], str]] = {
    Kind.SCHEMA: (GradeSchema, "schema_id"),
    Kind.COLUMN: (GradeColumn, "column_id"),
    Kind.EXTERNAL_GRADE: (GradeColumn, "column_id"),
    Kind.METADATA: (EnrolmentMetadata, "metadata_id"),
    Kind.DELETION: (GradeColumn, "column_id"),
}
FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.SCHEMA: OF_CREATION,
    Kind.COLUMN: (*OF_CREATION, *OF_EXTERNAL_GRADE),
    Kind.EXTERNAL_GRADE: OF_EXTERNAL_GRADE,
    Kind.METADATA: OF_CREATION,
    Kind.DELETION: (*OF_CREATION, *OF_EXTERNAL_GRADE),
}
UPDATES: dict[Kind, Callable[[Any, ProvisioningStep], None]] = {
    Kind.SCHEMA: update_created,
    Kind.COLUMN: update_column,
    Kind.EXTERNAL_GRADE: update_external,
    Kind.METADATA: update_created,
    Kind.DELETION: update_deleted,
}


@transaction.atomic
def finish(run: ProvisioningRun) -> None:
    """Finish the run if all its steps are."""
    locked = ProvisioningRun.objects.select_for_update().get(pk=run.pk)
    if locked.finished_at or locked.steps.filter(state__in=ProvisioningStep.OPEN).exists():
        return
    failed = locked.steps.exclude(state=State.DONE).exists()
    locked.state = ProvisioningRun.State.FAILED if failed else ProvisioningRun.State.DONE
    locked.finished_at = timezone.now()
    locked.save(update_fields=["state", "finished_at"])
    level = logging.WARNING if failed else logging.INFO
    transaction.on_commit(partial(log.log, level, "provisioning_finished", run=run.pk, state=locked.state))


def sweep() -> int:
    """Bring runs whose process died to their true states. Returns how many. Nothing is sent."""
    now = timezone.now()
    dead = ProvisioningRun.objects.filter(finished_at__isnull=True, lease_ends_at__lt=now)
    return sum(sweep_run(pk, dead, now) for pk in dead.values_list("pk", flat=True))


@transaction.atomic
def sweep_run(pk: int, dead: QuerySet[ProvisioningRun], now: datetime) -> bool:
    """Whether it was still dead once its row was locked: `claim` renews the lease, and holds the row."""
    run = dead.select_for_update().filter(pk=pk).first()
    if run is None:
        return False
    still_open = run.steps.filter(state__in=ProvisioningStep.OPEN).order_by("stage", "pk").select_for_update()
    record_outcomes([(step, *interrupted(step)) for step in still_open], now)
    finish(run)
    return True


def interrupted(step: ProvisioningStep) -> tuple[State, Reason]:
    if step.state == State.SENDING:
        return State.UNCONFIRMED, {"code": "CALL_INTERRUPTED", "advice": after_doubt(step)}
    return State.FAILED, {"code": "INTERRUPTED", "advice": "PROVISION_AGAIN"}


def after_doubt(step: ProvisioningStep) -> str:
    """What to do about a step that may have arrived, as a key of `sentences.ADVICE`."""
    return "SAFE_TO_PROVISION_AGAIN" if step.kind in (Kind.EXTERNAL_GRADE, Kind.METADATA) else "LOOK_IN_LEARN"
