"""A correction: one person requests another mark than Learn shows, another person approves it, and it is sent.

It is sent like a retry: judged by today's rules and translation, delivered by a task worker, and retried like any
other grade. Until Learn has confirmed it, the participant's `approved_mark` lets it pass R3 and makes retries send it.
An alternative grade is never corrected (R11).
"""

from dataclasses import replace
from enum import Enum, auto

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from courses.models import NAME_LENGTH
from exports.delivering import finishing
from exports.delivering.judging import flow_facts, person_facts
from exports.delivering.queueing import queue
from exports.delivering.resending import entries_again, entry_of
from exports.grades.conflicts import join_same_places
from exports.grades.facts import AlreadyExported, Entry, PersonFacts, PlacedGrade, Verdict
from exports.grades.rules import COLUMN_DELETED, DOUBTED, by_source, judge
from exports.models import Correction, Event, ExportAttempt, ExportState, Flow, Participant
from exports.requesting import NotPossible, decide, still_waiting, usable, usable_reason
from exports.tasks import deliver_attempt, new_attempt

log = structlog.get_logger(__name__)


class Obstacle(Enum):
    """Why a correction cannot be requested, approved or declined."""

    NOT_EXPORTED = auto()  # there is nothing to correct
    ALTERNATIVE_GRADE_LOCKED = auto()  # R11: an exported alternative grade never changes
    IN_PROGRESS = auto()  # what Learn will show is not decided yet
    NOT_IN_LEARN = auto()  # the grade is no longer in Learn
    CHANGED_IN_LEARN = auto()  # Learn shows another grade than when the correction was requested
    UNCHANGED = auto()  # Learn would show what it shows already, or the same correction is approved already
    MARK_NOT_USABLE = auto()
    REASON_NOT_USABLE = auto()
    SOURCE_NOT_CHOSEN = auto()  # different grades are in Learn for the person's sources
    ANOTHER_OPEN = auto()  # one correction of a participant at a time
    SAME_PERSON = auto()  # no one approves their own request
    ALREADY_DECIDED = auto()


class NotCorrectable(NotPossible):
    """Nothing was recorded. The sentence says why, and what to do."""


def ask(participant: Participant, *, mark: str, reason: str, by: User, source_code: str = "") -> Correction:
    """Record that `by` requests `mark` in place of what Learn shows. Nothing is sent. Raises NotCorrectable.

    `source_code`: of a person with several sources the one that it is for; empty: all of them, which have one grade.
    """
    mark = usable_mark(mark)
    reason = reason_for(reason)
    finishing.sweep(Flow.objects.filter(pk=participant.flow_id))
    with transaction.atomic():
        person = locked(participant)
        refuse_asking(person)
        grade = exported_grade(person_facts(person), source_code)
        refuse_unchanged(person, grade, mark, source_code)
        correction = Correction.objects.create(
            participant=person,
            source_code=source_code,
            mark_before=grade.mark,
            value_before=grade.value,
            mark=mark,
            reason=reason,
            requested_by=by,
            requested_at=timezone.now(),
        )
        Event.objects.create(kind=Event.Kind.CORRECTION_REQUESTED, flow=person.flow, data={"correction": correction.pk})
    log.info("correction_requested", correction=correction.pk, flow=person.flow.flow_id, by=str(by))
    return correction


def approve(correction: Correction, *, by: User) -> Correction:
    """Record the approval and queue the new mark; its attempt says what becomes of it. Raises NotCorrectable.

    Everything is checked once more under the lock: much may have happened since it was requested. The task that
    delivers it is enqueued in the same transaction.
    """
    finishing.sweep(Flow.objects.filter(pk=correction.participant.flow_id))
    with transaction.atomic():
        person = locked(correction.participant)
        correction = waiting(correction)
        refuse_approval(correction, person, by=by)
        person.approved_mark, person.approved_source_code = correction.mark, correction.source_code
        person.save(update_fields=["approved_mark", "approved_source_code"])
        attempt = new_attempt(person.flow, ExportAttempt.Trigger.CORRECTION, by=by)
        if queue(person.flow, entries_again([person]), attempt).in_progress:
            deliver_attempt.enqueue(attempt.pk)
        return decide(correction, Correction.State.APPROVED, by=by, attempt=attempt)


def decline(correction: Correction, *, by: User, reason: str = "") -> Correction:
    """Nothing is sent: a person who may approve declines it for a reason, or the person who requested it withdraws it.
    Raises NotCorrectable.
    """
    if by.pk != correction.requested_by_id:
        reason = reason_for(reason)
    with transaction.atomic():
        locked(correction.participant)
        return decide(waiting(correction), Correction.State.DECLINED, by=by, decline_reason=reason)


def locked(participant: Participant) -> Participant:
    """The participant as it is now, with its flow's row locked until the transaction ends."""
    flow = Flow.objects.select_for_update(no_key=True).get(pk=participant.flow_id)
    person = Participant.objects.get(pk=participant.pk)
    person.flow = flow
    return person


def waiting(correction: Correction) -> Correction:
    """The correction as it is now, if it is not decided yet. Call it with the flow's row locked."""
    found = still_waiting(correction)
    if isinstance(found, str):
        raise NotCorrectable(Obstacle.ALREADY_DECIDED, found)
    return found


def refuse_asking(participant: Participant) -> None:
    """Raises NotCorrectable where no correction can be requested now, whatever the mark."""
    refuse_impossible(participant)
    if participant.corrections.filter(state=Correction.State.ASKED).exists():
        raise NotCorrectable(
            Obstacle.ANOTHER_OPEN,
            _("Another correction of this grade is waiting for approval. Approve or decline it first."),
        )


def refuse_approval(correction: Correction, participant: Participant, *, by: User) -> None:
    """Raises NotCorrectable where `by` could not approve it now; `participant` as it is now."""
    if by.pk == correction.requested_by_id:
        raise NotCorrectable(
            Obstacle.SAME_PERSON, _("You requested this correction yourself. Another person must approve it.")
        )
    refuse_impossible(participant)
    grade = exported_grade(person_facts(participant), correction.source_code)
    if (grade.mark, grade.value) != (correction.mark_before, correction.value_before):
        raise NotCorrectable(
            Obstacle.CHANGED_IN_LEARN,
            _(
                "The grade in Learn has changed since this correction was requested (%(before)s, now %(now)s). "
                "Decline it, and request a new correction if needed."
            )
            % {"before": correction.value_before, "now": grade.value},
        )
    refuse_unchanged(participant, grade, correction.mark, correction.source_code)


def refuse_impossible(participant: Participant) -> None:
    """Raises NotCorrectable where no mark at all could be put in place of what is in Learn."""
    person = person_facts(participant)
    latest: dict[str, PlacedGrade] = {}
    for grade in person.grades:
        if grade.is_certain:
            latest.setdefault(grade.source_code, grade)
    if latest and all(grade.alternative_grade for grade in latest.values()):
        raise NotCorrectable(
            Obstacle.ALTERNATIVE_GRADE_LOCKED,
            _("The alternative grade was exported (%(value)s) and is locked. If it must change, change it in Learn.")
            % {"value": next(iter(latest.values())).value},
        )
    if person.state == ExportState.QUEUED:
        raise NotCorrectable(
            Obstacle.IN_PROGRESS, _("A grade of this participant is being sent to Learn. Try again in a minute.")
        )
    if not latest:
        raise NotCorrectable(
            Obstacle.NOT_EXPORTED, _("This grade has not been exported yet. Change it in WISEflow, then export it.")
        )
    current = [grade for grade in person.grades if not grade.ended_as]
    if not current and any(grade.ended_as == COLUMN_DELETED for grade in latest.values()):
        raise NotCorrectable(
            Obstacle.NOT_IN_LEARN,
            _("The column was deleted in Learn, so there is no grade to correct. Retry the failed grade first."),
        )
    if not current:
        raise NotCorrectable(
            Obstacle.NOT_IN_LEARN,
            _(
                "Another grade is in Learn in its place. "
                "Check the mappings and Learn users of both, then correct the grade in Learn."
            ),
        )
    if any(grade.alternative_grade and not grade.is_certain for grade in current) and not person.approved_mark:
        raise NotCorrectable(
            Obstacle.ALTERNATIVE_GRADE_LOCKED,
            _("An alternative grade may be in Learn. Retry the failed grade first."),
        )


def correctable_grades(person: PersonFacts) -> list[PlacedGrade]:
    """What Learn has confirmed of the person at each of their places, also where a later grade is in doubt."""
    found = []
    for grade in person.grades:
        if grade.ended_as or (grade.is_left_behind and any(other.is_current for other in person.grades)):
            continue
        before = (old for old in person.grades if old.is_certain and old.place == grade.place)
        certain = grade if grade.is_certain else next((old for old in before if old.ended_as in DOUBTED), None)
        if certain and not certain.alternative_grade:
            found.append(certain)
    return found


def grades_for(person: PersonFacts, source_code: str) -> list[PlacedGrade]:
    """What a correction for this source, or without one for all, would replace."""
    grades = correctable_grades(person)
    if not source_code:
        return grades
    own = [grade for grade in grades if grade.source_code == source_code]
    return own or [grade for grade in grades if not grade.source_code]


def has_different_grades(person: PersonFacts) -> bool:
    """Whether the person's sources have different grades in Learn, so that a correction is for one of them."""
    corrected = {(grade.mark, grade.value) for grade in correctable_grades(person)}
    has_code = any(grade.alternative_grade and grade.is_current for grade in person.grades)
    return len(corrected) + has_code > 1


def exported_grade(person: PersonFacts, source_code: str) -> PlacedGrade:
    """The confirmed grade that a correction would replace. Raises NotCorrectable."""
    grades = grades_for(person, source_code)
    if not grades:
        raise NotCorrectable(
            Obstacle.NOT_EXPORTED, _("There is no confirmed grade in Learn to correct. Retry the failed grade first.")
        )
    if not source_code and has_different_grades(person):
        raise NotCorrectable(
            Obstacle.SOURCE_NOT_CHOSEN,
            _("Different grades are in Learn for the sources of this participant. Choose a source."),
        )
    return grades[0]


def refuse_unchanged(participant: Participant, grade: PlacedGrade, mark: str, source_code: str) -> None:
    """Raises NotCorrectable where Learn would show what it shows already."""
    if participant.approved_mark:  # that one has not arrived: anything else is possible, also back to what is in Learn
        if mark == participant.approved_mark and source_code == participant.approved_source_code:
            raise NotCorrectable(
                Obstacle.UNCHANGED,
                _("A correction to %(mark)s is already approved, but not delivered. Retry it.") % {"mark": mark},
            )
    elif all(isinstance(verdict, AlreadyExported) for verdict in foresee(participant, mark, source_code).values()):
        raise NotCorrectable(
            Obstacle.UNCHANGED,
            _("Nothing would change: Learn already shows %(value)s for this mark.") % {"value": grade.value},
        )


def foresee(participant: Participant, mark: str, source_code: str = "") -> dict[Entry, Verdict]:
    """What would become of `mark` if it were approved now, at each place, by today's rules, mapping and translation."""
    callers = [participant.api_client_id] if participant.api_client_id else []
    facts = flow_facts(participant.flow, timezone.localtime(), None, callers=callers)
    person = replace(person_facts(participant), approved_mark=mark, approved_source_code=source_code)
    entry = entry_of(participant, mark, "", source_code=source_code, is_correction=True)
    verdicts = {part: judge(part, person, facts) for part in by_source(entry, person, facts)}
    return join_same_places(verdicts)[0]


def usable_mark(mark: str) -> str:
    """The mark without blanks around it. Raises NotCorrectable."""
    try:
        mark = usable(mark, NAME_LENGTH, name=_("the new mark"))
    except ValueError as unusable:
        raise NotCorrectable(Obstacle.MARK_NOT_USABLE, str(unusable)) from None
    if not mark:
        raise NotCorrectable(Obstacle.MARK_NOT_USABLE, _("Enter a new mark."))
    return mark


def reason_for(reason: str) -> str:
    """Without blanks around it. Raises NotCorrectable."""
    try:
        return usable_reason(reason)
    except ValueError as unusable:
        raise NotCorrectable(Obstacle.REASON_NOT_USABLE, str(unusable)) from None
