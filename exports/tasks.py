"""Background work. A task is only a nudge: the deliveries are the truth, so a lost task loses nothing."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from django_tasks import task

from courses.models import ProvisioningRun
from courses.tasks import carry_out_run, fail_dead
from exports.delivering import workers
from exports.models import Delivery, ExportAttempt, Flow

PATIENCE = timedelta(minutes=15)  # how long an attempt waits for a free task worker before it is swept
TIME_LIMIT = timedelta(hours=4)  # no call begins later than that after the attempt was asked for


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
        workers.deliver(attempt, queued=still_open, until=attempt.ends_by)


def settle_dead_tasks() -> int:
    """Mark tasks of finished attempts and provisioning runs as failed that seem to run. Returns how many."""
    return fail_dead(deliver_attempt, ExportAttempt.objects.all()) + fail_dead(
        carry_out_run, ProvisioningRun.objects.all()
    )
