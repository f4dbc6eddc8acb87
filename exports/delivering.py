"""Claim a batch, commit, call Learn, record what became of it, settle: the way of every grade to Learn.

Couriers are threads of this process. Each claims a batch from all that is queued, whoever queued it, so that single
grades that arrive during a call, of this process or of another, travel together in the next one. A call goes out beside
others only as a full batch, up to LEARN_CONCURRENCY of them. No transaction is open during a call: what was committed
before it (SENDING, with a lease) tells any survivor the truth should this process die.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses import quota
from courses.connection import grades_journey
from courses.grades_journey import Call, GradeValue, LearnError, QuotaUsedUp
from courses.models import GradeColumn
from courses.patience import patiently
from exports import settling
from exports.models import Delivery, ExportAttempt
from exports.models.bulk import among
from exports.outcomes import Crashed, outcome_of
from exports.recording import settle_batch
from exports.settling import lease_end, settle

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05  # how often a process looks whether another one has settled what it waits for
GATHER_SECONDS = 0.3  # how long less than a full batch waits for a call that another process has just begun
CLAIM_TRIES = 5  # each is lost to a claim of another process, so that somebody always gets on


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Deliveries claimed together for one call, which may last until `until`: no attempt of them ends earlier. `items`
    are in the order of `pks`.
    """

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
    settling.end(attempt)


def claim(*, at_least: int) -> Batch | None:
    """Take up to LEARN_BATCH_SIZE waiting deliveries for one call; None if fewer than `at_least` may go now."""
    with suppress(IntegrityError):  # a call is on its way to one of their places in Learn: look at the places first
        return claim_once(at_least=at_least)
    for _ in range(CLAIM_TRIES - 1):
        with suppress(IntegrityError):  # another process has just claimed for one of these places
            return claim_once(at_least=at_least, looks_at_places=True)
    return claim_once(at_least=at_least, looks_at_places=True)


def claim_once(*, at_least: int, looks_at_places: bool = False) -> Batch | None:
    """Nearly always all that waits leads to places of its own, so it is taken without a look at them."""
    now = timezone.now()
    running = ExportAttempt.objects.running()
    hurried = {attempt.pk for attempt in running if attempt.ends_by < now + timedelta(seconds=settings.LEARN_TIMEOUT)}
    claim, lease, most = uuid4(), lease_end(now), settings.LEARN_BATCH_SIZE
    with transaction.atomic():
        if looks_at_places or hurried:
            rows = Delivery.objects.waiting(running, now, most=most)
            if alone := [row for row in rows if row[1] in hurried]:  # else their end would cut others' calls short
                rows, at_least = alone, 1
            if len(rows) < at_least:
                return None
            theirs = Delivery.objects.filter(among("pk", [row[0] for row in rows]))
            theirs.update(state=Delivery.State.SENDING, claim=claim, lease_ends_at=lease)
        else:
            rows = Delivery.objects.claim_first(running, now, most=most, claim=claim, lease_ends_at=lease)
            if len(rows) < at_least:
                transaction.set_rollback(True)
                return None
    attempts = {row[1] for row in rows}
    if new := attempts.difference(attempt.pk for attempt in running):  # recorded since they were read
        running += ExportAttempt.objects.filter(pk__in=new)
    ends_by = min(attempt.ends_by for attempt in running if attempt.pk in attempts)
    return Batch(
        claim=claim,
        until=min(ends_by, now + timedelta(seconds=settings.EXPORT_DEADLINE)),
        pks=[row[0] for row in rows],
        attempts=attempts,
        items=[row[2:] for row in rows],
    )


def is_called_elsewhere(now: datetime) -> bool:
    """Whether another process has begun a call within the last GATHER_SECONDS. What waits there travels together after
    it: Learn counts calls, and two processes that call by turns would take twice as many.
    """
    begun = lease_end(now - timedelta(seconds=GATHER_SECONDS))
    sending = Delivery.objects.filter(state=Delivery.State.SENDING, lease_ends_at__gt=begun)
    return sending.exclude(claim__in=settling.here.claims).exists()


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


@transaction.atomic
def record(batch: Batch, sent: Sent) -> None:
    """Settle the batch's deliveries and their participants. One that was swept meanwhile keeps its settled state."""
    delivered = (Delivery.State.DELIVERED, "", "")
    outcomes = (delivered if error is None else outcome_of(error) for error in sent.outcomes)
    settle_batch(batch.claim, dict(zip(batch.pks, outcomes, strict=True)), timezone.now())
    confirmed = zip(batch.items, sent.outcomes, strict=True)
    GradeColumn.objects.found_in_learn({(item[0], item[2]) for item, error in confirmed if error is None})
    calls = [*sent.logged, *(row.pk for row in quota.log_calls(sent.calls))]
    ExportAttempt.calls.through.objects.bulk_create(
        ExportAttempt.calls.through(exportattempt_id=attempt, servicecall_id=call)
        for call in calls
        for attempt in batch.attempts
    )


class Couriers:
    """The threads of this process that carry batches to Learn, and those who wait for a verdict.

    While somebody waits, at least one courier runs. There are more couriers than calls, so that one claims while
    another's call is in flight; `_slots` bounds the calls. A courier that records may have to wait for a row that
    somebody else has locked, so it does not count among those that can call. `_changed` guards the fields and tells of
    changes.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claiming = threading.Lock()  # claims take turns: how many calls are in flight decides what may be claimed
        self._slots = threading.BoundedSemaphore(settings.LEARN_CONCURRENCY)
        self._running = 0
        self._calls = 0  # claimed and not yet answered
        self._recording = 0  # couriers whose call was answered, and is not yet recorded and settled
        self._arrived = 0  # deliveries queued by this process and not yet claimed, about
        self._carried: dict[UUID, Batch] = {}  # claimed and not yet recorded
        self._waiting: dict[int, threading.Event] = {}
        self._helping: set[Callable[[], object]] = set()  # what is repeated while a courier runs
        self._steps = 0  # of these, in the database now

    def wait_for(self, attempt: int, *, queued: int, until: datetime) -> bool:
        """Whether the attempt was settled before `until`."""
        settled = threading.Event()
        with self._changed:
            self._waiting[attempt] = settled
            settling.here.attempts.add(attempt)
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
                settling.here.attempts.discard(attempt)

    def _call_couriers(self) -> None:
        """Start one courier for each full batch, one for less, and one that waits while a call is in flight."""
        batches = max(1, self._arrived // settings.LEARN_BATCH_SIZE)
        wanted = min(self._calls + batches, 2 * settings.LEARN_CONCURRENCY)
        for step in (self._renew_leases, settling.sweep):
            if step not in self._helping:
                self._helping.add(step)
                threading.Thread(target=self._help, args=(step,), name="leases", daemon=True).start()
        while self._can_call() < wanted:
            self._running += 1
            threading.Thread(target=self._run, name="courier", daemon=True).start()

    def _can_call(self) -> int:
        """How many couriers call or can soon. At most so many records are left out of the count as there may be others:
        each holds a connection to the database.
        """
        return self._running - min(self._recording, 2 * settings.LEARN_CONCURRENCY)

    def rest(self, *, seconds: float) -> None:
        """Return when no courier runs any more, and nothing helps one. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not (self._running or self._steps), timeout=seconds):
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
            if arrived < size and is_called_elsewhere(timezone.now()):
                return None
            batch = claim(at_least=at_least)
            with self._changed:
                # What arrived during the claim may not be part of it.
                self._arrived = max(0, self._arrived - (len(batch.pks) if batch else arrived))
                if batch:
                    self._calls += 1
                    self._carried[batch.claim] = batch
                    settling.here.claims.add(batch.claim)
            return batch

    def _carry(self, batch: Batch) -> None:
        try:
            with self._slots:
                sent = send(batch)
        finally:
            with self._changed:
                self._calls -= 1
                self._recording += 1
                if self._waiting:
                    self._call_couriers()
                self._changed.notify_all()
        try:
            self._record(batch, sent)
        finally:
            with self._changed:
                self._recording -= 1

    def _record(self, batch: Batch, sent: Sent) -> None:
        """Record what became of the batch, and settle the attempts that have ended with it."""
        try:
            patiently(record, batch, sent)
        finally:
            with self._changed:
                del self._carried[batch.claim]
                settling.here.claims.discard(batch.claim)
                # An attempt of which another batch is in flight here is settled after that one.
                ended = batch.attempts.difference(*(other.attempts for other in self._carried.values()))
        self._wake(patiently(settle, sorted(ended)) if ended else [])

    def _retires(self) -> bool:
        """Let this courier go if nobody waits, or if another one can claim what comes."""
        with self._changed:
            needless = not self._waiting or self._can_call() > self._calls + 1
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

    def _help(self, step: Callable[[], object]) -> None:
        """Repeat the step while a courier runs. Each has a thread of its own, so that a sweep that has to wait keeps no
        lease from being renewed. The sweep frees the places in Learn that dead calls were on their way to.
        """
        while True:
            time.sleep(settings.LEARN_TIMEOUT / 2)
            with self._changed:
                if not self._running:
                    self._helping.discard(step)
                    return
                self._steps += 1
            try:
                step()
            except DatabaseError as error:
                log.warning("The database fails (%s); leases are renewed, and swept, later", type(error).__name__)
            finally:
                connection.close()
                with self._changed:
                    self._steps -= 1
                    self._changed.notify_all()

    def _renew_leases(self) -> None:
        """Give signs of life for all that this process waits for or has in flight."""
        with self._changed:
            waiting, carried = list(self._waiting), list(self._carried)
        lease = lease_end(timezone.now())
        renew(ExportAttempt.objects.filter(pk__in=waiting, finished_at__isnull=True), lease)
        renew(Delivery.objects.filter(claim__in=carried, state=Delivery.State.SENDING), lease)


@transaction.atomic
def renew(rows: QuerySet[Any], lease: datetime) -> None:
    """Never waits for a row: one that is locked is being recorded or settled now, and no sweep can take it."""
    free = rows.order_by("pk").select_for_update(skip_locked=True, no_key=True)
    if pks := list(free.values_list("pk", flat=True)):
        rows.model._default_manager.filter(among("pk", pks)).update(lease_ends_at=lease)


couriers = Couriers()
