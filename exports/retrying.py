"""A manager's retry: the failed grades once more, with today's mapping (R5, R6)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from exports import settling
from exports.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow, Participant
from exports.models.participant import ParticipantQuerySet
from exports.queueing import Queued, queue
from exports.rules import Entry
from exports.tasks import deliver_attempt

PATIENCE = timedelta(minutes=15)  # how long a retry waits for a free task worker before it is swept
TIME_LIMIT = timedelta(hours=4)  # no call begins later than that after the retry was asked for


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
    for flow, participant in participants.failed().order_by("flow_id", "pk").values_list("flow_id", "pk"):
        wanted[flow].append(participant)
    recorded = [
        found for flow, pks in wanted.items() if (found := retry_flow(flow, pks, by=by, in_background=in_background))
    ]
    return Retry(
        attempts=[queued.attempt for queued in recorded],
        queued=sum(queued.on_its_way for queued in recorded),
        refused=sum(len(queued.refused) for queued in recorded),
    )


@transaction.atomic
def retry_flow(flow_pk: int, participants: Sequence[int], *, by: User | None, in_background: bool) -> Queued | None:
    """Record a retry of these participants of one flow, as far as they are failed once the flow is locked."""
    now = timezone.now()
    flow = Flow.objects.select_for_update().get(pk=flow_pk)
    wanted = set(participants)
    entries = [entry_again(person) for person in flow.participants.failed() if person.pk in wanted]
    if not entries:
        return None
    attempt = ExportAttempt(
        flow=flow,
        trigger=ExportAttempt.Trigger.RETRY,
        api_client=flow.latest_client(),
        requested_by=by,
        requested_at=now if by else None,
        started_at=now,
        ends_by=now + TIME_LIMIT,
        lease_ends_at=now + PATIENCE,
    )
    queued = queue(flow, entries, attempt)
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
    stopped = queued.settle_as(Delivery.State.FAILED, Cause.CANCELLED, now=now)
    settling.settle([attempt.pk])
    return stopped


def entry_again(person: Participant) -> Entry:
    """What WISEflow last said of this person. An entry that was not usable stays so: only a new export helps."""
    fault = Cause(person.cause)
    return Entry(
        user_id=person.user_id,
        user_id_is_number=person.user_id_is_number,
        mark=person.mark,
        alternative_grade=person.alternative_grade,
        source_code=person.source_code,
        learn_user_id=person.learn_user_id,
        fault=fault if fault.needs_new_export else None,
        fault_detail=person.detail if fault.needs_new_export else "",
    )
