"""Background work. A task is only a nudge: the deliveries are the truth, so a lost task loses nothing."""

from collections.abc import Collection
from datetime import timedelta

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from common import stopping
from common.request_ids import current_request_id, on_behalf_of
from courses.models import ProvisioningRun
from courses.provisioning.planning import PATIENCE
from courses.tasks import WorkerDied, carry_out_run, fail_dead
from exports.delivering import workers
from exports.mapping.health import checking
from exports.models import Delivery, ExportAttempt, Flow, Heartbeat, RetryRun
from exports.models.learn_check import PATIENCE as PATIENCE_OF_CHECKS

log = structlog.get_logger(__name__)


LOST_AFTER = timedelta(minutes=10)  # a worker was killed while it gave a sign of life
TIME_LIMIT = timedelta(hours=4)  # no call begins later than that after the attempt was requested


def new_attempt(
    flow: Flow, trigger: ExportAttempt.Trigger, *, by: User | None, run: RetryRun | None = None
) -> ExportAttempt:
    """An attempt that someone requests and a task worker delivers. It is not saved."""
    now = timezone.now()
    return ExportAttempt(
        flow=flow,
        trigger=trigger,
        retry_run=run,
        requested_by=by,
        requested_at=now if by else None,
        request_id=current_request_id(),
        started_at=now,
        ends_by=now + TIME_LIMIT,
        lease_ends_at=now + PATIENCE,
    )


@task()
def deliver_attempt(attempt_id: int) -> None:
    """Deliver what is queued in an attempt. Where this worker is to stop, the next one goes on."""
    attempt = ExportAttempt.objects.get(pk=attempt_id)
    with on_behalf_of(attempt.request_id):
        still_open = attempt.deliveries.filter(state__in=Delivery.OPEN).count()  # others may carry some already
        log.info("delivering_begins", attempt=attempt.pk, trigger=attempt.trigger, to_send=still_open)
        if not still_open:
            return
        with stopping.listening():
            if workers.deliver_until_stopped(attempt, queued=still_open, until=attempt.ends_by):
                return
        with transaction.atomic():
            unfinished = ExportAttempt.objects.filter(pk=attempt_id, finished_at__isnull=True)
            if unfinished.update(lease_ends_at=timezone.now() + PATIENCE):
                deliver_attempt.enqueue(attempt_id)


def request_check_with_learn(flows: Collection[int]) -> int:
    """Have these flows, by primary key, looked at in Learn by a worker. Returns for how many none was awaited yet."""
    with transaction.atomic():
        if wanted := checking.request_check(flows):
            check_with_learn.enqueue(wanted)
    return len(wanted)


@task()
def check_with_learn(flows: list[int]) -> None:
    """Look at these flows in Learn, the first to end first."""
    rows = Flow.objects.filter(pk__in=flows).order_by("assessment_ends_at", "pk")
    with stopping.listening():
        checking.check_with_learn(rows, gives_way=True)


@task()
def give_sign_of_life() -> None:
    """Shows that a worker takes tasks."""
    Heartbeat.objects.beat(Heartbeat.Name.WORKER)


def ask_workers() -> None:
    """Have a worker give a sign of life. At most one such task waits, and those that are over do not pile up."""
    asked = DBTaskResult.objects.filter(task_path=give_sign_of_life.module_path)
    asked.exclude(status="READY").exclude(status="RUNNING", started_at__gt=timezone.now() - LOST_AFTER).delete()
    if not asked.filter(status="READY").exists():
        give_sign_of_life.enqueue()


def finish_dead_tasks() -> int:
    """Mark tasks as failed that seem to run, though what they do is finished or given up. Returns how many."""
    return (
        fail_dead(deliver_attempt, ExportAttempt.objects.all())
        + fail_dead(carry_out_run, ProvisioningRun.objects.all())
        + fail_lost_checks()
    )


def fail_lost_checks() -> int:
    """A check with Learn ends within minutes, or its worker was killed."""
    lost = DBTaskResult.objects.running().filter(
        task_path=check_with_learn.module_path, started_at__lt=timezone.now() - PATIENCE_OF_CHECKS
    )
    for result in lost:
        result.set_failed(WorkerDied("The worker of a check with Learn died."))
    return len(lost)
