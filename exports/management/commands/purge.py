"""Deletes old history."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from common.database.bulk import among
from courses.models import ProvisioningRun, ServiceCall
from exports.grades.causes import HELD_BACK
from exports.models import (
    Delivery,
    Digest,
    Event,
    ExportAttempt,
    ExportState,
    Flow,
    Heartbeat,
    Participant,
    PersonInWiseflow,
    RefusedRequest,
    RetryRun,
    WebhookMessage,
)

log = structlog.get_logger(__name__)

CHUNK = 200  # rows in one transaction; an attempt includes its deliveries
MAX_DAYS = 36_500

M = TypeVar("M", bound=models.Model)


class Command(BaseCommand):
    help = (
        "Deletes export attempts with their deliveries, retries without attempts, provisioning runs, calls to Learn, "
        "task results, refused requests, and events with their digests and messages that are older than DAYS. Without "
        "--apply it only shows what it would delete. The state of every participant, and what was exported, is kept, "
        "so no grade is sent twice because of a purge. Attempts with a participant who is failed now, or whose "
        "newer grade was held back, are kept too, with their calls. So are corrections, holds, the history of the "
        "configuration and the register of evidence. "
        "The names of participants are deleted where their flow's period, last roster and last attempt are that old."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", metavar="DAYS", type=int, required=True, help="at least 1")
        parser.add_argument(
            "--apply", action="store_true", help="delete, instead of only showing what would be deleted"
        )

    def handle(self, *, older_than: int, apply: bool, **_: Any) -> None:
        if not 1 <= older_than <= MAX_DAYS:
            raise CommandError(f"--older-than must be 1 to {MAX_DAYS} days.")
        before = timezone.localtime() - timedelta(days=older_than)
        attempts, calls, tasks = purgeable_attempts(before), purgeable_calls(before), purgeable_tasks(before)
        refusals = RefusedRequest.objects.older_than(before)
        runs = ProvisioningRun.objects.filter(finished_at__lt=before)
        deliveries = Delivery.objects.filter(attempt__in=attempts.order_by()).count()
        events, digests = purgeable_events(before), Digest.objects.filter(finished_at__lt=before)
        found = (
            f"attempts: {attempts.count()}, deliveries: {deliveries}, task results: {tasks.count()}, "
            f"finished before {before:%Y-%m-%d %H:%M}; calls to Learn: {calls.count()}; "
            f"provisioning runs: {runs.count()}; refused requests: {refusals.count()}; events: {events.count()}; "
            f"digests: {digests.count()}; names of participants: {named_people(before).count()}"
        )
        if not apply:
            self.stdout.write(f"Would delete {found}. Nothing is deleted without --apply.")
            return
        delete_names(before)
        delete(attempts)
        delete(RetryRun.objects.filter(requested_at__lt=before, attempts__isnull=True))
        delete(runs)
        delete(calls)
        delete(tasks)
        delete(refusals)
        delete(digests)
        delete(events)
        Heartbeat.objects.beat(Heartbeat.Name.PURGE)
        log.info("purge_finished", before=before.isoformat())
        self.stdout.write(f"Deleted {found}.")


def purgeable_attempts(before: datetime) -> QuerySet[ExportAttempt]:
    """Finished ones that no manager needs any more. An attempt and all its deliveries are purged, or none of them."""
    deliveries = Delivery.objects.filter(attempt=OuterRef("pk"))
    # Of what was held back of several sources, the deliveries alone know which grade was for which.
    held_back = Q(participant__state=ExportState.EXPORTED, participant__cause__in=HELD_BACK)
    return (
        ExportAttempt.objects.filter(finished_at__lt=before)
        .exclude(Exists(deliveries.filter(state__in=Delivery.OPEN)))
        .exclude(Exists(deliveries.filter(Q(participant__state=ExportState.FAILED) | held_back)))
    )


def purgeable_calls(before: datetime) -> QuerySet[ServiceCall]:
    """Of purged attempts, or of none. The quota is counted from those of the last 24 hours: `before` is earlier."""
    kept = (
        ExportAttempt.calls.through.objects.filter(servicecall=OuterRef("pk"))
        .exclude(exportattempt__in=purgeable_attempts(before).order_by())
        .order_by()
    )
    calls = ServiceCall.objects.filter(started_at__lt=before).exclude(lifts_at__gt=timezone.now())
    return calls.exclude(Exists(kept))


def purgeable_tasks(before: datetime) -> QuerySet[Any]:
    return DBTaskResult.objects.finished().filter(finished_at__lt=before)


def named_people(before: datetime) -> QuerySet[Participant]:
    """Those with a name, in flows that no one works with any more."""
    later = ExportAttempt.objects.filter(flow=OuterRef("pk")).exclude(finished_at__lt=before).order_by()
    flows = Flow.objects.filter(roster_imported_at__lt=before).exclude(assessment_ends_at__gte=before)
    people = Participant.objects.filter(flow__in=flows.exclude(Exists(later)).order_by().values("pk")).order_by()
    return people.exclude(first_name="", last_name="")


def delete_names(before: datetime) -> None:
    """Flow by flow, with its row locked as an import of a roster does."""
    flows = Flow.objects.filter(pk__in=named_people(before).values("flow")).order_by("pk")
    for pk in list(flows.values_list("pk", flat=True)):
        with transaction.atomic():
            flow = Flow.objects.select_for_update(no_key=True).get(pk=pk)
            named = list(named_people(before).filter(flow=flow).values_list("pk", flat=True))
            PersonInWiseflow.objects.filter(among("participant_id", named)).update(first_name="", last_name="")
            Participant.objects.filter(among("pk", named)).update(first_name="", last_name="")


def purgeable_events(before: datetime) -> QuerySet[Event]:
    """With their messages to webhooks. What is still so would be recorded again, and is kept."""
    late = Flow.objects.late(timezone.now()).order_by().values("pk")
    ending = Flow.objects.filter(assessment_ends_at__gt=timezone.now()).order_by().values("pk")
    kept = Q(kind=Event.Kind.NOT_ARRIVED, flow__in=late) | Q(kind=Event.Kind.MAPPING_FAULTS, flow__in=ending)
    being_sent = Q(digests__state__in=Digest.OPEN) | Q(messages__state__in=WebhookMessage.OPEN)
    return (
        Event.objects.filter(at__lt=before).exclude(kept).exclude(pk__in=Event.objects.filter(being_sent).values("pk"))
    )


def delete(rows: QuerySet[M]) -> None:
    """In chunks, so that no export waits for long."""
    while True:
        with transaction.atomic():
            pks = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            rows.filter(pk__in=pks).delete()
        if len(pks) < CHUNK:
            return
