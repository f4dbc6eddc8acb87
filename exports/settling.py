"""What ends an attempt: all its deliveries are settled, or nobody is alive to send them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from exports.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow


def lease_end(now: datetime) -> datetime:
    """A process that gives no sign of life until then is taken for dead."""
    return now + timedelta(seconds=2 * settings.LEARN_TIMEOUT)


def settle(attempts: Sequence[int]) -> list[int]:
    """Finish those of the attempts whose deliveries are all settled, bring their flows' states after; returns them."""
    with transaction.atomic():
        finished = ExportAttempt.objects.filter(pk__in=attempts).settle(timezone.now())
        if finished:
            flows = list(Flow.objects.filter(attempts__in=finished).values_list("pk", flat=True))
            locked = Flow.objects.filter(pk__in=flows).order_by("pk").select_for_update()
            # A new statement after the lock: it counts all that was recorded by whoever held the lock before us.
            Flow.objects.refresh(list(locked.values_list("pk", flat=True)))
    return finished


def sweep(flows: QuerySet[Flow] | None = None) -> int:
    """Bring attempts whose process died to their true states. Returns how many attempts were finished.

    Queued deliveries have not arrived; those in a call may have. Nothing is sent: they stand under Failed, for a
    manager to retry (R4, R5).
    """
    now = timezone.now()
    dead_calls = Delivery.objects.filter(state=Delivery.State.SENDING, lease_ends_at__lt=now)
    overdue = ExportAttempt.objects.filter(
        Q(lease_ends_at__lt=now) | Exists(dead_calls.filter(attempt=OuterRef("pk"))), finished_at__isnull=True
    )
    if flows is not None:
        overdue = overdue.filter(flow__in=flows)
    attempts = list(overdue)
    for attempt in attempts:
        dead_calls.filter(attempt=attempt).settle_as(
            Delivery.State.UNCONFIRMED,
            Cause.UNCONFIRMED,
            "The call to Learn was interrupted; it may have stored the grade",
            now=now,
        )
        if attempt.lease_ends_at < now:
            queued = attempt.deliveries.filter(state=Delivery.State.QUEUED)
            queued.settle_as(Delivery.State.FAILED, Cause.INTERRUPTED, now=now)
    return len(settle([attempt.pk for attempt in attempts])) if attempts else 0
