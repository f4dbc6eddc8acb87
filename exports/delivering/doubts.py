"""What is finished without being sent: doubts of the ledger, by what Learn shows; and grades that people decide about.

Both are recorded as attempts of their own, with deliveries that are finished already: ledger, participants, attempt and
flow follow as after any other.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from common.database.bulk import among, insert, update
from common.request_ids import current_request_id
from courses.gradebook import Comparison, Verdict, compare
from courses.reading_back import Reading
from exports.delivering import finishing
from exports.delivering.latest import current_deliveries
from exports.delivering.looking import found_in_learn, not_in_learn
from exports.delivering.recording import FINISHED_COLUMNS, Finished, Outcome, follow, refresh_states
from exports.grades.causes import Cause
from exports.grades.facts import Place
from exports.models import Delivery, ExportAttempt, ExportState, Flow, GradeInLearn

State = Delivery.State
Certainty = GradeInLearn.Certainty
Ending = GradeInLearn.Ending

# A call without an answer may reach Learn's gradebook that much later: until then nothing is said not to be there
AT_WORK = timedelta(minutes=5)
OF_GRADE = ("source_code", "mark", "alternative_grade", "course_id", "column_name", "learn_user_id", "value")
NOT_DELIVERED = (
    State.UNCONFIRMED,
    State.FAILED,
    State.REJECTED,
)  # of a retry of the same grade, nothing newer is known
IN_DOUBT = (Cause.UNCONFIRMED, Cause.INTERNAL_ERROR)


def record_finished(
    flow: Flow,
    trigger: ExportAttempt.Trigger,
    finished: Iterable[tuple[GradeInLearn | Delivery, Outcome]],
    *,
    by: User | None = None,
) -> ExportAttempt:
    """Record a finished attempt with a delivery for each of these grades, which ends as its outcome says.

    Call it in a transaction that has locked the flow's row.
    """
    now = timezone.now()
    attempt = ExportAttempt.objects.create(
        flow=flow,
        trigger=trigger,
        requested_by=by,
        requested_at=now if by else None,
        request_id=current_request_id(),
        started_at=now,
        ends_by=now,
        lease_ends_at=finishing.lease_end(now),
    )
    rows: list[dict[str, Any]] = [
        {
            **{name: getattr(grade, name) for name in OF_GRADE},
            "attempt_id": attempt.pk,
            "participant_id": grade.participant_id,
            "entry_count": 1,
            "joint_entry_count": 0,
            "state": state.value,
            "cause": cause,
            "detail": json.dumps(detail),
            "finished_at": now,
        }
        for grade, (state, cause, detail) in finished
    ]
    inserted = insert(Delivery, rows, returning=FINISHED_COLUMNS)
    follow([Finished(*row) for row in inserted], now)
    finishing.finish([attempt.pk])
    attempt.refresh_from_db()
    return attempt


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was read at a place, and the ledger's row (its primary key) that was there before."""

    grade: int
    reading: Reading


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is to be recorded of the doubts of a column."""

    deliveries: dict[int, list[tuple[GradeInLearn, Outcome]]] = field(default_factory=dict)  # by flow
    ends: dict[int, Ending] = field(default_factory=dict)  # by primary key of the ledger's row
    again: list[GradeInLearn] = field(default_factory=list)  # to be appended again, for certain


@transaction.atomic
def end_doubts(looks: Mapping[Place, Look], symbols: Collection[str], now: datetime) -> set[Place]:
    """Bring what is doubtful at these places after what Learn was read to show there; returns the places decided.

    Our grade is there: it is delivered. It is not, and no call can be at work on it any more: it has not arrived, and
    the grade that it had put in doubt is certain again if it is what Learn shows. A place to which something is on its
    way is left to that.
    """
    histories = find_histories(looks)
    if not histories:
        return set()
    lock_flows(grade.participant.flow_id for history in histories.values() for grade in history)
    histories = find_histories(looks)  # once more, now that no export can come in between
    people = {history[0].participant_id: history[0].participant for history in histories.values()}
    latest = current_deliveries(people.values())
    tried = Delivery.objects.filter(among("participant_id", list(people)), state=State.UNCONFIRMED)
    over = min(look.reading.read_at for look in looks.values()) - AT_WORK  # what was read is as old as the reading
    at_work = set(tried.filter(finished_at__gt=over).order_by().values_list("participant_id", flat=True))
    called = Delivery.objects.places_called({place[2] for place in histories}, {place[0] for place in histories})
    findings, places = Findings(), set()
    for place, history in histories.items():
        course_id, name, user = place
        doubt, person = history[0], history[0].participant
        if (course_id, user, name) in called or person.state == ExportState.QUEUED:
            continue
        is_there = shown_as(doubt, looks[place].reading, symbols).verdict is Verdict.PROVEN
        if is_there or not (doubt.since > over or person.pk in at_work):
            end_doubt(history, looks[place].reading, symbols, latest[person.pk], findings)
            places.add(place)
    record(findings, now)
    return places


def find_histories(looks: Mapping[Place, Look]) -> dict[Place, list[GradeInLearn]]:
    """Of those of the places where the ledger is in doubt, as it was before Learn was read: what is there, and what may
    be there instead, newest first.
    """
    found: dict[Place, list[GradeInLearn]] = defaultdict(list)
    for grade in GradeInLearn.objects.at_places(looks.keys()).select_related("participant").order_by("-pk"):
        if grade.place in looks:
            found[grade.place].append(grade)
    return {
        place: list(may_be_there(grades))
        for place, grades in found.items()
        if grades[0].pk == looks[place].grade and is_doubtful(grades[0])
    }


def is_doubtful(grade: GradeInLearn) -> bool:
    return grade.is_in_learn is True and not grade.is_certain


def may_be_there(grades: Iterable[GradeInLearn]) -> Iterator[GradeInLearn]:
    """The doubtful one and those before it, up to the one that was certain."""
    for grade in grades:
        if grade.ended_as not in ("", Ending.DOUBTED, Ending.NOT_ARRIVED):
            return
        yield grade
        if grade.is_certain:
            return


def lock_flows(pks: Iterable[int]) -> None:
    """In their order, and before their participants."""
    list(Flow.objects.filter(pk__in=set(pks)).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def end_doubt(
    history: Sequence[GradeInLearn],
    reading: Reading,
    symbols: Collection[str],
    latest: Sequence[Delivery],
    findings: Findings,
) -> None:
    """Add what becomes of one place to `findings`. `latest`: what was said last of each source of the person."""
    doubt, *before = history
    found = shown_as(doubt, reading, symbols)
    is_there = found.verdict is Verdict.PROVEN
    if is_said_last(doubt, latest):
        outcome = found_in_learn(reading, found) if is_there else not_in_learn(found)
        findings.deliveries.setdefault(doubt.participant.flow_id, []).append((doubt, outcome))
    elif is_there:
        findings.ends[doubt.pk] = Ending.CONFIRMED
        findings.again.append(doubt)
    if not is_there:
        findings.ends[doubt.pk] = Ending.NOT_ARRIVED
        restore(doubt, before, reading, symbols, findings)


def is_said_last(doubt: GradeInLearn, latest: Sequence[Delivery]) -> bool:
    """Whether its person's state is about this doubt: no other grade was said of its source since."""
    person = doubt.participant
    if doubt.is_left_behind or person.state != ExportState.FAILED:
        return False
    said = next((delivery for delivery in latest if delivery.source_code == doubt.source_code), None)
    if said is None:  # purged
        return person.cause in IN_DOUBT
    place = said.course_id, said.column_name, said.learn_user_id
    return said.state in NOT_DELIVERED and (place, said.value) == (doubt.place, doubt.value)


def restore(
    doubt: GradeInLearn,
    before: Iterable[GradeInLearn],
    reading: Reading,
    symbols: Collection[str],
    findings: Findings,
) -> None:
    """The grade before the doubt that Learn shows is certain again, and so is its person's success."""
    for grade in before:
        found = shown_as(grade, reading, symbols)
        if grade.ended_as == Ending.DOUBTED and found.verdict is Verdict.PROVEN:
            person, is_anothers = grade.participant, grade.participant_id != doubt.participant_id
            if is_anothers and (person.state, person.cause) == (ExportState.FAILED, Cause.PERHAPS_REPLACED):
                theirs = findings.deliveries.setdefault(person.flow_id, [])
                theirs.append((grade, found_in_learn(reading, found)))
            else:
                findings.again.append(grade)
            return


def shown_as(grade: GradeInLearn, reading: Reading, symbols: Collection[str]) -> Comparison:
    return compare(grade.value, reading.grade, points=reading.points, symbols=symbols)


def record(findings: Findings, now: datetime) -> None:
    update(
        GradeInLearn,
        {
            pk: {"until": now, "is_in_learn": None, "ended_as": ending.value, "ended_by_id": None}
            for pk, ending in findings.ends.items()
        },
    )
    insert(
        GradeInLearn,
        [
            {
                **{name: getattr(grade, name) for name in OF_GRADE},
                "participant_id": grade.participant_id,
                "delivery_id": grade.delivery_id,
                "certainty": Certainty.CONFIRMED.value,
                "since": now,
                "left_behind_at": grade.left_behind_at,
                "is_in_learn": True,
                "ended_as": "",
            }
            for grade in findings.again
        ],
    )
    for flow in Flow.objects.filter(pk__in=findings.deliveries).order_by("pk"):
        record_finished(flow, ExportAttempt.Trigger.LOOK, findings.deliveries[flow.pk])
    refresh_states({grade.participant_id for grade in findings.again})
    Flow.objects.refresh({grade.participant.flow_id for grade in findings.again} - findings.deliveries.keys())
