"""Background work for Learn's side. The steps say what is to be done: a task only starts it, and a lost
task loses nothing.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from common import stopping
from courses import provisioning
from courses.models import ProvisioningRun
from courses.provisioning.planning import PATIENCE

GRACE = timedelta(minutes=1)  # a worker that has just finished its work still marks its task


class WorkerDied(Exception):
    """The process that ran a task was killed."""


@transaction.atomic
def provision(
    wanted: provisioning.ProvisioningRequest, *, by: User
) -> tuple[ProvisioningRun | None, provisioning.Plan]:
    """Record a run of what can go to Learn, for a worker to carry out; None if nothing can."""
    run, plan = provisioning.request(wanted, by=by)
    if run:
        carry_out_run.enqueue(run.pk)
    return run, plan


@task()
def carry_out_run(run_id: int) -> None:
    """Send what is queued in a provisioning run. Where this worker is to stop, the next one goes on."""
    with stopping.listening():
        if provisioning.carry_out(ProvisioningRun.objects.get(pk=run_id)):
            return
    with transaction.atomic():
        unfinished = ProvisioningRun.objects.filter(pk=run_id, finished_at__isnull=True)
        if unfinished.update(lease_ends_at=timezone.now() + PATIENCE):
            carry_out_run.enqueue(run_id)


def fail_dead(task_of: Any, work: QuerySet[Any]) -> int:
    """Fail the tasks that seem to run though their row of `work` is finished, or gone: their worker was killed.

    `task_of` takes the row's primary key; the row has a `finished_at`. Returns how many.
    """
    before = timezone.now() - GRACE
    failed = 0
    running = DBTaskResult.objects.running().filter(task_path=task_of.module_path, started_at__lt=before)
    for result in running:
        [pk] = result.args_kwargs["args"]
        if not work.filter(pk=pk).exclude(finished_at__lt=before).exists():
            result.set_failed(WorkerDied(f"The worker of {work.model._meta.verbose_name} {pk} died; it was swept."))
            failed += 1
    return failed
