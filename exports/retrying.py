"""A manager's retry: failed grades once more, with today's mapping (R5, R6). A corrected one is sent as corrected."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.database.retrying import despite_conflicts
from exports.delivering import finishing
from exports.delivering.queueing import Queued, queue
from exports.delivering.recording import finish_as
from exports.delivering.resending import entries_again
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Flow, RetryRun
from exports.models.participant import ParticipantQuerySet
from exports.tasks import deliver_attempt, new_attempt

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a retry is for: all failed grades of one cause, of one flow, or since a time; or some that were chosen."""

    cause: Cause | None = None
    flow: Flow | None = None
    failed_since: datetime | None = None
    is_selection: bool = False


CHOSEN = Scope(is_selection=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """What was recorded: one attempt a flow, `queued` grades that are being sent, `refused` by a rule again.

    `run`: what they belong to; None: nothing was recorded.
    """

    run: RetryRun | None
    attempts: Sequence[ExportAttempt]
    queued: int
    refused: int
    is_repeated: bool = False

    def sentence(self) -> str:
        if self.is_repeated:
            return _("This retry has already been started.")
        if not self.attempts:
            return _("Nothing to retry: none of these grades has failed.")
        if not self.queued:
            return ngettext(
                "Nothing was sent: %(count)s grade was refused again.",
                "Nothing was sent: %(count)s grades were refused again.",
                self.refused,
            ) % {"count": intcomma(self.refused)}
        sent = ngettext("%(count)s grade is being sent.", "%(count)s grades are being sent.", self.queued)
        refused = ngettext("%(count)s grade was refused again.", "%(count)s grades were refused again.", self.refused)
        said = [sent % {"count": intcomma(self.queued)}]
        said += [refused % {"count": intcomma(self.refused)}] if self.refused else []
        return " ".join(said)


def retry(
    participants: ParticipantQuerySet,
    *,
    by: User | None,
    scope: Scope = CHOSEN,
    token: UUID | None = None,
    in_background: bool = True,
) -> Retry:
    """Record a retry of the failed ones among `participants`, and no others: a run with one attempt for each flow.

    The task that delivers an attempt is enqueued in the same transaction, unless the caller delivers it
    (`in_background` false). `by` is None for the command line. `token`: of the question that was confirmed; confirmed
    twice it is one run, and the second time says what the first has recorded.
    """
    run, is_new = begin(scope, by=by, token=token)
    if not is_new and run.attempts.exists():  # else whoever began it may have died; two at once record each grade once
        return recorded_by(run)
    outcome = retry_in(run, participants, in_background=in_background)
    if outcome.run or delete_empty(run):
        return outcome
    return recorded_by(run)  # confirmed twice at once, and the other was quicker


@transaction.atomic
def delete_empty(run: RetryRun) -> bool:
    """Whether it is gone, as nothing of it was recorded. Whoever records an attempt of it locks it too."""
    locked = RetryRun.objects.select_for_update().filter(pk=run.pk).first()
    if locked and locked.attempts.exists():
        return False
    if locked:
        locked.delete()
    return True


def begin(scope: Scope, *, by: User | None, token: UUID | None = None) -> tuple[RetryRun, bool]:
    """A run without attempts, and whether it is new: of a token there is one."""
    return RetryRun.objects.get_or_create(
        token=token or uuid4(),
        defaults={
            "requested_by": by,
            "requested_at": timezone.now(),
            "cause": scope.cause or "",
            "flow": scope.flow,
            "failed_since": scope.failed_since,
            "is_selection": scope.is_selection,
        },
    )


def recorded_by(run: RetryRun) -> Retry:
    """What an earlier confirmation has recorded until now."""
    progress = run.progress()
    attempts = list(run.attempts.select_related("flow").order_by("flow_id"))
    queued = progress.total - progress.refused
    return Retry(run=run, attempts=attempts, queued=queued, refused=progress.refused, is_repeated=True)


def retry_in(run: RetryRun, participants: ParticipantQuerySet, *, in_background: bool = True) -> Retry:
    """The same, as a part of a run."""
    finishing.sweep(Flow.objects.filter(pk__in=participants.order_by().values("flow")))
    chosen: dict[int, list[int]] = defaultdict(list)
    for flow, participant in participants.retryable().order_by("flow_id", "pk").values_list("flow_id", "pk"):
        chosen[flow].append(participant)
    recorded = [
        found
        for flow, pks in chosen.items()
        if (found := despite_conflicts(retry_flow, flow, pks, run=run, in_background=in_background))
    ]
    outcome = Retry(
        run=run if recorded else None,
        attempts=[queued.attempt for queued in recorded],
        queued=sum(queued.in_progress for queued in recorded),
        refused=sum(queued.judged.errors for queued in recorded),
    )
    if outcome.run:
        log.info(
            "retry_requested",
            run=run.pk,
            by=str(run.requested_by or "command line"),
            attempts=len(recorded),
            to_send=outcome.queued,
            refused=outcome.refused,
        )
    return outcome


@transaction.atomic
def retry_flow(flow_pk: int, participants: Sequence[int], *, run: RetryRun, in_background: bool) -> Queued | None:
    """Record a retry of these participants of one flow, as far as they are failed once the flow is locked. None: there
    is none, or the run was cancelled, or deleted as nothing had failed.
    """
    flow = Flow.objects.select_for_update(no_key=True).get(pk=flow_pk)
    now = RetryRun.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
    if now is None or now.cancelled_at:
        return None
    chosen = set(participants)
    people = [person for person in flow.participants.retryable() if person.pk in chosen]
    entries = entries_again(people)
    if not entries:
        return None
    attempt = new_attempt(flow, ExportAttempt.Trigger.RETRY, by=run.requested_by, run=run)
    queued = queue(flow, entries, attempt)
    if queued.in_progress and in_background:
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
    stopped = despite_conflicts(finish_as, queued, Delivery.State.FAILED, Cause.CANCELLED, now=now)
    despite_conflicts(finishing.finish, [attempt.pk])
    log.info("retry_cancelled", attempt=attempt.pk, by=str(by), not_sent=stopped)
    return stopped


def cancel_run(run: RetryRun, *, by: User) -> int:
    """The same of all attempts of a run, also those that are just being recorded."""
    attempts = run.attempts.filter(finished_at__isnull=True, cancelled_at__isnull=True)
    if not attempts.exists():
        return 0
    # From here on no attempt is recorded any more, and those that are can be seen.
    RetryRun.objects.filter(pk=run.pk, cancelled_at__isnull=True).update(cancelled_by=by, cancelled_at=timezone.now())
    return sum(cancel(attempt, by=by) for attempt in attempts.order_by("flow_id"))
