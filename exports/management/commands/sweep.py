"""Brings attempts and provisioning runs whose process died to their true states."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from courses import provisioning
from exports import tasks
from exports.delivering import settling
from exports.models import Delivery, ExportAttempt


class Command(BaseCommand):
    help = "Finishes the attempts whose process died. Nothing is sent: their grades stand under Failed (R4, R5)."

    def handle(self, **_: Any) -> None:
        finished = settling.sweep()
        runs = provisioning.sweep()
        tasks.settle_dead_tasks()
        self.stdout.write(f"{finished} {'attempt' if finished == 1 else 'attempts'} finished.")
        if runs:
            self.stdout.write(f"{runs} {'provisioning run' if runs == 1 else 'provisioning runs'} finished.")
        if sentence := still_running(ExportAttempt.objects.all()):
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
    ends_at = timezone.localtime(max(filter(None, (found["lease"], found["call"]))))
    if found["count"] == 1:
        return f"1 attempt is still running; its lease ends at {ends_at:%H:%M}."
    return f"{found['count']} attempts are still running; the last lease ends at {ends_at:%H:%M}."
