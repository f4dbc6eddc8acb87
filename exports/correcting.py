"""A correction: one person asks for another mark than Learn shows, another person approves it, and it is sent.

It goes the way of a retry: judged by today's rules and translation, delivered by a task worker, and retried like any
other grade. Until Learn has confirmed it, the participant's `approved_mark` lets it pass R3 and makes retries send it.
An alternative grade is never corrected (R11).
"""

from dataclasses import replace

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from courses.models import NAME_LENGTH
from exports import settling
from exports.models import Correction, ExportAttempt, Flow, Participant
from exports.queueing import PERSON_FIELDS, entry_again, flow_facts, queue
from exports.reading import text_of
from exports.rules import AlreadyExported, PersonFacts, Verdict, judge
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
    """The new mark is missing or cannot be stored."""


class ReasonNotUsable(NotCorrectable):
    """The reason is missing or cannot be stored."""


class AnotherWaits(NotCorrectable):
    """One correction of a participant at a time."""


class SamePerson(NotCorrectable):
    """Whoever asks does not approve."""


class AlreadyDecided(NotCorrectable):
    """Somebody else was quicker."""


def ask(participant: Participant, *, mark: str, reason: str, by: User) -> Correction:
    """Record that `by` wants `mark` in place of what Learn shows. Nothing is sent. Raises NotCorrectable."""
    mark = usable_text(mark, NAME_LENGTH, "new mark", MarkNotUsable)
    reason = usable_text(reason, REASON_LENGTH, "reason", ReasonNotUsable)
    settling.sweep(Flow.objects.filter(pk=participant.flow_id))
    with transaction.atomic():
        person = locked(participant)
        refuse_asking(person)
        refuse_unchanged(person, mark)
        return Correction.objects.create(
            participant=person,
            mark_before=person.exported_mark,
            value_before=person.exported_value,
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
        person.approved_mark = correction.mark
        person.save(update_fields=["approved_mark"])
        attempt = new_attempt(person.flow, ExportAttempt.Trigger.CORRECTION, by=by)
        if queue(person.flow, [entry_again(person)], attempt).on_its_way:
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
    flow = Flow.objects.select_for_update().get(pk=participant.flow_id)
    person = Participant.objects.get(pk=participant.pk)
    person.flow = flow
    return person


def waiting(correction: Correction) -> Correction:
    """The correction as it stands now, if nobody has decided it. Call it with the flow's row locked."""
    now = Correction.objects.select_related("decided_by").get(pk=correction.pk)
    if now.state != Correction.State.ASKED:
        assert now.decided_at is not None  # a constraint holds them together
        when = timezone.localtime(now.decided_at)
        verb = now.get_state_display().lower()
        raise AlreadyDecided(f"It was {verb} by {now.decided_by} on {when.day} {when:%B %Y at %H:%M}. Nothing to do.")
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
    if (participant.exported_mark, participant.exported_value) != (correction.mark_before, correction.value_before):
        raise StandsOtherwise(
            f"Learn shows {participant.exported_value} now, not {correction.value_before} as when this was asked for. "
            "Decline it, and ask again if it must still change."
        )
    refuse_unchanged(participant, correction.mark)


def refuse_impossible(participant: Participant) -> None:
    """Raises NotCorrectable where no mark at all could be put in place of what stands in Learn."""
    person = person_facts(participant)
    if person.exported_alternative_grade:
        raise AlternativeGradeLocked(
            f"The alternative grade was exported as {person.exported_value} and is locked. "
            "Change it in Learn if it must change."
        )
    if person.is_on_its_way:
        raise OnItsWay("A grade of this person is on its way to Learn. Try again in a minute.")
    if person.exported_at is None:
        raise NotExported("This grade has not been exported yet. Change it in WISEflow, and export it.")
    if participant.is_lost:
        raise StandsNoMore("Its column was deleted in Learn, so nothing stands there. Retry the failed grade first.")
    if person.is_replaced:
        raise StandsNoMore(
            "Another export has since set another grade in its place. Check the mappings and Learn users of both, and "
            "correct it in Learn."
        )
    if person.in_doubt and person.alternative_grade and not person.approved_mark:
        raise AlternativeGradeLocked("An alternative grade may stand in Learn. Retry the failed grade first.")


def refuse_unchanged(participant: Participant, mark: str) -> None:
    """Raises Unchanged where Learn would show what it shows already."""
    person = person_facts(participant)
    if person.approved_mark:  # that one has not arrived: anything else goes, also back to what stands
        if mark == person.approved_mark:
            raise Unchanged(f"A correction to {mark} is approved already, but not delivered. Retry it.")
    elif isinstance(foresee(participant, mark), AlreadyExported):
        raise Unchanged(f"Nothing would change: Learn shows {person.exported_value} for this mark already.")


def foresee(participant: Participant, mark: str) -> Verdict:
    """What would become of `mark` if it were approved now, by today's rules, mapping and translation."""
    flow = participant.flow
    entry = replace(entry_again(participant), mark=mark, alternative_grade="", fault=None, fault_detail="")
    person = replace(person_facts(participant), approved_mark=mark)
    return judge(entry, person, flow_facts(flow, timezone.localtime(), None))


def person_facts(participant: Participant) -> PersonFacts:
    return PersonFacts(**{name: getattr(participant, name) for name in PERSON_FIELDS})


def usable_text(text: str, length: int, what: str, error: type[NotCorrectable]) -> str:
    """`text` without blanks around it. Raises `error`."""
    try:
        text = text_of(text.strip(), length)
    except ValueError as reason:
        raise error(f"The {what} is not usable: it {reason}.") from None
    if not text:
        raise error(f"Give a {what}.")
    return text
