"""A manager's retry: the failed grades once more, with today's mapping (R5, R6). A correction goes as corrected."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from common.database.retrying import despite_conflicts
from exports.delivering import settling
from exports.delivering.queueing import Queued, queue
from exports.delivering.recording import settle_as
from exports.delivering.resending import entries_again
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow
from exports.models.participant import ParticipantQuerySet
from exports.tasks import deliver_attempt, new_attempt


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """What was recorded: one attempt a flow, `queued` grades on their way, `refused` that a rule still forbids."""

    attempts: Sequence[ExportAttempt]
    queued: int
    refused: int

    def sentence(self) -> str:
        if not self.attempts:
            return "Nothing to retry: none of these grades is failed."
        grades = f"{self.queued} {'grade is' if self.queued == 1 else 'grades are'} on the way to Learn"
        return f"{grades}; {self.refused} refused again by a rule." if self.refused else f"{grades}."


def retry(participants: ParticipantQuerySet, *, by: User | None, in_background: bool = True) -> Retry:
    """Record a retry of the failed ones among `participants`, and nobody else; one attempt for each flow.

    The task that delivers it is enqueued in the same transaction, unless the caller delivers it (`in_background`
    false). `by` is None for the command line.
    """
    settling.sweep(Flow.objects.filter(pk__in=participants.order_by().values("flow")))
    wanted: dict[int, list[int]] = defaultdict(list)
    for flow, participant in participants.retryable().order_by("flow_id", "pk").values_list("flow_id", "pk"):
        wanted[flow].append(participant)
    recorded = [
        found
        for flow, pks in wanted.items()
        if (found := despite_conflicts(retry_flow, flow, pks, by=by, in_background=in_background))
    ]
    return Retry(
        attempts=[queued.attempt for queued in recorded],
        queued=sum(queued.on_its_way for queued in recorded),
        refused=sum(queued.judged.errors for queued in recorded),
    )


@transaction.atomic
def retry_flow(flow_pk: int, participants: Sequence[int], *, by: User | None, in_background: bool) -> Queued | None:
    """Record a retry of these participants of one flow, as far as they are failed once the flow is locked."""
    flow = Flow.objects.select_for_update(no_key=True).get(pk=flow_pk)
    wanted = set(participants)
    people = [person for person in flow.participants.retryable() if person.pk in wanted]
    entries = entries_again(people)
    if not entries:
        return None
    queued = queue(flow, entries, attempt := new_attempt(flow, ExportAttempt.Trigger.RETRY, by=by))
    if queued.on_its_way and in_background:
        deliver_attempt.enqueue(attempt.pk)
    return queued


def cancel(attempt: ExportAttempt, *, by: User) -> int:
    """Stop a running retry before its next call. Returns how many grades were not sent; a call in flight goes on."""
    if not attempt.is_cancellable:
        return 0
    now = timezone.now()
    running = ExportAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True, cancelled_at__isnull=True)
    if not running.update(cancelled_by=by, cancelled_at=now):
        return 0
    queued = attempt.deliveries.filter(state=Delivery.State.QUEUED)
    stopped = despite_conflicts(settle_as, queued, Delivery.State.FAILED, Cause.CANCELLED, now=now)
    despite_conflicts(settling.settle, [attempt.pk])
    return stopped
