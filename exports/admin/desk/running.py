"""The exports and retries that are running, and the latest that have finished."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from exports.admin.desk.rights import Rights
from exports.models import Delivery, ExportAttempt, ExportState

MAX_RUNNING = 10
MAX_FINISHED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """`finished` of `total` deliveries."""

    attempt: ExportAttempt
    finished: int
    total: int
    may_cancel: bool

    @property
    def percent(self) -> int:
        return 100 * self.finished // self.total if self.total else 0


def running(rights: Rights) -> list[Running]:
    """The newest that are in progress, in two statements."""
    attempts = ExportAttempt.objects.filter(state=ExportState.QUEUED).select_related("flow")[:MAX_RUNNING]
    totals: Counter[int] = Counter()
    finished: Counter[int] = Counter()
    deliveries = Delivery.objects.filter(attempt__in=(found := list(attempts))).order_by()
    for attempt, state, number in deliveries.values_list("attempt_id", "state").annotate(Count("pk")):
        totals[attempt] += number
        finished[attempt] += number if state not in Delivery.OPEN else 0
    return [
        Running(
            attempt=attempt,
            finished=finished[attempt.pk],
            total=totals[attempt.pk],
            may_cancel=rights.may_retry and attempt.is_cancellable,
        )
        for attempt in found
    ]


def latest() -> list[ExportAttempt]:
    finished = ExportAttempt.objects.filter(finished_at__isnull=False).select_related("flow")
    return list(finished.order_by("-finished_at", "-pk")[:MAX_FINISHED])
