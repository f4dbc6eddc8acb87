"""What became of steps, where their rows stand after it, and the end of a run."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils import timezone

from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, Provisioned, ProvisioningRun, ProvisioningStep

Kind = ProvisioningStep.Kind
State = ProvisioningStep.State
Standing = Provisioned.Standing
Settled = tuple[ProvisioningStep, State, str]  # with its message

MAY_BE_DELETED = (State.DONE, State.UNCONFIRMED)  # a column, by the state of its deletion
CHUNK = 500  # rows in one statement
OF_CREATION = ("standing", "provisioned_at", "provisioning_message")
OF_EXTERNAL_GRADE = ("external_set_at", "external_message")

# Sent when Learn has deleted a column, or may have: `column`, and `is_certain`. In the transaction that records it.
column_deleted = Signal()
# Sent earlier in that transaction, before any row is locked: `columns`, by primary key. For who locks rows before them.
columns_locking = Signal()


def settle(settled: Iterable[Settled], now: datetime) -> None:
    """Record what became of open steps, and of their rows as they stand by now. Call it in a transaction."""
    by_kind: dict[str, list[ProvisioningStep]] = defaultdict(list)
    for step, state, message in settled:
        step.state, step.message, step.settled_at = state, message, now
        by_kind[step.kind].append(step)
    if deleted := [step.column_id for step in by_kind.get(Kind.DELETION, []) if step.state in MAY_BE_DELETED]:
        columns_locking.send(GradeColumn, columns=deleted)
    steps = [step for some in by_kind.values() for step in some]
    ProvisioningStep.objects.bulk_update(steps, ["state", "message", "settled_at"], batch_size=CHUNK)
    for kind, some in by_kind.items():
        update_rows(Kind(kind), some)


def update_rows(kind: Kind, steps: Sequence[ProvisioningStep]) -> None:
    """Rows are read anew, and only what is of this kind is written: somebody may have changed them during the call."""
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
    """A try that failed says nothing new of a row that stands in Learn, that may, or that was deleted there."""
    if step.state == State.DONE:
        row.standing, row.provisioned_at = Standing.PROVISIONED, step.settled_at
    elif row.standing == Standing.PROVISIONED and not step.again:
        return  # it came there by another way meanwhile
    elif row.standing != Standing.PROVISIONED and step.state == State.UNCONFIRMED:
        row.standing = Standing.UNCONFIRMED
    elif row.standing == Standing.NOT_PROVISIONED:
        row.standing = Standing.FAILED
    row.provisioning_message = step.message


def update_column(column: GradeColumn, step: ProvisioningStep) -> None:
    """A column that was just created is no external grade yet."""
    update_created(column, step)
    if step.state == State.DONE:
        column.external_set_at = None


def update_external(column: GradeColumn, step: ProvisioningStep) -> None:
    if column.is_external_grade:  # still
        column.external_message = step.message
        column.external_set_at = step.settled_at if step.state == State.DONE else column.external_set_at


def update_deleted(column: GradeColumn, step: ProvisioningStep) -> None:
    column.provisioning_message = step.message
    if step.state == State.DONE:
        column.standing, column.provisioned_at = Standing.DELETED, None
        column.external_set_at, column.external_message = None, ""
    elif step.state == State.UNCONFIRMED:
        column.standing, column.external_set_at = Standing.UNCONFIRMED, None
    elif column.standing == Standing.DELETING:
        column.standing = step.standing_before


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
    """Finish the run if all its steps are settled."""
    locked = ProvisioningRun.objects.select_for_update().get(pk=run.pk)
    if locked.finished_at or locked.steps.filter(state__in=ProvisioningStep.OPEN).exists():
        return
    failed = locked.steps.exclude(state=State.DONE).exists()
    locked.state = ProvisioningRun.State.FAILED if failed else ProvisioningRun.State.DONE
    locked.finished_at = timezone.now()
    locked.save(update_fields=["state", "finished_at"])


def sweep() -> int:
    """Bring runs whose process died to their true states. Returns how many. Nothing is sent."""
    now = timezone.now()
    dead = ProvisioningRun.objects.filter(finished_at__isnull=True, lease_ends_at__lt=now)
    return sum(sweep_run(pk, dead, now) for pk in dead.values_list("pk", flat=True))


@transaction.atomic
def sweep_run(pk: int, dead: QuerySet[ProvisioningRun], now: datetime) -> bool:
    """Whether it was still dead once its row was locked: `claim` renews the lease, and holds the row meanwhile."""
    run = dead.select_for_update().filter(pk=pk).first()
    if run is None:
        return False
    still_open = run.steps.filter(state__in=ProvisioningStep.OPEN).order_by("stage", "pk").select_for_update()
    settle([(step, *interrupted(step)) for step in still_open], now)
    finish(run)
    return True


def interrupted(step: ProvisioningStep) -> tuple[State, str]:
    if step.state == State.SENDING:
        return State.UNCONFIRMED, f"The call to Learn was interrupted. {after_doubt(step)}"
    return State.FAILED, "GradeBridge was interrupted before it was sent. Provision it again."


def after_doubt(step: ProvisioningStep) -> str:
    """What to do about a step that may have arrived."""
    if step.kind in (Kind.EXTERNAL_GRADE, Kind.METADATA):
        return "Provision it again: it is only set once more."
    return "Look in Learn before you try again."
