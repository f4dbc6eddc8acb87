"""Holding people and flows back until someone releases them, and a pause of all sending.

A hold is true from its commit on: it is recorded under the lock that an export takes before it judges, and what was
queued before is refused in the same transaction. What is in a call to Learn then cannot be stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import structlog
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common import spelling
from common.database.bulk import among
from common.database.retrying import despite_conflicts
from courses import sentences
from exports.delivering import finishing
from exports.delivering.recording import finish_as
from exports.models import Delivery, ExportAttempt, Flow, Hold, Participant
from exports.models.delivery import DeliveryQuerySet
from exports.models.hold import REASON_LENGTH
from exports.reading.body import text_of
from exports.reading.values import Unreadable

log = structlog.get_logger(__name__)

MAX_NAMED = 10  # holds, in a line of the log


class ReasonNotUsable(Exception):
    """Nothing was held. The sentence says what is wrong with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What became of a request to hold: how many `held` now, and how many were `already`.

    `stopped` grades were waiting and are refused now; `in_calls` are in a call to Learn, which goes on.
    """

    held: int = 0
    already: int = 0
    stopped: int = 0
    in_calls: int = 0

    @classmethod
    def of_all(cls, parts: Iterable[Held]) -> Held:
        found = list(parts)
        return cls(
            held=sum(part.held for part in found),
            already=sum(part.already for part in found),
            stopped=sum(part.stopped for part in found),
            in_calls=sum(part.in_calls for part in found),
        )

    def sentence(self) -> str:
        return " ".join(
            filter(None, [self.sentence_of_held(), self.sentence_of_already(), *self.sentences_of_grades()])
        )

    def sentence_of_held(self) -> str:
        if not self.held:
            return ""
        return ngettext("%(count)s hold was made.", "%(count)s holds were made.", self.held) % {
            "count": intcomma(self.held)
        }

    def sentence_of_already(self) -> str:
        if not self.already:
            return ""
        return ngettext("%(count)s was held already.", "%(count)s were held already.", self.already) % {
            "count": intcomma(self.already)
        }

    def sentences_of_grades(self) -> list[str]:
        """What happened to grades that were in progress."""
        said = []
        if self.stopped:
            text = ngettext(
                "%(count)s grade that was waiting is not sent.",
                "%(count)s grades that were waiting are not sent.",
                self.stopped,
            )
            said.append(text % {"count": intcomma(self.stopped)})
        if self.in_calls:
            text = ngettext(
                "%(count)s grade is in a call to Learn, which cannot be stopped.",
                "%(count)s grades are in calls to Learn, which cannot be stopped.",
                self.in_calls,
            )
            said.append(text % {"count": intcomma(self.in_calls)})
        return said


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """How many holds were released, and how many others had been before."""

    released: int
    already: int

    def sentence(self) -> str:
        said = []
        if self.released:
            text = ngettext("%(count)s hold was released.", "%(count)s holds were released.", self.released)
            said.append(text % {"count": intcomma(self.released)})
        if self.already or not said:
            text = ngettext(
                "%(count)s hold was already released.", "%(count)s holds were already released.", self.already
            )
            said.append(text % {"count": intcomma(self.already)})
        return " ".join(said)


@dataclass(frozen=True, kw_only=True, slots=True)
class InProgress:
    """Grades that a hold would stop, and those in calls to Learn, which it would not."""

    waiting: int
    in_calls: int


def hold_flows(flows: Collection[int], *, reason: str, by: User) -> Held:
    """Hold these flows, by primary key, each in a transaction of its own. Raises ReasonNotUsable."""
    reason = usable_reason(reason)
    held = Held.of_all(despite_conflicts(hold_flow, flow, reason=reason, by=by) for flow in sorted(flows))
    finish_stopped(held)
    log.info("flows_held", held=held.held, by=str(by))
    return held


def hold_people(participants: Collection[int], *, reason: str, by: User) -> Held:
    """Hold these participants, by primary key, those of a flow in one transaction. Raises ReasonNotUsable."""
    reason = usable_reason(reason)
    of_flow: dict[int, list[int]] = defaultdict(list)
    people = Participant.objects.filter(among("pk", participants)).order_by("flow_id", "pk")
    for flow, participant in people.values_list("flow_id", "pk"):
        of_flow[flow].append(participant)
    held = Held.of_all(
        despite_conflicts(hold_people_of, flow, theirs, reason=reason, by=by) for flow, theirs in of_flow.items()
    )
    finish_stopped(held)
    log.info("participants_held", held=held.held, by=str(by))
    return held


def pause(*, reason: str, by: User) -> Held:
    """Pause all sending. Raises ReasonNotUsable."""
    reason = usable_reason(reason)
    try:
        held, locked = despite_conflicts(pause_all, reason=reason, by=by)
    except IntegrityError:  # someone else has just paused, where there is no flow to wait for each other at
        held, locked = Held(already=1), []
    if held.held:  # an export of a flow that was made since: it may have been judged before the commit
        again = despite_conflicts(stop_new_flows, locked)
        held = Held.of_all([held, again])
        log.warning("sending_paused", by=str(by))
    finish_stopped(held)
    return held


def release(holds: Collection[int], *, by: User) -> Released:
    """Release these holds, by primary key; of a pause: resume. Nothing is sent by it.

    Without a lock: an export that is judged at this moment is refused or not, and either is right.
    """
    is_open = Hold.objects.open().filter(among("pk", holds))
    released = is_open.update(released_by=by, released_at=timezone.now())
    log.info("holds_released", holds=sorted(holds)[:MAX_NAMED], released=released, by=str(by))
    return Released(released=released, already=len(set(holds)) - released)


def in_progress(flows: Collection[int] | None = None, participants: Collection[int] | None = None) -> InProgress:
    """What a hold of these flows or participants, or neither: of everything, would meet now."""
    if flows is not None:
        return in_progress_of(deliveries_of_flows(flows))
    return in_progress_of(Delivery.objects.all() if participants is None else deliveries_of_people(participants))


# In a transaction


@transaction.atomic
def hold_flow(flow: int, *, reason: str, by: User) -> Held:
    lock_flows([flow])
    if Hold.objects.open().of_flows().filter(flow=flow).exists():
        return Held(already=1)
    hold = Hold.objects.create(flow_id=flow, reason=reason, held_by=by, held_at=timezone.now())
    return stopped_by(hold, deliveries_of_flows([flow]), held=1)


@transaction.atomic
def hold_people_of(flow: int, participants: Collection[int], *, reason: str, by: User) -> Held:
    """Those of these people of one flow who are not held."""
    lock_flows([flow])
    held = Hold.objects.open().filter(among("participant_id", participants)).values_list("participant", flat=True)
    new = sorted(set(participants) - set(held))
    if not new:
        return Held(already=len(participants))
    now = timezone.now()
    holds = [Hold(flow_id=flow, participant_id=pk, reason=reason, held_by=by, held_at=now) for pk in new]
    Hold.objects.bulk_create(holds)
    return stopped_by(holds[0], deliveries_of_people(new), held=len(new), already=len(participants) - len(new))


@transaction.atomic
def pause_all(*, reason: str, by: User) -> tuple[Held, list[int]]:
    """With the flows that were locked for it, all that there are: whoever judges an export has locked one."""
    locked = lock_flows()
    if Hold.objects.open().pauses().exists():
        return Held(already=1), locked
    hold = Hold.objects.create(reason=reason, held_by=by, held_at=timezone.now())
    return stopped_by(hold, Delivery.objects.all(), held=1), locked


@transaction.atomic
def stop_new_flows(known: Collection[int]) -> Held:
    """Stop what was queued for other flows than these before the pause was seen."""
    new = lock_flows(set(Flow.objects.values_list("pk", flat=True)) - set(known))
    hold = Hold.objects.pause()
    return stopped_by(hold, deliveries_of_flows(new)) if hold and new else Held()


def lock_flows(flows: Collection[int] | None = None) -> list[int]:
    """Lock these flows, or all, until the transaction ends, in the order of their keys. Returns their keys."""
    rows = Flow.objects.all() if flows is None else Flow.objects.filter(among("pk", sorted(flows)))
    return list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def stopped_by(hold: Hold, deliveries: DeliveryQuerySet, *, held: int = 0, already: int = 0) -> Held:
    """Refuse those of these deliveries that are queued. Call it with their flows locked."""
    queued = deliveries.filter(state=Delivery.State.QUEUED)
    attempts = ExportAttempt.objects.filter(pk__in=queued.order_by().values("attempt")).order_by()
    flows = list(attempts.values_list("flow_id", flat=True).distinct())
    stopped = 0
    if flows:
        cause, detail = hold.refusal.cause, hold.refusal.detail
        stopped = finish_as(queued, Delivery.State.REFUSED, cause, detail, now=timezone.now())
        Flow.objects.refresh(flows)
    return Held(held=held, already=already, stopped=stopped, in_calls=in_progress_of(deliveries).in_calls)


def deliveries_of_flows(flows: Collection[int]) -> DeliveryQuerySet:
    """Those of attempts that are not finished. By a subquery: a join would lock other rows too."""
    running = ExportAttempt.objects.filter(among("flow_id", flows), finished_at__isnull=True).order_by()
    return Delivery.objects.filter(attempt__in=running.values("pk"))


def deliveries_of_people(participants: Collection[int]) -> DeliveryQuerySet:
    return Delivery.objects.filter(among("participant_id", participants))


def in_progress_of(deliveries: DeliveryQuerySet) -> InProgress:
    """In one statement; by what is open alone, which an index holds."""
    counts = dict(deliveries.filter(state__in=Delivery.OPEN).order_by().values_list("state").annotate(Count("pk")))
    return InProgress(
        waiting=counts.get(Delivery.State.QUEUED.value, 0), in_calls=counts.get(Delivery.State.SENDING.value, 0)
    )


def finish_stopped(held: Held) -> None:
    """Finish the attempts that have nothing left to send, so that whoever waits for them is answered.

    In transactions of their own: it locks attempts before flows.
    """
    if held.stopped:
        running = ExportAttempt.objects.filter(finished_at__isnull=True).order_by("pk")
        despite_conflicts(finishing.finish, list(running.values_list("pk", flat=True)))


def usable_reason(text: str) -> str:
    """The reason without blanks around it. Raises ReasonNotUsable."""
    try:
        text = text_of(text, REASON_LENGTH, allowed=spelling.MULTILINE)
    except Unreadable as unreadable:
        raise ReasonNotUsable(sentences.ended(capfirst(str(unreadable.at(_("the reason")))))) from None
    if not text:
        raise ReasonNotUsable(_("Enter a reason."))
    return text
