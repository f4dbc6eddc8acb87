"""Brings attempts and provisioning runs whose process died to their true states."""

from datetime import datetime
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from courses import provisioning
from courses.models import ProvisioningRun
from exports import tasks
from exports.delivering import finishing
from exports.models import Delivery, ExportAttempt, Heartbeat
from exports.proving import background

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Finishes the attempts whose process died. Nothing is sent: their grades count as failed, and can be retried."
    )

    def handle(self, **_: Any) -> None:
        finished = finishing.sweep()
        runs = provisioning.sweep()
        tasks.finish_dead_tasks()
        background.finish_overdue()
        Heartbeat.objects.beat(Heartbeat.Name.SWEEP)
        log.info("sweep_finished", attempts=finished, provisioning_runs=runs)
        self.stdout.write(f"{finished} {'attempt' if finished == 1 else 'attempts'} finished.")
        if runs:
            self.stdout.write(f"{runs} {'provisioning run' if runs == 1 else 'provisioning runs'} finished.")
        for sentence in (still_running(ExportAttempt.objects.all()), runs_still_running()):
            if sentence:
                self.stdout.write(sentence)


def still_running(attempts: QuerySet[ExportAttempt]) -> str:
    """Those of the attempts that a sweep leaves alone, in a sentence; "" if there are none.

    The process of one may be dead already: that shows only when its lease has ended without being renewed.
    """
    found = attempts.filter(finished_at__isnull=True).aggregate(
        count=Count("pk", distinct=True),
        lease=Max("lease_ends_at"),
        call=Max("deliveries__lease_ends_at", filter=Q(deliveries__state=Delivery.State.SENDING)),
    )
    if not found["count"]:
        return ""
    return left_alone("attempt", found["count"], max(filter(None, (found["lease"], found["call"]))))


def runs_still_running() -> str:
    """The same of provisioning runs."""
    runs = ProvisioningRun.objects.filter(finished_at__isnull=True)
    found = runs.aggregate(count=Count("pk"), lease=Max("lease_ends_at"))
    return left_alone("provisioning run", found["count"], found["lease"]) if found["count"] else ""


def left_alone(what: str, count: int, ends_at: datetime) -> str:
    ends = f"{timezone.localtime(ends_at):%H:%M}"
    if count == 1:
        return f"1 {what} is still running; its lease ends at {ends}."
    return f"{count} {what}s are still running; the last lease ends at {ends}."
