"""Background work. A task is only a nudge: the deliveries are the truth, so a lost task loses nothing."""

from datetime import timedelta

from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from exports import delivering
from exports.models import Delivery, ExportAttempt

GRACE = timedelta(minutes=1)  # a worker that has just finished its attempt still marks its task


class WorkerDied(Exception):
    """The process that ran a task was killed."""


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
