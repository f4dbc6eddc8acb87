"""A correction: one person asks for another mark than Learn shows, another person approves it, and it is sent.

It goes the way of a retry: judged by today's rules and translation, delivered by a task worker, and retried like any
other grade. Until Learn has confirmed it, the participant's `approved_mark` lets it pass R3 and makes retries send it.
An alternative grade is never corrected (R11).
"""

from dataclasses import replace

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from common import spelling
from common.moments import moment
from courses.models import NAME_LENGTH
from exports.delivering import settling
from exports.delivering.judging import flow_facts, person_facts
from exports.delivering.queueing import queue
from exports.delivering.resending import entries_again, entry_of
from exports.grades.conflicts import join_same_places
from exports.grades.facts import AlreadyExported, Entry, PersonFacts, PlacedGrade, Verdict
from exports.grades.rules import COLUMN_DELETED, DOUBTED, by_source, judge
from exports.models import Correction, ExportAttempt, ExportState, Flow, Participant
from exports.reading.body import text_of
from exports.tasks import deliver_attempt, new_attempt

REASON_LENGTH = 2000  # characters


class NotCorrectable(Exception):
    """Base: nothing was recorded. The sentence says why, and what to do."""


class NotExported(NotCorrectable):
    """There is nothing to correct."""


class AlternativeGradeLocked(NotCorrectable):
    """R11: an exported alternative grade never changes."""


class OnItsWay(NotCorrectable):
    """What Learn will show is not decided yet."""


class StandsNoMore(NotCorrectable):
    """Another export's grade stands in Learn where this one's stood."""


class StandsOtherwise(NotCorrectable):
    """Learn shows another grade than when the correction was asked for."""


class Unchanged(NotCorrectable):
    """Learn would show what it shows already, or the same correction is approved already."""


class MarkNotUsable(NotCorrectable):
    """The new mark is missing or not usable."""


class ReasonNotUsable(NotCorrectable):
    """The reason is missing or not usable."""


class SourceNotChosen(NotCorrectable):
    """Different grades are in Learn for the person's sources, and none was chosen."""


class AnotherWaits(NotCorrectable):
    """One correction of a participant at a time."""


class SamePerson(NotCorrectable):
    """Whoever asks does not approve."""


class AlreadyDecided(NotCorrectable):
    """Somebody else was quicker."""


def ask(participant: Participant, *, mark: str, reason: str, by: User, source_code: str = "") -> Correction:
    """Record that `by` wants `mark` in place of what Learn shows. Nothing is sent. Raises NotCorrectable.

    `source_code`: of a person with several sources the one that it is for; empty: all of them, which have one grade.
    """
    mark = usable_text(mark, NAME_LENGTH, "new mark", MarkNotUsable)
    reason = usable_text(reason, REASON_LENGTH, "reason", ReasonNotUsable, allowed=spelling.MULTILINE)
    settling.sweep(Flow.objects.filter(pk=participant.flow_id))
    with transaction.atomic():
        person = locked(participant)
        refuse_asking(person)
        grade = exported_grade(person_facts(person), source_code)
        refuse_unchanged(person, grade, mark, source_code)
        return Correction.objects.create(
            participant=person,
            source_code=source_code,
            mark_before=grade.mark,
            value_before=grade.value,
            mark=mark,
            reason=reason,
            asked_by=by,
            asked_at=timezone.now(),
        )


def approve(correction: Correction, *, by: User) -> Correction:
    """Record the approval and queue the new mark; its attempt says what becomes of it. Raises NotCorrectable.

    Everything is checked once more under the lock: much may have happened since it was asked for. The task that
    delivers it is enqueued in the same transaction.
    """
    settling.sweep(Flow.objects.filter(pk=correction.participant.flow_id))
    with transaction.atomic():
        person = locked(correction.participant)
        correction = waiting(correction)
        refuse_approval(correction, person, by=by)
        person.approved_mark, person.approved_source_code = correction.mark, correction.source_code
        person.save(update_fields=["approved_mark", "approved_source_code"])
        attempt = new_attempt(person.flow, ExportAttempt.Trigger.CORRECTION, by=by)
        if queue(person.flow, entries_again([person]), attempt).on_its_way:
            deliver_attempt.enqueue(attempt.pk)
        return decide(correction, Correction.State.APPROVED, by=by, attempt=attempt)


def decline(correction: Correction, *, by: User) -> Correction:
    """Nothing is sent: somebody who may approve says no, or the asker takes it back. Raises AlreadyDecided."""
    with transaction.atomic():
        locked(correction.participant)
        return decide(waiting(correction), Correction.State.DECLINED, by=by)


def decide(
    correction: Correction, state: Correction.State, *, by: User, attempt: ExportAttempt | None = None
) -> Correction:
    correction.state, correction.decided_by, correction.decided_at = state, by, timezone.now()
    correction.attempt = attempt
    correction.save(update_fields=["state", "decided_by", "decided_at", "attempt"])
    return correction


def locked(participant: Participant) -> Participant:
    """The participant as it stands now, with its flow's row locked until the transaction ends."""
    flow = Flow.objects.select_for_update(no_key=True).get(pk=participant.flow_id)
    person = Participant.objects.get(pk=participant.pk)
    person.flow = flow
    return person


def waiting(correction: Correction) -> Correction:
    """The correction as it stands now, if nobody has decided it. Call it with the flow's row locked."""
    now = Correction.objects.select_related("decided_by").get(pk=correction.pk)
    if now.state != Correction.State.ASKED:
        assert now.decided_at is not None  # a constraint holds them together
        verb = now.get_state_display().lower()
        raise AlreadyDecided(f"It was {verb} by {now.decided_by} on {moment(now.decided_at)}. Nothing to do.")
    return now


def refuse_asking(participant: Participant) -> None:
    """Raises NotCorrectable where no correction can be asked for now, whatever the mark."""
    refuse_impossible(participant)
    if participant.corrections.filter(state=Correction.State.ASKED).exists():
        raise AnotherWaits("Another correction of this grade waits for approval. Approve or decline it first.")


def refuse_approval(correction: Correction, participant: Participant, *, by: User) -> None:
    """Raises NotCorrectable where `by` could not approve it now; `participant` as it stands now."""
    if by.pk == correction.asked_by_id:
        raise SamePerson("You have asked for this correction yourself. Somebody else must approve it.")
    refuse_impossible(participant)
    grade = exported_grade(person_facts(participant), correction.source_code)
    if (grade.mark, grade.value) != (correction.mark_before, correction.value_before):
        raise StandsOtherwise(
            f"Learn shows {grade.value} now, not {correction.value_before} as when this was asked for. "
            "Decline it, and ask again if it must still change."
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
        raise AlternativeGradeLocked(
            f"The alternative grade was exported as {next(iter(latest.values())).value} and is locked. "
            "Change it in Learn if it must change."
        )
    if person.state == ExportState.QUEUED:
        raise OnItsWay("A grade of this person is on its way to Learn. Try again in a minute.")
    if not latest:
        raise NotExported("This grade has not been exported yet. Change it in WISEflow, and export it.")
    current = [grade for grade in person.grades if not grade.ended_as]
    if not current and any(grade.ended_as == COLUMN_DELETED for grade in latest.values()):
        raise StandsNoMore("Its column was deleted in Learn, so it is not there. Retry the failed grade first.")
    if not current:
        raise StandsNoMore(
            "Another grade is in Learn in its place. "
            "Check the mappings and Learn users of both, and correct it in Learn."
        )
    if any(grade.alternative_grade and not grade.is_certain for grade in current) and not person.approved_mark:
        raise AlternativeGradeLocked("An alternative grade may be in Learn. Retry the failed grade first.")


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
        raise NotExported("There is no confirmed grade in Learn to correct. Retry the failed grade first.")
    if not source_code and has_different_grades(person):
        raise SourceNotChosen("Different grades are in Learn for the sources of this person. Choose a source.")
    return grades[0]


def refuse_unchanged(participant: Participant, grade: PlacedGrade, mark: str, source_code: str) -> None:
    """Raises Unchanged where Learn would show what it shows already."""
    if participant.approved_mark:  # that one has not arrived: anything else goes, also back to what is in Learn
        if mark == participant.approved_mark and source_code == participant.approved_source_code:
            raise Unchanged(f"A correction to {mark} is approved already, but not delivered. Retry it.")
    elif all(isinstance(verdict, AlreadyExported) for verdict in foresee(participant, mark, source_code).values()):
        raise Unchanged(f"Nothing would change: Learn shows {grade.value} for this mark already.")


def foresee(participant: Participant, mark: str, source_code: str = "") -> dict[Entry, Verdict]:
    """What would become of `mark` if it were approved now, at each place, by today's rules, mapping and translation."""
    callers = [participant.api_client_id] if participant.api_client_id else []
    facts = flow_facts(participant.flow, timezone.localtime(), None, callers=callers)
    person = replace(person_facts(participant), approved_mark=mark, approved_source_code=source_code)
    entry = entry_of(participant, mark, "", source_code=source_code, is_correction=True)
    verdicts = {part: judge(part, person, facts) for part in by_source(entry, person, facts)}
    return join_same_places(verdicts)[0]


def usable_text(text: str, length: int, what: str, error: type[NotCorrectable], *, allowed: str = "") -> str:
    """`text` without blanks around it. Raises `error`."""
    try:
        text = text_of(text, length, allowed=allowed)
    except ValueError as reason:
        raise error(f"The {what} is not usable: it {reason}.") from None
    if not text:
        raise error(f"Give a {what}.")
    return text
