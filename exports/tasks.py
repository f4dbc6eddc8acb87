"""Background work. A task is only a nudge: the deliveries are the truth, so a lost task loses nothing."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from exports import delivering
from exports.models import Delivery, ExportAttempt, Flow

PATIENCE = timedelta(minutes=15)  # how long an attempt waits for a free task worker before it is swept
TIME_LIMIT = timedelta(hours=4)  # no call begins later than that after the attempt was asked for
GRACE = timedelta(minutes=1)  # a worker that has just finished its attempt still marks its task


class WorkerDied(Exception):
    """The process that ran a task was killed."""


def new_attempt(flow: Flow, trigger: ExportAttempt.Trigger, *, by: User | None) -> ExportAttempt:
    """An attempt that somebody asks for and a task worker delivers. It is not saved."""
    now = timezone.now()
    return ExportAttempt(
        flow=flow,
        trigger=trigger,
        requested_by=by,
        requested_at=now if by else None,
        started_at=now,
        ends_by=now + TIME_LIMIT,
        lease_ends_at=now + PATIENCE,
    )


@task()
def deliver_attempt(attempt_id: int) -> None:
    """Deliver what is queued in an attempt."""
    attempt = ExportAttempt.objects.get(pk=attempt_id)
    still_open = attempt.deliveries.filter(state__in=Delivery.OPEN).count()  # others may carry some already
    if still_open:
        delivering.deliver(attempt, queued=still_open, until=attempt.ends_by)


def settle_dead_tasks() -> int:
    """Mark tasks as failed whose attempt is finished though they seem to run: their worker was killed."""
    now = timezone.now()
    settled = 0
    running = DBTaskResult.objects.running().filter(task_path=deliver_attempt.module_path, started_at__lt=now - GRACE)
    for result in running:
        [attempt] = result.args_kwargs["args"]
        if not ExportAttempt.objects.filter(pk=attempt).exclude(finished_at__lt=now - GRACE).exists():
            result.set_failed(WorkerDied(f"The worker of attempt {attempt} died; the attempt was swept."))
            settled += 1
    return settled
