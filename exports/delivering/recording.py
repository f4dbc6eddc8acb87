"""Deliveries that were just finished -> the ledger and the participants, a statement each, whatever their number.

Call it in the transaction that finishes the deliveries: a state, and where the grade is, are never apart.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from common.database.bulk import among, insert, update, update_alike
from exports.delivering.latest import current_deliveries
from exports.grades.causes import Cause, Detail
from exports.grades.facts import Place
from exports.models import Delivery, ExportState, Flow, GradeInLearn, Participant

State = Delivery.State
Certainty = GradeInLearn.Certainty
Ending = GradeInLearn.Ending


Outcome = tuple[State, str, Detail]  # of a delivery: state, cause, detail
DELIVERED: Outcome = (State.DELIVERED, "", {})


class Finished(NamedTuple):
    """A delivery that was just finished, as far as the ledger and its participant follow it."""

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
    detail: Any  # JSON, as text where the database returned it

    @property
    def place(self) -> Place:
        return self.course_id, self.column_name, self.learn_user_id


FINISHED_COLUMNS = (
    *("id", "participant_id", "source_code", "joint_entry_count", "course_id", "column_name", "learn_user_id"),
    *("value", "mark", "alternative_grade", "state", "cause", "detail"),
)


@transaction.atomic
def finish_batch(claim: UUID, outcomes: Mapping[int, Outcome], now: datetime) -> None:
    """Finish the deliveries of a claim by their primary keys. One that was swept since keeps its state."""
    delivered = [pk for pk, outcome in outcomes.items() if outcome == DELIVERED]
    others = {
        pk: {"state": state.value, "cause": cause, "detail": detail, "finished_at": now}
        for pk, (state, cause, detail) in outcomes.items()
        if (state, cause, detail) != DELIVERED
    }
    # Not by the state: PostgreSQL would look for the few that are open by an index, and walk all of it.
    ours = {"claim": claim, "finished_at": None}
    finished = [
        *update_alike(
            Delivery,
            {"state": State.DELIVERED.value, "finished_at": now},
            delivered,
            where=ours,
            returning=FINISHED_COLUMNS,
        ),
        *update(Delivery, others, where=ours, returning=FINISHED_COLUMNS),
    ]
    follow([Finished(*row) for row in finished], now)


@transaction.atomic
def finish_as(
    deliveries: QuerySet[Delivery], state: State, cause: Cause, detail: Detail | None = None, *, now: datetime
) -> int:
    """Finish those of these that are open as not delivered, with their participants. Returns how many."""
    still_open = deliveries.filter(state__in=Delivery.OPEN).order_by("pk").select_for_update()
    finished = [
        Finished(*row)._replace(state=state.value, cause=cause.value, detail=json.dumps(detail or {}))
        for row in still_open.values_list(*FINISHED_COLUMNS)
    ]
    theirs = Delivery.objects.filter(among("pk", [row.pk for row in finished]))
    theirs.update(state=state, cause=cause, detail=detail or {}, finished_at=now)
    follow(finished, now)
    return len(finished)


def follow(finished: Collection[Finished], now: datetime) -> None:
    """Bring ledger and participants after deliveries that were just finished."""
    if not finished:
        return
    ended = enter([row for row in finished if row.state in MAY_BE_IN_LEARN], now)
    update_participants(finished, now)
    refresh_states({row.participant for row in finished if row.source_code})
    if ended:
        mark_replaced(ended)


MAY_BE_IN_LEARN = (State.DELIVERED, State.UNCONFIRMED)


class Ended(NamedTuple):
    """A grade that has ended, and the delivery that is at its place now."""

    grade: GradeInLearn
    by: Finished


def enter(arrived: Collection[Finished], now: datetime) -> list[Ended]:
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
        entered.append(
            {
                "course_id": row.course_id,
                "column_name": row.column_name,
                "learn_user_id": row.learn_user_id,
                "participant_id": row.participant,
                "delivery_id": row.pk,
                "source_code": row.source_code,
                "value": row.value,
                "mark": row.mark,
                "alternative_grade": row.alternative_grade,
                "certainty": (Certainty.DOUBTFUL if is_doubtful else Certainty.CONFIRMED).value,
                "since": now,
                "is_in_learn": True,
                "ended_as": "",
            }
        )
    ends = {
        grade.pk: {
            "until": now,
            "is_in_learn": None,
            "ended_as": ending_of(grade, by).value,
            "ended_by_id": by.participant,
        }
        for grade, by in ended
    }
    update(GradeInLearn, ends)
    insert(GradeInLearn, entered)
    return ended


def find_grades_at(places: Collection[Place]) -> dict[Place, GradeInLearn]:
    """What is at these places in Learn."""
    grades = GradeInLearn.objects.in_learn().at_places(places).order_by()
    return {grade.place: grade for grade in grades if grade.place in places}


def ending_of(grade: GradeInLearn, by: Finished) -> Ending:
    if by.state == State.UNCONFIRMED:
        return Ending.DOUBTED
    if grade.participant_id != by.participant:
        return Ending.OVERWRITTEN
    same = (grade.value, grade.mark, grade.alternative_grade) == (by.value, by.mark, by.alternative_grade)
    return Ending.CONFIRMED if same else Ending.CORRECTED


def update_participants(finished: Collection[Finished], now: datetime) -> None:
    """Copy each delivery's final state to its participant.

    Who was changed since export stays so where a correction delivers another mark than WISEflow gave last. An approved
    mark that is for all sources is cleared once all of them have it, by `refresh_states`.
    """
    delivered: dict[int, list[Finished]] = defaultdict(list)
    for row in finished:
        if row.state == State.DELIVERED:
            delivered[row.participant].append(row)
    keep = find_keeping([row for row in finished if row.state == State.REFUSED])
    failed = {
        row.participant: {
            "state": ExportState.FAILED.value,
            "cause": row.cause,
            "detail": row.detail,
            "failed_at": now,
        }
        for row in finished
        if row.state != State.DELIVERED and row.participant not in keep
    }
    update(Participant, failed)
    update(Participant, keep)
    if surprised := {row.participant for row in finished if row.cause in SURPRISES}:
        Participant.objects.filter(among("pk", surprised)).update(looks_first=True)
    # All alike and nothing joined: PostgreSQL would rather walk the table than look up some hundreds for a join.
    said = update_alike(
        Participant,
        {"state": ExportState.EXPORTED.value, "cause": "", "detail": "{}"},
        list(delivered),
        where={},
        returning=("id", "mark", "alternative_grade", "changed_since_export", "approved_mark", "approved_source_code"),
    )
    changes = {}
    for pk, mark, alternative_grade, is_changed, approved_mark, approved_source_code in said:
        if is_changed or approved_mark:
            rows = delivered[pk]
            is_last_said = any((row.mark, row.alternative_grade) == (mark, alternative_grade) for row in rows)
            has_it = any(row.source_code == approved_source_code and not row.joint_entry_count for row in rows)
            changes[pk] = {
                "changed_since_export": bool(is_changed) and not is_last_said,
                "approved_mark": "" if has_it else approved_mark,
            }
    update(Participant, changes)


SURPRISES = (Cause.CHANGED_IN_LEARN, Cause.NOT_IN_LEARN)  # Learn was read, and did not show what was thought


def find_keeping(refused: Collection[Finished]) -> dict[int, dict[str, Any]]:
    """Of people whose grade is refused after it was queued: who stays exported, because an earlier one is in Learn for
    certain at the place where this one was to go. Their new columns, by primary key.
    """
    if not refused:
        return {}
    there = find_grades_at({row.place for row in refused})
    keeping = {row.participant: row for row in refused if keeps(there.get(row.place), row)}
    people = Participant.objects.filter(among("pk", list(keeping))).order_by()
    said = people.values_list("pk", "mark", "alternative_grade", "changed_since_export")
    return {
        pk: {
            "state": ExportState.EXPORTED.value,
            "cause": keeping[pk].cause,
            "detail": keeping[pk].detail,
            # What WISEflow gave last is not what is in Learn; a correction is not what it gave.
            "changed_since_export": is_changed or grade == [keeping[pk].mark, keeping[pk].alternative_grade],
        }
        for pk, *grade, is_changed in said
    }


def keeps(grade: GradeInLearn | None, row: Finished) -> bool:
    """Whether this grade, at the place of the delivery, is its person's and certain."""
    if grade is None or grade.participant_id != row.participant:
        return False
    return grade.is_certain and not grade.is_left_behind


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
    changes = {}
    for person in people:
        states = [source_state_of(delivery, grades[person.pk], person) for delivery in current[person.pk]]
        approved = "" if has_approved(person, current[person.pk]) else person.approved_mark
        if len(person.sources) <= 1:
            state, source_code, cause, detail = person.state, "", person.cause, person.detail
        elif states:
            state, source_code, cause, detail = min(states, key=lambda status: ORDER.index(status[0]))
        else:
            continue
        changes[person.pk] = {
            "state": str(state),
            "cause": cause,
            "detail": detail,
            "cause_source_code": source_code if cause else "",
            "failed_at": timezone.now() if turns_failed(person, state) else person.failed_at,
            "approved_mark": approved,
        }
    update(Participant, changes)


def turns_failed(person: Participant, state: str) -> bool:
    return state == ExportState.FAILED and person.state != ExportState.FAILED


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


SourceState = tuple[ExportState, str, str, Detail]  # with the source, and the cause and detail where there is one


def source_state_of(delivery: Delivery, grades: Collection[GradeInLearn], person: Participant) -> SourceState:
    """What became of one source. A refusal never takes away what Learn has confirmed; another person's grade does."""
    source, said = delivery.source_code, (delivery.source_code, delivery.cause, delivery.detail)
    if delivery.state in Delivery.OPEN:
        return ExportState.QUEUED, source, "", {}
    own = [grade for grade in grades if grade.source_code in (source, "")]
    is_in_learn = any(grade.is_in_learn and grade.is_certain and not grade.is_left_behind for grade in own)
    if is_in_learn and delivery.state in (State.DELIVERED, State.REFUSED):
        return ExportState.EXPORTED, *said
    if delivery.state == State.DELIVERED and own:  # and it is gone again
        if own[0].until is None and own[0].is_left_behind:
            return ExportState.FAILED, source, Cause.MISPLACED.value, {"places": [list(own[0].place)]}
        cause = GONE.get(own[0].ended_as, Cause.REPLACED if own[0].until else Cause.UNCONFIRMED)
        detail = person.detail if person.cause == cause else {"column_name": own[0].column_name}
        return ExportState.FAILED, source, cause.value, detail
    return (ExportState.EXPORTED if delivery.state == State.DELIVERED else ExportState.FAILED), *said


GONE: dict[str, Cause] = {
    Ending.DOUBTED: Cause.PERHAPS_REPLACED,
    Ending.NOT_ARRIVED: Cause.NOT_IN_LEARN,
    Ending.CHANGED_IN_LEARN: Cause.CHANGED_IN_LEARN,
    Ending.COLUMN_DELETED: Cause.COLUMN_DELETED,
    Ending.COLUMN_DOUBTED: Cause.UNCONFIRMED,
}


def mark_replaced(ended: Iterable[Ended]) -> None:
    """Mark other participants whose grade in Learn was overwritten, or may have been, as failed.

    A correction of what is no longer in Learn is void. Who has something in progress is left to that delivery.
    """
    replaced: dict[int, tuple[Finished, Cause, str]] = {}
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
    finished = people.exclude(state=ExportState.QUEUED).order_by("pk").select_for_update(no_key=True)
    changes, now = {}, timezone.now()
    for pk, sources in finished.values_list("pk", "sources"):
        by, cause, source_code = replaced[pk]
        other = names[by.participant]
        changes[pk] = {
            "state": ExportState.FAILED.value,
            "cause": cause.value,
            "detail": {"value": by.value, "user_id": other.user_id, "flow_id": other.flow.flow_id},
            "cause_source_code": source_code if len(sources) > 1 else "",
            "failed_at": now,
            "approved_mark": "",
        }
    update(Participant, changes)
    if changes:
        Flow.objects.refresh(pks)
