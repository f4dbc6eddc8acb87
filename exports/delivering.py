"""Claim a batch, commit, call Learn, record what became of it, settle: the way of every grade to Learn.

Couriers are threads of this process. Each claims a batch from all that is queued, whoever queued it, so that single
grades that arrive during a call travel together in the next one. A call goes out beside others only as a full batch, up
to LEARN_CONCURRENCY of them. No transaction is open during a call: what was committed before it (SENDING, with a lease)
tells any survivor the truth should this process die.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from courses import quota
from courses.connection import grades_journey
from courses.grades_journey import (
    Call,
    CertificateRefused,
    CredentialsRefused,
    GradeValue,
    HostUnknown,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.models import GradeColumn
from courses.patience import patiently
from exports.causes import Cause
from exports.models import Delivery, ExportAttempt, Participant
from exports.models.attempt import settle_participants
from exports.models.bulk import among, update
from exports.settling import lease_end, settle, sweep

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05  # how often a process looks whether another one has settled what it waits for
CLAIM_TRIES = 5  # each is lost to a claim of another process, so that somebody always gets on


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Deliveries claimed together for one call, which may last until `until`. `items` stand in the order of `pks`."""

    claim: UUID
    until: datetime
    pks: list[int]
    attempts: set[int]
    items: list[tuple[str, str, str, str]]  # course id, Learn user, column name, value


def deliver(attempt: ExportAttempt, *, queued: int, until: datetime) -> None:
    """Have the attempt's `queued` deliveries sent; come back when it is settled, at the latest at `until`.

    What was not sent by then is settled as FAILED. A call still in flight then is recorded when it comes back.
    """
    if attempt.lease_ends_at > (lease := lease_end(timezone.now())):  # a retry's, which may wait long for a worker
        ExportAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True).update(lease_ends_at=lease)
    if couriers.wait_for(attempt.pk, queued=queued, until=until):
        return
    queued_still = attempt.deliveries.filter(state=Delivery.State.QUEUED)
    queued_still.settle_as(Delivery.State.FAILED, Cause.DEADLINE, now=timezone.now())
    settle([attempt.pk])


def claim(*, at_least: int) -> Batch | None:
    """Take up to LEARN_BATCH_SIZE waiting deliveries for one call; None if fewer than `at_least` may go now."""
    for _ in range(CLAIM_TRIES - 1):
        with suppress(IntegrityError):  # another process has just claimed for one of these places in Learn
            return claim_once(at_least=at_least)
    return claim_once(at_least=at_least)


def claim_once(*, at_least: int) -> Batch | None:
    now = timezone.now()
    with transaction.atomic():
        rows = Delivery.objects.waiting(now, most=settings.LEARN_BATCH_SIZE)
        if not rows or len(rows) < at_least:
            return None
        attempts = {row[1] for row in rows}
        batch = Batch(
            claim=uuid4(),
            until=min(
                ExportAttempt.objects.filter(pk__in=attempts).aggregate(last=Max("ends_by"))["last"],
                now + timedelta(seconds=settings.EXPORT_DEADLINE),
            ),
            pks=[row[0] for row in rows],
            attempts=attempts,
            items=[row[2:] for row in rows],
        )
        Delivery.objects.filter(among("pk", batch.pks)).update(
            state=Delivery.State.SENDING, claim=batch.claim, lease_ends_at=lease_end(now)
        )
    return batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What became of a batch: an outcome an item (None: Learn confirmed it), and the calls it took.

    `logged` holds the primary keys of calls that stand in the call log already.
    """

    outcomes: Sequence[LearnError | None]
    calls: list[Call] = field(default_factory=list)
    logged: list[int] = field(default_factory=list)


def send(batch: Batch) -> Sent:
    """The call itself. Whatever goes wrong is an outcome."""
    sent = Sent(outcomes=[], calls=[], logged=[])
    try:
        if lifts_at := quota_lifts_at():
            if lifts_at >= batch.until:
                return Sent(outcomes=[QuotaUsedUp(lifts_at)] * len(batch.items))
            time.sleep(max(0, (lifts_at - timezone.now()).total_seconds()))
        remaining = (batch.until - timezone.now()).total_seconds()
        items = [
            GradeValue(course_id=course_id, user_id=user_id, name=name, value=value)
            for course_id, user_id, name, value in batch.items
        ]
        outcomes = grades_journey().send(items, until=time.monotonic() + remaining, observe=partial(observe, sent))
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("A call to Learn crashed")
        outcomes = [Crashed()] * len(batch.items)
    return replace(sent, outcomes=outcomes)


def quota_lifts_at() -> datetime | None:
    """When Learn takes calls again, None if it does, or if the database cannot tell: then Learn will."""
    try:
        return quota.lifts_at(timezone.now())
    except DatabaseError as error:
        log.warning("The database fails (%s); whether the quota is used up is not known", type(error).__name__)
        return None
    finally:
        connection.close()  # it goes back to the pool during the call


def observe(sent: Sent, call: Call) -> None:
    """Take note of a call. Where Learn takes no more, all processes must know before the next one goes out."""
    if call.lifts_at:
        try:
            sent.logged.extend(row.pk for row in quota.log_calls([call]))
        except DatabaseError as error:
            log.warning("The database fails (%s); others do not know yet of the quota", type(error).__name__)
        else:
            return
        finally:
            connection.close()
    sent.calls.append(call)


class Crashed(LearnError):
    """Our own code failed during the call."""


@transaction.atomic
def record(batch: Batch, sent: Sent) -> None:
    """Settle the batch's deliveries and their participants. One that was swept meanwhile keeps its settled state."""
    now = timezone.now()
    sending = Delivery.objects.filter(among("pk", batch.pks), claim=batch.claim, state=Delivery.State.SENDING)
    ours = dict(sending.order_by("pk").select_for_update().values_list("pk", "participant_id"))
    update(
        Delivery,
        ("state", "cause", "detail", "settled_at"),
        [
            (pk, *outcome_of(error), now)
            for pk, error in zip(batch.pks, sent.outcomes, strict=True)
            if error is not None and pk in ours
        ],
    )
    sending.update(state=Delivery.State.DELIVERED, settled_at=now)
    settle_participants(ours)
    Participant.objects.mark_replaced(
        [
            (ours[pk], *item)
            for pk, item, error in zip(batch.pks, batch.items, sent.outcomes, strict=True)
            if error is None and pk in ours
        ]
    )
    confirmed = zip(batch.items, sent.outcomes, strict=True)
    GradeColumn.objects.found_in_learn({(item[0], item[2]) for item, error in confirmed if error is None})
    calls = [*sent.logged, *(row.pk for row in quota.log_calls(sent.calls))]
    ExportAttempt.calls.through.objects.bulk_create(
        ExportAttempt.calls.through(exportattempt_id=attempt, servicecall_id=call)
        for call in calls
        for attempt in batch.attempts
    )


OUTCOMES: dict[type[LearnError], tuple[Delivery.State, Cause]] = {
    ItemRejected: (Delivery.State.REJECTED, Cause.REJECTED_BY_LEARN),
    Unavailable: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    HostUnknown: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    CertificateRefused: (Delivery.State.FAILED, Cause.LEARN_UNAVAILABLE),
    CredentialsRefused: (Delivery.State.FAILED, Cause.CREDENTIALS_REFUSED),
    PermissionMissing: (Delivery.State.FAILED, Cause.PERMISSION_MISSING),
    NotInstalled: (Delivery.State.FAILED, Cause.NOT_INSTALLED),
    QuotaUsedUp: (Delivery.State.FAILED, Cause.QUOTA_USED_UP),
    RequestRefused: (Delivery.State.FAILED, Cause.REQUEST_REFUSED),
    Unconfirmed: (Delivery.State.UNCONFIRMED, Cause.UNCONFIRMED),
    Crashed: (Delivery.State.UNCONFIRMED, Cause.INTERNAL_ERROR),
}


def outcome_of(error: LearnError) -> tuple[str, str, str]:
    """State, cause and detail of a delivery that ended in `error`."""
    state, cause = OUTCOMES[type(error)]
    detail = str(error)
    if isinstance(error, QuotaUsedUp):
        detail = f"Learn's quota of calls is used up until {timezone.localtime(error.lifts_at):%-d %B %H:%M}"
    return state.value, cause.value, detail


class Couriers:
    """The threads of this process that carry batches to Learn, and those who wait for a verdict.

    While somebody waits, at least one courier runs. There are more couriers than calls, so that one claims or records
    while another's call is in flight; `_slots` bounds the calls. `_changed` guards the fields and tells of changes.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claiming = threading.Lock()  # claims take turns: how many calls are in flight decides what may be claimed
        self._slots = threading.BoundedSemaphore(settings.LEARN_CONCURRENCY)
        self._running = 0
        self._calls = 0  # claimed and not yet answered
        self._arrived = 0  # deliveries queued by this process and not yet claimed, about
        self._carried: dict[UUID, Batch] = {}  # claimed and not yet recorded
        self._waiting: dict[int, threading.Event] = {}
        self._keeps_leases = False

    def wait_for(self, attempt: int, *, queued: int, until: datetime) -> bool:
        """Whether the attempt was settled before `until`."""
        settled = threading.Event()
        with self._changed:
            self._waiting[attempt] = settled
            self._arrived += queued
            self._call_couriers()
            self._changed.notify_all()
        try:
            connection.close()  # it goes back to the pool while we wait
            while (remaining := (until - timezone.now()).total_seconds()) > 0:
                if settled.wait(min(remaining, settings.LEARN_TIMEOUT)):
                    return True
                with self._changed:
                    self._call_couriers()  # should the last one have died
            return False
        finally:
            with self._changed:
                self._waiting.pop(attempt, None)

    def _call_couriers(self) -> None:
        """Start one courier for each full batch, one for less, and one that stands by while a call is in flight."""
        batches = max(1, self._arrived // settings.LEARN_BATCH_SIZE)
        wanted = min(self._calls + batches, 2 * settings.LEARN_CONCURRENCY)
        if not self._keeps_leases:
            self._keeps_leases = True
            threading.Thread(target=self._keep_leases, name="leases", daemon=True).start()
        while self._running < wanted:
            self._running += 1
            threading.Thread(target=self._run, name="courier", daemon=True).start()

    def rest(self, *, seconds: float) -> None:
        """Return when no courier runs any more. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, timeout=seconds):
                raise TimeoutError("a courier is still on its way")

    def _run(self) -> None:
        retired = False
        try:
            while not retired:
                try:
                    if batch := self._claim():
                        self._carry(batch)
                    elif retired := self._retires():
                        break
                    else:
                        self._stand_by()
                except DatabaseError as error:
                    log.warning("The database fails (%s); a courier tries again", type(error).__name__)
                    connection.close()
                    time.sleep(1)
                    retired = self._retires()
        finally:
            connection.close()
            if not retired:
                self._leave()

    def _claim(self) -> Batch | None:
        """A batch that may go now: whatever waits if no call is in flight, a full batch otherwise."""
        size = settings.LEARN_BATCH_SIZE
        with self._claiming:
            with self._changed:
                arrived = self._arrived
                if self._calls and arrived < size:
                    return None
                at_least = size if self._calls else 1
            batch = claim(at_least=at_least)
            with self._changed:
                # What arrived during the claim may not be part of it.
                self._arrived = max(0, self._arrived - (len(batch.pks) if batch else arrived))
                if batch:
                    self._calls += 1
                    self._carried[batch.claim] = batch
            return batch

    def _carry(self, batch: Batch) -> None:
        try:
            try:
                with self._slots:
                    sent = send(batch)
            finally:
                with self._changed:
                    self._calls -= 1
                    self._changed.notify_all()
            patiently(record, batch, sent)
        finally:
            with self._changed:
                del self._carried[batch.claim]
                # An attempt of which another batch is in flight here is settled after that one.
                ended = batch.attempts.difference(*(other.attempts for other in self._carried.values()))
        self._wake(patiently(settle, sorted(ended)) if ended else [])

    def _retires(self) -> bool:
        """Let this courier go if nobody waits, or if it is one too many to stand by."""
        with self._changed:
            needless = not self._waiting or self._running > self._calls + 1
            if needless:
                self._leave()
            return needless

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _stand_by(self) -> None:
        """Wait for a change, and look now and then whether another process has settled what is waited for here."""
        with self._changed:
            self._changed.wait(POLL_SECONDS)
            waiting = list(self._waiting)
        finished = ExportAttempt.objects.filter(pk__in=waiting, finished_at__isnull=False)
        self._wake(finished.values_list("pk", flat=True))

    def _wake(self, attempts: Iterable[int]) -> None:
        """Tell those who wait for these attempts that they are settled."""
        for attempt in attempts:
            with self._changed:
                settled = self._waiting.get(attempt)
            if settled:
                settled.set()

    def _keep_leases(self) -> None:
        """Give signs of life for all that this process waits for or has in flight, and sweep what gives none: the
        place in Learn that a dead call was on its way to is needed by those who wait for it.
        """
        while True:
            time.sleep(settings.LEARN_TIMEOUT / 2)
            with self._changed:
                waiting, carried = list(self._waiting), list(self._carried)
                if not self._running:
                    self._keeps_leases = False
                    return
            try:
                lease = lease_end(timezone.now())
                ExportAttempt.objects.filter(pk__in=waiting, finished_at__isnull=True).update(lease_ends_at=lease)
                Delivery.objects.filter(claim__in=carried, state=Delivery.State.SENDING).update(lease_ends_at=lease)
                sweep()
            except DatabaseError as error:
                log.warning("The database fails (%s); leases could not be renewed", type(error).__name__)
            finally:
                connection.close()


couriers = Couriers()
