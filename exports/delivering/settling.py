"""What ends an attempt: all its deliveries are settled, or nobody is alive to send them."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from common.database.failures import Failure, failure_of
from common.database.retrying import short_waits
from exports.delivering.recording import settle_as
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow
from exports.models.attempt import DeliveryQuerySet

log = logging.getLogger(__name__)


def lease_end(now: datetime) -> datetime:
    """A process that gives no sign of life until then is taken for dead."""
    return now + timedelta(seconds=2 * settings.LEARN_TIMEOUT)


def settle(attempts: Sequence[int]) -> list[int]:
    """Finish those of the attempts whose deliveries are all settled, bring their flows' states after; returns them."""
    with transaction.atomic():
        finished = ExportAttempt.objects.filter(pk__in=attempts).settle(timezone.now())
        if finished:
            flows = list(Flow.objects.filter(attempts__in=finished).values_list("pk", flat=True))
            locked = Flow.objects.filter(pk__in=flows).order_by("pk").select_for_update(no_key=True)
            # A new statement after the lock: it counts all that was recorded by whoever held the lock before us.
            Flow.objects.refresh(list(locked.values_list("pk", flat=True)))
    return finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """What this process waits for or has in flight: it is alive, whatever its leases say."""

    attempts: set[int] = field(default_factory=set)  # that somebody waits for
    claims: set[UUID] = field(default_factory=set)  # of batches that are not recorded yet


here = Here()


def sweep(flows: QuerySet[Flow] | None = None) -> int:
    """Bring attempts whose process died to their true states. Returns how many attempts were finished.

    Queued deliveries have not arrived; those in a call may have. Nothing is sent: they stand under Failed, for a
    manager to retry (R4, R5). An attempt whose rows somebody else has locked is left to the next sweep.
    """
    running = ExportAttempt.objects.filter(finished_at__isnull=True)
    if flows is not None:
        running = running.filter(flow__in=flows)
    if not running.exists():  # nearly always, and cheaper to ask
        return 0
    now = timezone.now()
    dead_calls = Delivery.objects.filter(state=Delivery.State.SENDING, lease_ends_at__lt=now)
    dead_calls = dead_calls.exclude(claim__in=list(here.claims))
    dead = Q(lease_ends_at__lt=now) & ~Q(pk__in=list(here.attempts))
    overdue = running.filter(dead | Exists(dead_calls.filter(attempt=OuterRef("pk"))))
    return sum(sweep_attempt(attempt, dead_calls, now) for attempt in overdue)


def sweep_attempt(attempt: ExportAttempt, dead_calls: DeliveryQuerySet, now: datetime) -> bool:
    """Whether it is finished now."""
    queued, finished = attempt.deliveries.filter(state=Delivery.State.QUEUED), False
    with unless_locked(attempt):
        # Each in a transaction of its own: an export locks its flow first and the people after it.
        with short_waits():
            settle_as(
                dead_calls.filter(attempt=attempt),
                Delivery.State.UNCONFIRMED,
                Cause.UNCONFIRMED,
                "The call to Learn was interrupted; it may have stored the grade",
                now=now,
            )
        if attempt.lease_ends_at < now and attempt.pk not in here.attempts:
            with short_waits():
                settle_as(queued, Delivery.State.FAILED, Cause.INTERRUPTED, now=now)
        with short_waits():
            finished = bool(settle([attempt.pk]))
    return finished


def end(attempt: ExportAttempt) -> None:
    """Its time is over: settle what was not sent, and the attempt if nothing of it is in a call."""
    queued = attempt.deliveries.filter(state=Delivery.State.QUEUED)
    with unless_locked(attempt):
        with short_waits():
            settle_as(queued, Delivery.State.FAILED, Cause.DEADLINE, now=timezone.now())
        with short_waits():
            settle([attempt.pk])


@contextmanager
def unless_locked(attempt: ExportAttempt) -> Iterator[None]:
    """Leave the attempt to the next sweep where somebody else holds its rows for long."""
    try:
        yield
    except OperationalError as error:
        if failure_of(error) is not Failure.CONFLICT:
            raise
        log.info("Rows of attempt %s are locked by somebody else; the next sweep settles it", attempt.pk)
