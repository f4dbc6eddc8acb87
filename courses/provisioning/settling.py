"""What became of steps, where their rows stand after it, and the end of a run."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from courses.models import GradeColumn, Provisioned, ProvisioningRun, ProvisioningStep

Kind = ProvisioningStep.Kind
State = ProvisioningStep.State
Standing = Provisioned.Standing
Settled = tuple[ProvisioningStep, State, str]  # with its message

CHUNK = 500  # rows in one statement
OF_ROW = ("standing", "provisioned_at", "provisioning_message")
OF_COLUMN = (*OF_ROW, "external_set_at", "external_message")

# Sent when Learn has deleted a column, or may have: `column`, and `is_certain`. In the transaction that records it.
column_deleted = Signal()


def settle(settled: Iterable[Settled], now: datetime) -> None:
    """Record what became of open steps, and of their rows. Call it in a transaction."""
    steps: list[ProvisioningStep] = []
    rows: dict[tuple[type[Any], int], Any] = {}  # two steps of one column share the row
    for step, state, message in settled:
        step.state, step.message, step.settled_at = state, message, now
        steps.append(step)
        if (row := step.target) is not None:
            place(rows.setdefault((type(row), row.pk), row), step)
    ProvisioningStep.objects.bulk_update(steps, ["state", "message", "settled_at"], batch_size=CHUNK)
    for model in {model for model, _pk in rows}:
        changed = [row for (of, _pk), row in rows.items() if of is model]
        fields = OF_COLUMN if model is GradeColumn else OF_ROW
        model._default_manager.bulk_update(changed, fields, batch_size=CHUNK)
    for step in steps:
        if step.kind == Kind.DELETION and step.column and step.state in (State.DONE, State.UNCONFIRMED):
            column_deleted.send(GradeColumn, column=step.column, is_certain=step.state == State.DONE)


def place(row: Any, step: ProvisioningStep) -> None:
    """Where the row stands after its step. It is not saved."""
    is_done, is_unconfirmed = step.state == State.DONE, step.state == State.UNCONFIRMED
    if step.kind == Kind.EXTERNAL_GRADE:
        row.external_message = step.message
        row.external_set_at = step.settled_at if is_done else row.external_set_at
        return
    row.provisioning_message = step.message
    if step.kind == Kind.DELETION:
        if is_done:
            row.standing, row.provisioned_at, row.external_set_at = Standing.DELETED, None, None
        elif is_unconfirmed:
            row.standing = Standing.UNCONFIRMED
        else:  # it still stands where it stood
            row.standing = Standing.PROVISIONED if row.provisioned_at else Standing.NOT_PROVISIONED
    elif is_done:
        row.standing, row.provisioned_at = Standing.PROVISIONED, step.settled_at
    elif not row.is_provisioned:  # one that was to be created again still stands
        row.standing = Standing.UNCONFIRMED if is_unconfirmed else Standing.FAILED


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
    dead = list(ProvisioningRun.objects.filter(finished_at__isnull=True, lease_ends_at__lt=now))
    for run in dead:
        with transaction.atomic():
            still_open = run.steps.filter(state__in=ProvisioningStep.OPEN).order_by("stage", "pk")
            steps = still_open.select_related("schema", "column__course", "metadata").select_for_update(of=("self",))
            settle([(step, *interrupted(step)) for step in steps], now)
        finish(run)
    return len(dead)


def interrupted(step: ProvisioningStep) -> tuple[State, str]:
    if step.state == State.SENDING:
        return State.UNCONFIRMED, "The call to Learn was interrupted. Look in Learn before you try again."
    return State.FAILED, "GradeBridge was interrupted before it was sent. Provision it again."
