"""Deliveries that were just settled -> the ledger and the participants, a statement each, whatever their number.

Call it in the transaction that settles the deliveries: a state, and where the grade is, are never apart.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from common.database.bulk import among, insert, update, update_alike
from exports.grades.causes import Cause
from exports.grades.facts import BY_HAND, Place
from exports.models import Delivery, ExportState, Flow, GradeInLearn, Participant

State = Delivery.State
Certainty = GradeInLearn.Certainty
Ending = GradeInLearn.Ending


Outcome = tuple[State, str, str]  # of a delivery: state, cause, detail


class Settled(NamedTuple):
    """A delivery that was just settled, as far as the ledger and its participant follow it."""

    pk: int
    participant: int
    source_code: str
    joint_entry_count: int
    course_id: str
    column_name: str
    learn_user_id: str
    value: str
    mark: str
    alternative_grade: str
    state: str
    cause: str
    detail: str

    @property
    def place(self) -> Place:
        return self.course_id, self.column_name, self.learn_user_id


SETTLED_COLUMNS = (
    *("id", "participant_id", "source_code", "joint_entry_count", "course_id", "column_name", "learn_user_id"),
    *("value", "mark", "alternative_grade", "state", "cause", "detail"),
)


@transaction.atomic
def settle_batch(claim: UUID, outcomes: Mapping[int, Outcome], now: datetime) -> None:
    """Settle the deliveries of a claim by their primary keys. One that was swept since keeps its state."""
    delivered = [pk for pk, outcome in outcomes.items() if outcome[0] == State.DELIVERED]
    others = [(pk, state.value, *why, now) for pk, (state, *why) in outcomes.items() if state != State.DELIVERED]
    # Not by the state: PostgreSQL would look for the few that are open by an index, and walk all of it.
    ours = {"claim": claim, "settled_at": None}
    settled = [
        *update_alike(
            Delivery,
            {"state": State.DELIVERED.value, "settled_at": now},
            delivered,
            where=ours,
            returning=SETTLED_COLUMNS,
        ),
        *update(Delivery, ("state", "cause", "detail", "settled_at"), others, where=ours, returning=SETTLED_COLUMNS),
    ]
    follow([Settled(*row) for row in settled], now)


@transaction.atomic
def settle_as(deliveries: QuerySet[Delivery], state: State, cause: Cause, detail: str = "", *, now: datetime) -> int:
    """Settle those of these that are open as not delivered, with their participants. Returns how many."""
    still_open = deliveries.filter(state__in=Delivery.OPEN).order_by("pk").select_for_update()
    settled = [
        Settled(*row)._replace(state=state.value, cause=cause.value, detail=detail)
        for row in still_open.values_list(*SETTLED_COLUMNS)
    ]
    theirs = Delivery.objects.filter(among("pk", [row.pk for row in settled]))
    theirs.update(state=state, cause=cause, detail=detail, settled_at=now)
    follow(settled, now)
    return len(settled)


def follow(settled: Collection[Settled], now: datetime) -> None:
    """Bring ledger and participants after deliveries that were just settled."""
    if not settled:
        return
    ended = enter([row for row in settled if row.state in MAY_BE_IN_LEARN], now)
    settle_participants(settled)
    refresh_states({row.participant for row in settled if row.source_code})
    if ended:
        mark_replaced(ended)


MAY_BE_IN_LEARN = (State.DELIVERED, State.UNCONFIRMED)


class Ended(NamedTuple):
    """A grade that has ended, and the delivery that is at its place now."""

    grade: GradeInLearn
    by: Settled


def enter(arrived: Collection[Settled], now: datetime) -> list[Ended]:
    """Enter what has arrived in Learn, or may have, and end what it has replaced. Returns what has ended.

    The same value, sent again to its own place without an answer, changes nothing: whatever happened, it is there.
    """
    if not arrived:
        return []
    before = find_grades_at({row.place for row in arrived})
    ended, entered = [], []
    for row in arrived:
        there = before.get(row.place)
        is_doubtful = row.state == State.UNCONFIRMED
        if there and is_doubtful and (there.participant_id, there.value) == (row.participant, row.value):
            continue
        if there:
            ended.append(Ended(there, row))
        certainty = Certainty.DOUBTFUL if is_doubtful else Certainty.CONFIRMED
        grade = (row.value, row.mark, row.alternative_grade, certainty.value)
        entered.append((*row.place, row.participant, row.pk, row.source_code, *grade, now, True, ""))
    ends = [(grade.pk, now, None, ending_of(grade, by).value, by.participant) for grade, by in ended]
    update(GradeInLearn, ("until", "is_in_learn", "ended_as", "ended_by_id"), ends)
    insert(GradeInLearn, GRADE_COLUMNS, entered)
    return ended


GRADE_COLUMNS = (
    *("course_id", "column_name", "learn_user_id", "participant_id", "delivery_id", "source_code"),
    *("value", "mark", "alternative_grade", "certainty", "since", "is_in_learn", "ended_as"),
)


def find_grades_at(places: Collection[Place]) -> dict[Place, GradeInLearn]:
    """What is at these places in Learn."""
    grades = GradeInLearn.objects.in_learn().at_places(places).order_by()
    return {grade.place: grade for grade in grades if grade.place in places}


def ending_of(grade: GradeInLearn, by: Settled) -> Ending:
    if by.state == State.UNCONFIRMED:
        return Ending.DOUBTED
    if grade.participant_id != by.participant:
        return Ending.OVERWRITTEN
    same = (grade.value, grade.mark, grade.alternative_grade) == (by.value, by.mark, by.alternative_grade)
    return Ending.CONFIRMED if same else Ending.CORRECTED


def settle_participants(settled: Collection[Settled]) -> None:
    """Copy each delivery's final state to its participant.

    Who was changed since export stays so where a correction delivers another mark than WISEflow gave last. An approved
    mark that is for all sources is cleared once all of them have it, by `refresh_states`.
    """
    delivered: dict[int, list[Settled]] = defaultdict(list)
    for row in settled:
        if row.state == State.DELIVERED:
            delivered[row.participant].append(row)
    failed = [row for row in settled if row.state != State.DELIVERED]
    update(
        Participant,
        ("state", "cause", "detail"),
        [(row.participant, ExportState.FAILED.value, row.cause, row.detail) for row in failed],
    )
    # All alike and nothing joined: PostgreSQL would rather walk the table than look up some hundreds for a join.
    said = update_alike(
        Participant,
        {"state": ExportState.EXPORTED.value, "cause": "", "detail": ""},
        list(delivered),
        where={},
        returning=("id", "mark", "alternative_grade", "changed_since_export", "approved_mark", "approved_source_code"),
    )
    changes = []
    for pk, mark, alternative_grade, is_changed, approved_mark, approved_source_code in said:
        if is_changed or approved_mark:
            rows = delivered[pk]
            is_last_said = any((row.mark, row.alternative_grade) == (mark, alternative_grade) for row in rows)
            has_it = any(row.source_code == approved_source_code and not row.joint_entry_count for row in rows)
            changes.append((pk, bool(is_changed) and not is_last_said, "" if has_it else approved_mark))
    update(Participant, ("changed_since_export", "approved_mark"), changes)


def refresh_states(participants: Collection[int]) -> None:
    """Bring those of the participants who have several sources after their current deliveries, one for each source; of
    the others, only whether an approved mark has arrived.
    """
    if not participants:
        return
    # no_key: a delivery that another transaction inserts looks the person up at its end, and must not wait for this.
    rows = Participant.objects.filter(among("pk", participants)).order_by("pk").select_for_update(no_key=True)
    people = [person for person in rows if len(person.sources) > 1 or person.approved_mark]
    if not people:
        return
    current = current_deliveries(people)
    grades = find_grades_of([person.pk for person in people])
    changes = []
    for person in people:
        standings = [standing_of(delivery, grades[person.pk], person) for delivery in current[person.pk]]
        approved = "" if has_approved(person, current[person.pk]) else person.approved_mark
        if len(person.sources) <= 1:
            changes.append((person.pk, person.state, person.cause, person.detail, "", approved))
        elif standings:
            state, source_code, cause, detail = min(standings, key=lambda standing: ORDER.index(standing[0]))
            changes.append((person.pk, state.value, cause, detail, source_code if cause else "", approved))
    update(Participant, ("state", "cause", "detail", "cause_source_code", "approved_mark"), changes)


def find_grades_of(participants: Collection[int]) -> dict[int, list[GradeInLearn]]:
    """What is, or was, in Learn of these participants, newest first."""
    found: dict[int, list[GradeInLearn]] = defaultdict(list)
    for grade in GradeInLearn.objects.filter(among("participant_id", participants)).order_by("-pk"):
        found[grade.participant_id].append(grade)
    return found


def has_approved(person: Participant, current: Collection[Delivery]) -> bool:
    """Whether Learn has the approved mark for each source that it is for."""
    theirs = [row for row in current if person.approved_source_code in ("", row.source_code)]
    return bool(theirs) and all(
        row.state == State.DELIVERED and row.mark == person.approved_mark and not row.alternative_grade
        for row in theirs
    )


ORDER = (ExportState.QUEUED, ExportState.FAILED, ExportState.EXPORTED, ExportState.NOT_EXPORTED)  # the worst first


SourceState = tuple[ExportState, str, str, str]  # with the source, and the cause and detail where there is one


def standing_of(delivery: Delivery, grades: Collection[GradeInLearn], person: Participant) -> SourceState:
    """What became of one source. A refusal never takes away what Learn has confirmed; another person's grade does."""
    source, said = delivery.source_code, (delivery.source_code, delivery.cause, delivery.detail)
    if delivery.state in Delivery.OPEN:
        return ExportState.QUEUED, source, "", ""
    own = [grade for grade in grades if grade.source_code in (source, "")]
    is_in_learn = any(grade.is_in_learn and grade.is_certain and not grade.is_left_behind for grade in own)
    if is_in_learn and delivery.state in (State.DELIVERED, State.REFUSED):
        return ExportState.EXPORTED, *said
    if delivery.state == State.DELIVERED and own:  # and it is gone again
        if own[0].until is None and own[0].is_left_behind:
            return ExportState.FAILED, source, Cause.MISPLACED.value, own[0].place_of_person
        cause = GONE.get(own[0].ended_as, Cause.REPLACED if own[0].until else Cause.UNCONFIRMED)
        return ExportState.FAILED, source, cause.value, person.detail if person.cause == cause else own[0].column_name
    return (ExportState.EXPORTED if delivery.state == State.DELIVERED else ExportState.FAILED), *said


GONE: dict[str, Cause] = {
    Ending.DOUBTED: Cause.PERHAPS_REPLACED,
    Ending.COLUMN_DELETED: Cause.COLUMN_DELETED,
    Ending.COLUMN_DOUBTED: Cause.UNCONFIRMED,
}


def current_deliveries(people: Iterable[Participant]) -> dict[int, list[Delivery]]:
    """The latest delivery for each source of these participants, newest first, by primary key.

    An entry without a source speaks for all of them, so what was said before it counts no more; nor does it, once
    something was said for each of them. What is on its way counts before all that came after it; what was refused
    because of that, only where there is nothing else.
    """
    sources = {person.pk: export_sources(person) for person in people}
    found: dict[int, list[Delivery]] = {participant: [] for participant in sources}
    seen: dict[int, dict[str, int]] = defaultdict(dict)  # the attempts in which something was said, by source
    oldest: dict[int, int] = {}
    newest_first = Delivery.objects.filter(among("participant_id", list(sources))).order_by("-attempt_id", "-pk")
    deliveries = sorted(newest_first, key=lambda delivery: delivery.state not in Delivery.OPEN)
    for delivery in sorted(deliveries, key=lambda delivery: delivery.cause == Cause.IN_PROGRESS):
        person = delivery.participant_id
        if delivery.attempt_id < oldest.get(person, 0) or delivery.source_code in seen[person]:
            continue
        if is_superseded(delivery, sources[person], seen[person]):
            continue
        seen[person][delivery.source_code] = delivery.attempt_id
        found[person].append(delivery)
        is_unusable = bool(delivery.cause) and Cause(delivery.cause).needs_new_export  # nobody knows for which source
        if delivery.joint_entry_count or not (delivery.source_code or is_unusable):
            oldest[person] = max(delivery.attempt_id, oldest.get(person, 0))
    return found


def export_sources(person: Participant) -> set[str]:
    """The sources of which something is exported (R8)."""
    return {code for code, how in person.sources.items() if how != BY_HAND}


def is_superseded(delivery: Delivery, sources: Collection[str], said: Mapping[str, int]) -> bool:
    """Whether it is for no source in particular, and something was said for each of `sources` since; not what is open.

    `said`: the attempts in which that was, by source.
    """
    if delivery.source_code or delivery.state in Delivery.OPEN or not sources:
        return False
    return all(said.get(source, 0) > delivery.attempt_id for source in sources)


def mark_replaced(ended: Iterable[Ended]) -> None:
    """Mark other participants whose grade in Learn was overwritten, or may have been, as failed.

    A correction of what is no longer in Learn is void. Who has something on its way is left to that delivery.
    """
    replaced: dict[int, tuple[Settled, Cause, str]] = {}
    for grade, by in ended:
        cause = Cause.REPLACED if by.state == State.DELIVERED else Cause.PERHAPS_REPLACED
        if grade.participant_id != by.participant and not grade.is_left_behind:
            replaced[grade.participant_id] = by, cause, grade.source_code
        if not grade.is_certain:  # whoever's grade it may have replaced before learns more now
            doubted = GradeInLearn.objects.filter(
                ended_as=Ending.DOUBTED, participant__cause=Cause.PERHAPS_REPLACED
            ).at_places([grade.place])
            others = doubted.exclude(participant=by.participant).values_list("participant", "source_code")
            for participant, source_code in others:
                replaced[participant] = by, cause, source_code
    if not replaced:
        return
    people = Participant.objects.filter(pk__in=replaced)
    flows = Flow.objects.filter(pk__in=people.order_by().values("flow")).order_by("pk").select_for_update(no_key=True)
    pks = list(flows.values_list("pk", flat=True))  # before their participants
    names = Participant.objects.select_related("flow").in_bulk({by.participant for by, _, _ in replaced.values()})
    settled = people.exclude(state=ExportState.QUEUED).order_by("pk").select_for_update(no_key=True)
    changes = []
    for pk, sources in settled.values_list("pk", "sources"):
        by, cause, source_code = replaced[pk]
        other = names[by.participant]
        detail = f"{by.value} of person {other.user_id} in flow {other.flow.flow_id}"
        source_code = source_code if len(sources) > 1 else ""
        changes.append((pk, ExportState.FAILED.value, cause.value, detail, source_code, ""))
    update(Participant, ("state", "cause", "detail", "cause_source_code", "approved_mark"), changes)
    if changes:
        Flow.objects.refresh(pks)
