"""The threads of this process that deliver batches to Learn.

Each claims a batch from all that is queued, whoever queued it, so that single grades that arrive during a call, of this
process or of another, are sent together in the next one. A call goes out beside others only as a full batch, up to
LEARN_CONCURRENCY of them.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from common import stopping
from common.database.bulk import among
from common.database.retrying import retry_on_database_error
from exports.delivering import batches, finishing
from exports.delivering.finishing import finish, lease_end
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0  # how often who waits looks whether this process is to stop: a signal can wake no one
POLL_SECONDS = 0.05  # how often a process looks whether another one has finished what it waits for


def deliver(attempt: ExportAttempt, *, queued: int, until: datetime) -> None:
    """Have the attempt's `queued` deliveries sent; come back when it is finished, at the latest at `until`, or soon
    where this process is to stop.

    What was not sent by then becomes FAILED. A call still in flight then is recorded when it comes back.
    """
    if not deliver_until_stopped(attempt, queued=queued, until=until):
        finishing.end(attempt, Cause.INTERRUPTED)


def deliver_until_stopped(attempt: ExportAttempt, *, queued: int, until: datetime) -> bool:
    """The same, but where this process is to stop, what was not sent stays as it is, and False is returned."""
    if attempt.lease_ends_at > (lease := lease_end(timezone.now())):  # a retry's, which may wait long for a worker
        ExportAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True).update(lease_ends_at=lease)
    if workers.wait_for(attempt.pk, queued=queued, until=until):
        return True
    if stopping.is_requested() and timezone.now() < until:
        return False
    finishing.end(attempt, Cause.DEADLINE)
    return True


class DeliveryWorkers:
    """The threads of this process that carry batches to Learn, and those who wait for a verdict.

    While someone waits, at least one worker runs. There are more workers than calls, so that one claims while
    another's call is in flight; `_slots` bounds the calls. A worker that records may have to wait for a row that
    someone else has locked, so it does not count among those that can call. `_changed` guards the fields and tells of
    changes.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claiming = threading.Lock()  # claims take turns: how many calls are in flight decides what may be claimed
        self._slots = threading.BoundedSemaphore(settings.LEARN_CONCURRENCY)
        self._running = 0
        self._calls = 0  # claimed and not yet answered
        self._recording = 0  # workers whose call was answered, and is not yet recorded and finished
        self._arrived = 0  # deliveries queued by this process and not yet claimed, about
        self._claimed: dict[UUID, batches.Batch] = {}  # claimed and not yet recorded
        self._waiting: dict[int, threading.Event] = {}
        self._helping: set[Callable[[], object]] = set()  # what is repeated while a worker runs
        self._steps = 0  # of these, in the database now

    def wait_for(self, attempt: int, *, queued: int, until: datetime) -> bool:
        """Whether the attempt was finished before `until`, and before this process is to stop."""
        finished = threading.Event()
        with self._changed:
            self._waiting[attempt] = finished
            finishing.here.attempts.add(attempt)
            self._arrived += queued
            self._start_workers()
            self._changed.notify_all()
        try:
            connection.close()  # it goes back to the pool while we wait
            while (remaining := (stopping.no_later_than_the_end(until) - timezone.now()).total_seconds()) > 0:
                if finished.wait(min(remaining, LOOK_SECONDS)):
                    return True
                with self._changed:
                    if not (self._claimed or stopping.may_begin()):
                        return False
                    self._start_workers()  # should the last one have died
            return False
        finally:
            with self._changed:
                self._waiting.pop(attempt, None)
                finishing.here.attempts.discard(attempt)

    def _start_workers(self) -> None:
        """Start one worker for each full batch, one for less, and one that waits while a call is in flight."""
        batches = max(1, self._arrived // settings.LEARN_BATCH_SIZE)
        wanted = min(self._calls + batches, 2 * settings.LEARN_CONCURRENCY)
        for step in (self._renew_leases, finishing.sweep):
            if step not in self._helping:
                self._helping.add(step)
                threading.Thread(target=self._help, args=(step,), name="leases", daemon=True).start()
        while self._can_call() < wanted:
            self._running += 1
            threading.Thread(target=self._run, name="delivery", daemon=True).start()

    def _can_call(self) -> int:
        """How many workers call or can soon. At most so many records are left out of the count as there may be others:
        each holds a connection to the database.
        """
        return self._running - min(self._recording, 2 * settings.LEARN_CONCURRENCY)

    def wait_until_idle(self, *, seconds: float) -> None:
        """Return when no worker runs any more, and nothing helps one. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not (self._running or self._steps), timeout=seconds):
                raise TimeoutError("a worker is still busy")

    def _run(self) -> None:
        retired = False
        try:
            while not retired:
                try:
                    if batch := self._claim():
                        self._deliver_batch(batch)
                    elif retired := self._stop_if_idle():
                        break
                    else:
                        self._wait_for_work()
                except DatabaseError as error:
                    log.warning("delivery_worker_waits_for_database", error=type(error).__name__)
                    connection.close()
                    time.sleep(1)
                    retired = self._stop_if_idle()
        finally:
            connection.close()
            if not retired:
                self._leave()

    def _claim(self) -> batches.Batch | None:
        """A batch that may go now: whatever waits if no call is in flight, a full batch otherwise."""
        size = settings.LEARN_BATCH_SIZE
        if not stopping.may_begin():
            return None
        with self._claiming:
            with self._changed:
                arrived = self._arrived
                if self._calls and arrived < size:
                    return None
                at_least = size if self._calls else 1
            if arrived < size and batches.is_called_elsewhere(timezone.now()):
                return None
            batch = batches.claim(at_least=at_least)
            with self._changed:
                # What arrived during the claim may not be part of it.
                self._arrived = max(0, self._arrived - (len(batch.pks) if batch else arrived))
                if batch:
                    self._calls += 1
                    self._claimed[batch.claim] = batch
                    finishing.here.claims.add(batch.claim)
            return batch

    def _deliver_batch(self, batch: batches.Batch) -> None:
        try:
            with self._slots, bound_contextvars(**batch.for_log()):
                sent = batches.send(batch)
        finally:
            with self._changed:
                self._calls -= 1
                self._recording += 1
                if self._waiting:
                    self._start_workers()
                self._changed.notify_all()
        try:
            self._record(batch, sent)
        finally:
            with self._changed:
                self._recording -= 1

    def _record(self, batch: batches.Batch, sent: batches.Sent) -> None:
        """Record what became of the batch, and finish the attempts that have ended with it."""
        try:
            retry_on_database_error(batches.record, batch, sent)
        finally:
            with self._changed:
                del self._claimed[batch.claim]
                finishing.here.claims.discard(batch.claim)
                # An attempt of which another batch is in flight here is finished after that one.
                ended = batch.attempts.difference(*(other.attempts for other in self._claimed.values()))
        finished = retry_on_database_error(finish, sorted(ended)) if ended else []
        if sent.has_failures and (running := batch.attempts.difference(finished)):
            retry_on_database_error(finishing.show_failures, running)
        self._wake(finished)

    def _stop_if_idle(self) -> bool:
        """Let this worker go if no one waits, or if another one can claim what comes."""
        with self._changed:
            needless = not self._waiting or self._can_call() > self._calls + 1
            if needless:
                self._leave()
            return needless

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _wait_for_work(self) -> None:
        """Wait for a change, and look now and then whether another process has finished it."""
        with self._changed:
            self._changed.wait(POLL_SECONDS)
            waiting = list(self._waiting)
        finished = ExportAttempt.objects.filter(pk__in=waiting, finished_at__isnull=False)
        self._wake(finished.values_list("pk", flat=True))

    def _wake(self, attempts: Iterable[int]) -> None:
        """Wake those who wait for these attempts: they are finished."""
        for attempt in attempts:
            with self._changed:
                finished = self._waiting.get(attempt)
            if finished:
                finished.set()

    def _help(self, step: Callable[[], object]) -> None:
        """Repeat the step while a worker runs. Each has a thread of its own, so that a sweep that has to wait keeps no
        lease from being renewed. The sweep frees the places in Learn that dead calls have kept.
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
                log.warning("leases_not_renewed", error=type(error).__name__)
            finally:
                connection.close()
                with self._changed:
                    self._steps -= 1
                    self._changed.notify_all()

    def _renew_leases(self) -> None:
        """Give signs of life for all that this process waits for or has in flight."""
        with self._changed:
            waiting, carried = list(self._waiting), list(self._claimed)
        lease = lease_end(timezone.now())
        renew(ExportAttempt.objects.filter(pk__in=waiting, finished_at__isnull=True), lease)
        renew(Delivery.objects.filter(claim__in=carried, state=Delivery.State.SENDING), lease)


@transaction.atomic
def renew(rows: QuerySet[Any], lease: datetime) -> None:
    """Never waits for a row: one that is locked is being recorded or finished now, and no sweep can take it."""
    free = rows.order_by("pk").select_for_update(skip_locked=True, no_key=True)
    if pks := list(free.values_list("pk", flat=True)):
        rows.model._default_manager.filter(among("pk", pks)).update(lease_ends_at=lease)


workers = DeliveryWorkers()


@atexit.register
def leave_no_call_behind() -> None:
    """A process that ends may be carrying grades that another one waits for: it waits for the answer to its calls."""
    with suppress(TimeoutError):
        workers.wait_until_idle(seconds=stopping.KILLED_AFTER_SECONDS - stopping.END_SECONDS - 1)
