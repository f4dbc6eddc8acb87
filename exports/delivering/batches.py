"""Claim a batch, commit, call Learn, record what became of it: the way of every grade to Learn.

No transaction is open during a call: what was committed before it (SENDING, with a lease) shows any survivor the
true state should this process die.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from common import stopping
from common.database.bulk import among
from courses import quota
from courses.connection import grades_journey
from courses.grades_journey import Call, GradeValue, LearnError, QuotaUsedUp, Unconfirmed
from courses.models import GradeColumn
from exports.delivering import finishing
from exports.delivering.finishing import lease_end
from exports.delivering.looking import Item, Looks
from exports.delivering.outcomes import Crashed, outcome_of
from exports.delivering.recording import DELIVERED, Outcome, finish_batch
from exports.models import Delivery, ExportAttempt

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.3  # how long less than a full batch waits for a call that another process has just begun
MAX_NAMED = 10  # attempts, in a line of the log
CLAIM_TRIES = 5  # each is lost to a claim of another process, so that someone always gets on


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Deliveries claimed together for one call, which may last until `until`: no attempt of them ends earlier. `items`
    are in the order of `pks`.
    """

    claim: UUID
    until: datetime
    pks: list[int]
    attempts: set[int]
    items: list[Item]
    look_first: list[int] = field(default_factory=list)  # items by number, before which Learn is to be read
    request_ids: set[str] = field(default_factory=set)  # of the requests that began the attempts

    def for_log(self) -> dict[str, Any]:
        """Whose grades a call carries. A burst of exports may share one: the first of them are named."""
        return {
            "attempts": sorted(self.attempts)[:MAX_NAMED],
            **({"request_ids": sorted(self.request_ids)[:MAX_NAMED]} if self.request_ids else {}),
        }


def claim(*, at_least: int) -> Batch | None:
    """Take up to LEARN_BATCH_SIZE waiting deliveries for one call; None if fewer than `at_least` may go now."""
    with suppress(IntegrityError):  # a call is in progress to one of their places in Learn: look at the places first
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
        until=stopping.no_later_than_the_end(min(ends_by, now + timedelta(seconds=settings.EXPORT_DEADLINE))),
        pks=[row[0] for row in rows],
        attempts=attempts,
        items=[row[2:6] for row in rows],
        request_ids={attempt.request_id for attempt in running if attempt.pk in attempts and attempt.request_id},
        look_first=[number for number, row in enumerate(rows) if row[6]],
    )


def is_called_elsewhere(now: datetime) -> bool:
    """Whether another process has begun a call within the last GATHER_SECONDS. What waits there is sent together after
    it: Learn counts calls, and two processes that call by turns would take twice as many.
    """
    begun = lease_end(now - timedelta(seconds=GATHER_SECONDS))
    sending = Delivery.objects.filter(state=Delivery.State.SENDING, lease_ends_at__gt=begun)
    return sending.exclude(claim__in=finishing.here.claims).exists()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What became of a batch: an outcome an item (None: Learn confirmed the call), and the calls it took.

    `logged` holds the primary keys of calls that are in the call log already.
    """

    outcomes: Sequence[LearnError | Outcome | None]
    calls: list[Call] = field(default_factory=list)
    logged: list[int] = field(default_factory=list)

    @property
    def has_failures(self) -> bool:
        return any(error is not None for error in self.outcomes)


def send(batch: Batch) -> Sent:
    """The call itself, and the looks at Learn before and after it. Whatever goes wrong is an outcome."""
    sent = Sent(outcomes=[], calls=[], logged=[])
    numbers = list(range(len(batch.items)))
    outcomes: dict[int, LearnError | Outcome | None]
    found: Mapping[int, Outcome] = {}
    try:
        if lifts_at := quota_lifts_at():
            if lifts_at >= batch.until:
                return Sent(outcomes=[QuotaUsedUp(lifts_at)] * len(batch.items))
            if not may_begin_at(lifts_at):
                return Sent(outcomes=[QuotaUsedUp(lifts_at)] * len(batch.items))
        ends_at = stopping.no_later_than_the_end(batch.until)
        until = time.monotonic() + (ends_at - timezone.now()).total_seconds()
        looks = Looks(items=batch.items, until=until, observe=partial(observe, sent))
        found = looks.outcomes
        if batch.look_first:
            looks.before(batch.look_first)
            numbers = [number for number in numbers if number not in found]
        outcomes = dict(zip(numbers, call(looks, numbers), strict=True))
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("delivering_crashed")
        outcomes = dict.fromkeys(numbers, Crashed())
    return replace(sent, outcomes=[found.get(number) or outcomes[number] for number in range(len(batch.items))])


def call(looks: Looks, numbers: Sequence[int]) -> list[LearnError | None]:
    """Send these items; where the call leaves open what became of one, look."""

    def look(places: Sequence[int]) -> dict[int, LearnError | None]:
        told = looks.after([numbers[place] for place in places], {})
        return {place: told[numbers[place]] for place in places if numbers[place] in told}

    values = [
        GradeValue(course_id=course_id, user_id=user_id, name=name, value=value)
        for course_id, user_id, name, value in (looks.items[number] for number in numbers)
    ]
    errors = grades_journey().send(
        values, until=looks.until, observe=looks.observe, look=look, may_begin=stopping.may_begin
    )
    unconfirmed = {
        number: error for number, error in zip(numbers, errors, strict=True) if isinstance(error, Unconfirmed)
    }
    if unconfirmed:
        looks.after(list(unconfirmed), unconfirmed)
    return errors


def is_delivered(outcome: Outcome) -> bool:
    return outcome[0] == Delivery.State.DELIVERED


def quota_lifts_at() -> datetime | None:
    """When Learn accepts calls again. None: it does now, or the database does not say, and then Learn will."""
    try:
        return quota.lifts_at(timezone.now())
    except DatabaseError as error:
        log.warning("quota_not_known", error=type(error).__name__)
        return None
    finally:
        connection.close()  # it goes back to the pool during the call


def may_begin_at(moment: datetime) -> bool:
    """Wait for that moment: whether a call to Learn may still begin then."""
    while stopping.may_begin() and (seconds := (moment - timezone.now()).total_seconds()) > 0:
        time.sleep(min(1, seconds))
    return stopping.may_begin()


def observe(sent: Sent, call: Call) -> None:
    """Take note of a call. Where Learn accepts no more, all processes must know before the next one goes out."""
    if call.lifts_at:
        try:
            sent.logged.extend(row.pk for row in quota.log_calls([call]))
        except DatabaseError as error:
            log.warning("quota_not_recorded", error=type(error).__name__)
        else:
            return
        finally:
            connection.close()
    sent.calls.append(call)


@transaction.atomic
def record(batch: Batch, sent: Sent) -> None:
    """Finish the batch's deliveries and their participants. One that was swept since then keeps its state."""
    outcomes = [outcome_of(ended) if isinstance(ended, LearnError) else ended or DELIVERED for ended in sent.outcomes]
    finish_batch(batch.claim, dict(zip(batch.pks, outcomes, strict=True)), timezone.now())
    ended = zip(batch.items, outcomes, strict=True)
    GradeColumn.objects.found_in_learn({(item[0], item[2]) for item, outcome in ended if is_delivered(outcome)})
    calls = [*sent.logged, *(row.pk for row in quota.log_calls(sent.calls))]
    ExportAttempt.calls.through.objects.bulk_create(
        ExportAttempt.calls.through(exportattempt_id=attempt, servicecall_id=call)
        for call in calls
        for attempt in batch.attempts
    )
