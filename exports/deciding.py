"""Decisions about grades in Learn that GradeBridge did not write: one person keeps them, two replace them.

A replacement is requested with a reason, approved by another person, delivered by a task worker, and retried like any
other grade. It covers what Learn showed when it was requested, once: another value there is refused again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from exports.delivering import finishing
from exports.delivering.doubts import record_finished
from exports.delivering.latest import current_deliveries
from exports.delivering.queueing import queue
from exports.delivering.resending import entry_of
from exports.grades.causes import Cause
from exports.grades.facts import Place
from exports.grades.sentences import sentence
from exports.models import Decision, Delivery, Event, ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from exports.proving.sentences import proof_sentence
from exports.requesting import NotPossible, decide, still_waiting, usable_reason
from exports.tasks import deliver_attempt, new_attempt

log = structlog.get_logger(__name__)


Kind, State = Decision.Kind, Decision.State


class Obstacle(Enum):
    """Why nothing can be decided, or a decision not be approved or declined."""

    NO_DIFFERENCE = auto()  # Learn shows nothing else there than GradeBridge wrote, as far as it is known
    CHANGED_SINCE = auto()  # Learn, or the grade that was to be sent, is another than when it was decided
    IN_PROGRESS = auto()  # what Learn will show is not decided yet
    REASON_NOT_USABLE = auto()
    ANOTHER_OPEN = auto()  # one request a place at a time
    SAME_PERSON = auto()  # no one approves their own request
    ALREADY_DECIDED = auto()


class NotDecidable(NotPossible):
    """Nothing was recorded. The sentence says why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A place where Learn shows another grade than GradeBridge has written there, or was to write."""

    participant: int  # primary key
    place: Place
    source_code: str
    shown: str  # by Learn, as people see it; empty: nothing
    value: str  # what GradeBridge wrote, or was to write
    sentence: str
    seen_at: datetime
    delivery: int | None = None  # primary key of the one that was refused because of it
    grade: int | None = None  # primary key of the ledger's row at the place
    is_kept: bool = False  # it is decided already that Learn's grade stays; it may be replaced all the same


def differences(participant: Participant) -> list[Difference]:
    """What is to be decided now: where a grade was not sent because Learn shows another one, and where a grade in Learn
    was found to be different, or not there. What was decided to be kept is not among them.
    """
    return [difference for difference in all_differences(participant) if not difference.is_kept]


def all_differences(participant: Participant) -> list[Difference]:
    """The same, with what is kept. Of what was seen at a place the latest."""
    both = [*found_differences(participant), *refused_differences(participant)]
    return list({one.place: one for one in sorted(both, key=lambda one: one.seen_at)}.values())


def refused_differences(participant: Participant) -> Iterator[Difference]:
    grades = {grade.place: grade.pk for grade in GradeInLearn.objects.in_learn().filter(participant=participant)}
    for delivery in current_deliveries([participant])[participant.pk]:
        if delivery.cause in (Cause.CHANGED_IN_LEARN, Cause.LEARN_GRADE_KEPT):
            place = place_of(delivery)
            yield Difference(
                participant=participant.pk,
                place=place,
                source_code=delivery.source_code,
                shown=str(delivery.detail.get("shown", "")),
                value=delivery.value,
                sentence=sentence(Cause(delivery.cause), delivery.detail),
                seen_at=delivery.finished_at or timezone.now(),
                delivery=delivery.pk,
                grade=grades.get(place),
                is_kept=delivery.cause == Cause.LEARN_GRADE_KEPT,
            )


def found_differences(participant: Participant) -> Iterator[Difference]:
    theirs = GradeInLearn.objects.filter(participant=participant).select_related("proof").order_by("pk")
    kept = set(theirs.kept().values_list("pk", flat=True))
    for grade in theirs.differing():
        assert grade.proof is not None  # whose verdict it is
        yield Difference(
            participant=participant.pk,
            place=grade.place,
            source_code=grade.source_code,
            shown=grade.shown,
            value=grade.value,
            sentence=proof_sentence(grade.proof),
            seen_at=grade.proof.read_at,
            grade=grade.pk,
            is_kept=grade.pk in kept,
        )


def keep(difference: Difference | GradeInLearn, *, reason: str, by: User) -> Decision:
    """Record that Learn's grade stays. Of a grade that was not sent because of it, so does its person's cause. Raises
    NotDecidable.
    """
    reason = reason_for(reason)
    with transaction.atomic():
        person = locked(participant_of(difference))
        now = as_it_is(difference, person)
        refuse_if_in_progress(person)
        if now.is_kept:
            raise NotDecidable(Obstacle.ALREADY_DECIDED, _("It is decided already that Learn's grade is kept."))
        refuse_if_requested(now)
        decision = new_decision(now, person, Kind.KEEP, reason=reason, by=by)
        decision.state, decision.decided_by, decision.decided_at = State.APPROVED, by, decision.requested_at
        if now.delivery:
            refused = Delivery.objects.get(pk=now.delivery)
            outcome = (Delivery.State.REFUSED, Cause.LEARN_GRADE_KEPT.value, refused.detail)
            decision.attempt = record_finished(person.flow, ExportAttempt.Trigger.KEEP, [(refused, outcome)], by=by)
        decision.save()
        log_when_committed(decision)
        return decision


def ask_to_replace(difference: Difference | GradeInLearn, *, reason: str, by: User) -> Decision:
    """Record that `by` requests Learn's grade to be replaced; also one that was kept. Nothing is sent. Raises
    NotDecidable.
    """
    reason = reason_for(reason)
    with transaction.atomic():
        person = locked(participant_of(difference))
        now = as_it_is(difference, person)
        refuse_if_in_progress(person)
        refuse_if_requested(now)
        decision = new_decision(now, person, Kind.REPLACE, reason=reason, by=by)
        decision.save()
        Event.objects.create(kind=Event.Kind.DECISION_REQUESTED, flow=person.flow, data={"decision": decision.pk})
        log_when_committed(decision)
        return decision


def approve(decision: Decision, *, by: User) -> Decision:
    """Record the approval and queue the grade; its attempt says what becomes of it. Raises NotDecidable.

    What GradeBridge had there is not in Learn any more, and ends in the ledger. Everything is checked once more under
    the lock, and Learn is read once more before the grade is sent. The task that delivers it is enqueued in the same
    transaction.
    """
    finishing.sweep(Flow.objects.filter(pk=decision.participant.flow_id))
    with transaction.atomic():
        person = locked(decision.participant_id)
        decision = waiting(decision)
        now = refuse_approval(decision, person, by=by)
        decided = decide(decision, State.APPROVED, by=by)
        decided.attempt = send_again(decided, now, person, by=by)
        decided.save(update_fields=["attempt"])
        return decided


def refuse_approval(decision: Decision, person: Participant, *, by: User) -> Difference:
    """Raises NotDecidable where `by` could not approve it now; `person` as they are now. Else what it is about."""
    if by.pk == decision.requested_by_id:
        raise NotDecidable(
            Obstacle.SAME_PERSON, _("You requested this replacement yourself. Another person must approve it.")
        )
    now = as_it_is(decision, person)
    refuse_if_in_progress(person)
    return now


def decline(decision: Decision, *, by: User, reason: str = "") -> Decision:
    """Nothing is sent: a person who may approve declines it for a reason, or the person who requested it withdraws it.
    Raises NotDecidable.
    """
    if by.pk != decision.requested_by_id:
        reason = reason_for(reason)
    with transaction.atomic():
        locked(decision.participant_id)
        return decide(waiting(decision), State.DECLINED, by=by, decline_reason=reason)


def send_again(decision: Decision, difference: Difference, person: Participant, *, by: User) -> ExportAttempt:
    """Queue the grade that the decision is about: no other, whatever WISEflow has said since. Raises NotDecidable."""
    if difference.grade:
        GradeInLearn.objects.filter(pk=difference.grade).update(
            until=timezone.now(), is_in_learn=None, ended_as=GradeInLearn.Ending.CHANGED_IN_LEARN
        )
    source: GradeInLearn | Delivery
    if difference.delivery:
        source = Delivery.objects.get(pk=difference.delivery)
    else:
        assert difference.grade is not None  # it is the one or the other
        source = GradeInLearn.objects.get(pk=difference.grade)
    is_correction = (source.mark, source.alternative_grade) != (person.mark, person.alternative_grade)
    person.looks_first = True
    if not is_correction:
        person.changed_since_export = False  # what WISEflow gave last is what is to be there
    person.save(update_fields=["looks_first", "changed_since_export"])
    entry = entry_of(
        person,
        source.mark,
        source.alternative_grade,
        source_code=source.source_code,
        is_correction=is_correction,
    )
    attempt = new_attempt(person.flow, ExportAttempt.Trigger.REPLACE, by=by)
    if queue(person.flow, [entry], attempt).in_progress:
        queued = attempt.deliveries.filter(state=Delivery.State.QUEUED)
        if any((place_of(one), one.value) != (decision.place, decision.value) for one in queued):
            raise NotDecidable(
                Obstacle.CHANGED_SINCE,
                _(
                    "The mapping, the translation or the Learn user has changed since this was requested. "
                    "Decline it, and retry the grade."
                ),
            )
        deliver_attempt.enqueue(attempt.pk)
    return attempt


def log_when_committed(decision: Decision) -> None:
    by = str(decision.decided_by or decision.requested_by)
    line = partial(log.info, "decision_recorded", decision=decision.pk, kind=decision.kind, state=decision.state, by=by)
    transaction.on_commit(line)


def waiting(decision: Decision) -> Decision:
    """The decision as it is now, if nothing is decided yet. Call it with the flow's row locked."""
    found = still_waiting(decision)
    if isinstance(found, str):
        raise NotDecidable(Obstacle.ALREADY_DECIDED, found)
    return found


def new_decision(
    difference: Difference, person: Participant, kind: Decision.Kind, *, reason: str, by: User
) -> Decision:
    """Not saved."""
    course_id, column_name, learn_user_id = difference.place
    return Decision(
        participant=person,
        grade_id=difference.grade,
        course_id=course_id,
        column_name=column_name,
        learn_user_id=learn_user_id,
        source_code=difference.source_code,
        shown=difference.shown,
        value=difference.value,
        kind=kind,
        reason=reason,
        requested_by=by,
        requested_at=timezone.now(),
    )


def place_of(delivery: Delivery) -> Place:
    return delivery.course_id, delivery.column_name, delivery.learn_user_id


def participant_of(difference: Difference | GradeInLearn) -> int:
    return difference.participant_id if isinstance(difference, GradeInLearn) else difference.participant


def locked(participant: int) -> Participant:
    """The participant as it is now, with its flow's row locked until the transaction ends."""
    flows = Flow.objects.filter(participants=participant).select_for_update(no_key=True, of=("self",))
    flow = flows.get()
    person = Participant.objects.get(pk=participant)
    person.flow = flow
    return person


def as_it_is(difference: Difference | GradeInLearn | Decision, person: Participant) -> Difference:
    """The difference at the same place, if it is still the same. Raises NotDecidable."""
    now = next((one for one in all_differences(person) if one.place == difference.place), None)
    if now is None:
        raise NotDecidable(
            Obstacle.NO_DIFFERENCE,
            _("As far as GradeBridge knows, Learn shows no other grade there. Nothing to decide."),
        )
    if not isinstance(difference, GradeInLearn) and (now.shown, now.value) != (difference.shown, difference.value):
        raise NotDecidable(
            Obstacle.CHANGED_SINCE,
            _("The grades have changed since then. Look at the student's page again, then decide."),
        )
    return now


def refuse_if_in_progress(person: Participant) -> None:
    if person.state == ExportState.QUEUED:
        raise NotDecidable(
            Obstacle.IN_PROGRESS, _("A grade of this participant is being sent to Learn. Try again in a minute.")
        )


def refuse_if_requested(difference: Difference) -> None:
    course_id, column_name, learn_user_id = difference.place
    asked = Decision.objects.filter(participant=difference.participant, state=State.ASKED)
    if asked.filter(course_id=course_id, column_name=column_name, learn_user_id=learn_user_id).exists():
        raise NotDecidable(
            Obstacle.ANOTHER_OPEN,
            _("A request to replace this grade is waiting for approval. Approve or decline it first."),
        )


def reason_for(reason: str) -> str:
    """Without blanks around it. Raises NotDecidable."""
    try:
        return usable_reason(reason)
    except ValueError as unusable:
        raise NotDecidable(Obstacle.REASON_NOT_USABLE, str(unusable)) from None
