"""What ends an attempt: all its deliveries are finished, or no one is alive to send them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from common.database.failures import Failure, failure_of
from common.database.retrying import short_waits
from exports.delivering.events import record_ends
from exports.delivering.recording import finish_as
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow
from exports.models.delivery import DeliveryQuerySet

log = structlog.get_logger(__name__)


def lease_end(now: datetime) -> datetime:
    """A process that gives no sign of life until then is taken for dead."""
    return now + timedelta(seconds=2 * settings.LEARN_TIMEOUT)


def finish(attempts: Sequence[int]) -> list[int]:
    """Finish those of the attempts whose deliveries are all finished, bring their flows' states after; returns them."""
    with transaction.atomic():
        finished = ExportAttempt.objects.filter(pk__in=attempts).finish(timezone.now())
        if finished:
            flows = {attempt.flow for attempt in finished}
            locked = Flow.objects.filter(pk__in=flows).order_by("pk").select_for_update(no_key=True)
            # A new statement after the lock: it counts all that was recorded by whoever held the lock before us.
            flow_ids = dict(locked.values_list("pk", "flow_id"))
            Flow.objects.refresh(list(flow_ids))
            record_ends([replace(attempt, flow_id=flow_ids[attempt.flow]) for attempt in finished])
    return [attempt.pk for attempt in finished]


@transaction.atomic
def show_failures(attempts: Collection[int]) -> None:
    """Bring the flows of attempts that go on after their participants: one who failed makes a flow FAILED (R6)."""
    flows = ExportAttempt.objects.filter(pk__in=attempts, finished_at__isnull=True).values("flow")
    locked = Flow.objects.filter(pk__in=flows).order_by("pk").select_for_update(no_key=True)
    Flow.objects.refresh(list(locked.values_list("pk", flat=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """What this process waits for or has in flight: it is alive, whatever its leases say."""

    attempts: set[int] = field(default_factory=set)  # that someone waits for
    claims: set[UUID] = field(default_factory=set)  # of batches that are not recorded yet


here = Here()


def sweep(flows: QuerySet[Flow] | None = None) -> int:
    """Bring attempts whose process died to their true states. Returns how many attempts were finished.

    Queued deliveries have not arrived; those in a call may have. Nothing is sent: they count as failed, for a
    manager to retry (R4, R5). An attempt whose rows someone else has locked is left to the next sweep.
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
            finish_as(
                dead_calls.filter(attempt=attempt),
                Delivery.State.UNCONFIRMED,
                Cause.UNCONFIRMED,
                {"code": "CALL_INTERRUPTED", "effect": "GRADE"},
                now=now,
            )
        if attempt.lease_ends_at < now and attempt.pk not in here.attempts:
            with short_waits():
                finish_as(queued, Delivery.State.FAILED, Cause.INTERRUPTED, now=now)
        with short_waits():
            finished = bool(finish([attempt.pk]))
    return finished


def end(attempt: ExportAttempt, cause: Cause) -> None:
    """Its time is over: fail what was not sent with this cause, and the attempt if nothing of it is in a call."""
    queued = attempt.deliveries.filter(state=Delivery.State.QUEUED)
    with unless_locked(attempt):
        with short_waits():
            finish_as(queued, Delivery.State.FAILED, cause, now=timezone.now())
        with short_waits():
            finish([attempt.pk])


@contextmanager
def unless_locked(attempt: ExportAttempt) -> Iterator[None]:
    """Leave the attempt to the next sweep where someone else holds its rows for long."""
    try:
        yield
    except OperationalError as error:
        if failure_of(error) is not Failure.CONFLICT:
            raise
        log.info("attempt_locked", attempt=attempt.pk)  # by someone else: the next sweep finishes it
