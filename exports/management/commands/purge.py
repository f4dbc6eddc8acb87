"""Deletes old history."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses.models import ProvisioningRun, ServiceCall
from exports.models import Delivery, ExportAttempt, ExportState

CHUNK = 200  # rows in one transaction; an attempt takes its deliveries along
MOST_DAYS = 36_500

M = TypeVar("M", bound=models.Model)


class Command(BaseCommand):
    help = (
        "Deletes export attempts with their deliveries, provisioning runs, calls to Learn and task results of more "
        "than DAYS ago. Without --apply it only says what would go. Where every participant stands, and what was "
        "exported, is kept: "
        "a purge never makes a grade travel twice. An attempt with a participant who is failed now is kept too, with "
        "its calls. So are corrections and the history of the configuration."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", metavar="DAYS", type=int, required=True, help="at least 1")
        parser.add_argument("--apply", action="store_true", help="delete, rather than say what would go")

    def handle(self, *, older_than: int, apply: bool, **_: Any) -> None:
        if not 1 <= older_than <= MOST_DAYS:
            raise CommandError(f"--older-than takes 1 to {MOST_DAYS} days.")
        before = timezone.localtime() - timedelta(days=older_than)
        attempts, calls, tasks = purgeable_attempts(before), purgeable_calls(before), purgeable_tasks(before)
        runs = ProvisioningRun.objects.filter(finished_at__lt=before)
        deliveries = Delivery.objects.filter(attempt__in=attempts.order_by()).count()
        found = (
            f"attempts: {attempts.count()}, deliveries: {deliveries}, task results: {tasks.count()}, "
            f"finished before {before:%Y-%m-%d %H:%M}; calls to Learn: {calls.count()}; "
            f"provisioning runs: {runs.count()}"
        )
        if not apply:
            self.stdout.write(f"Would delete {found}. Nothing is deleted without --apply.")
            return
        delete(attempts)
        delete(runs)
        delete(calls)
        delete(tasks)
        self.stdout.write(f"Deleted {found}.")


def purgeable_attempts(before: datetime) -> QuerySet[ExportAttempt]:
    """Settled ones that no manager needs any more. An attempt goes with all its deliveries, or stays with all."""
    deliveries = Delivery.objects.filter(attempt=OuterRef("pk"))
    return (
        ExportAttempt.objects.filter(finished_at__lt=before)
        .exclude(Exists(deliveries.filter(state__in=Delivery.OPEN)))
        .exclude(Exists(deliveries.filter(participant__state=ExportState.FAILED)))
    )


def purgeable_calls(before: datetime) -> QuerySet[ServiceCall]:
    """Of attempts that go, or of none. The quota is counted from those of the last 24 hours: `before` is earlier."""
    kept = (
        ExportAttempt.calls.through.objects.filter(servicecall=OuterRef("pk"))
        .exclude(exportattempt__in=purgeable_attempts(before).order_by())
        .order_by()
    )
    calls = ServiceCall.objects.filter(started_at__lt=before).exclude(lifts_at__gt=timezone.now())
    return calls.exclude(Exists(kept))


def purgeable_tasks(before: datetime) -> QuerySet[Any]:
    return DBTaskResult.objects.finished().filter(finished_at__lt=before)


def delete(rows: QuerySet[M]) -> None:
    """In chunks, so that no export waits for long."""
    while True:
        with transaction.atomic():
            pks = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            rows.filter(pk__in=pks).delete()
        if len(pks) < CHUNK:
            return
