"""Judged entries -> one attempt and its deliveries, recorded before anything is sent."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from common.database.bulk import among, insert, update
from exports.delivering import recording
from exports.delivering.events import record_ends
from exports.delivering.judging import Judged, judge_all
from exports.grades.causes import HELD_BACK, Cause, Detail
from exports.grades.facts import BY_HAND, AlreadyExported, Entry, PersonFacts, PlacedGrade, Refused, Send, Verdict
from exports.grades.rules import Case, case_of, is_approved
from exports.models import ApiClient, Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from exports.models.attempt import FinishedAttempt, causes_of

Pks = Mapping[str, int]  # participants' primary keys by user id


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What was recorded. What was judged to be sent is delivered or in progress, the rest is finished."""

    attempt: ExportAttempt
    judged: Judged
    in_progress: int = 0


def queue(flow: Flow, entries: Iterable[Entry], attempt: ExportAttempt) -> Queued:
    """Judge every entry and record `attempt` with a delivery for each distinct entry and source.

    Call it inside a transaction that has locked the flow's row. The number of statements does not depend on the number
    of entries.
    """
    now = timezone.localtime()
    is_by_person = attempt.trigger != ExportAttempt.Trigger.EXPORT
    judged = judge_all(flow, entries, now=now, client=attempt.api_client, is_by_person=is_by_person)
    in_progress = sum(isinstance(verdict, Send) for verdict in judged.verdicts.values())
    errors = judged.errors
    if not in_progress:
        attempt.finish(now, delivered=judged.counts.total() - errors, refused=errors)
    attempt.save()
    if not in_progress:
        record_ends([end_of(attempt, judged)])
    pks, written = record_participants(flow, judged, attempt.api_client)
    record_deliveries(attempt, judged, pks, now)
    mark_left_behind(judged, now)
    recording.refresh_states({pks[user_id] for user_id in judged.in_several_sources})
    if written:
        Flow.objects.refresh([flow.pk])
    elif not (in_progress or errors):
        commit_without_waiting_for_disk()
    return Queued(attempt=attempt, judged=judged, in_progress=in_progress)


def end_of(attempt: ExportAttempt, judged: Judged) -> FinishedAttempt:
    """Of an attempt that has nothing to send: it is over as soon as it is recorded."""
    causes = causes_of(attempt.unreadable_entries)
    causes.update(refused.cause.value for refused in judged.refusals.values())
    return FinishedAttempt(
        pk=attempt.pk,
        flow=attempt.flow_id,
        trigger=attempt.trigger,
        delivered=attempt.number_of_success,
        errors=attempt.number_of_errors,
        refused=attempt.number_of_refused,
        causes=causes,
        flow_id=attempt.flow.flow_id,
        request_id=attempt.request_id,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
    )


def commit_without_waiting_for_disk() -> None:
    """Only that WISEflow has asked again is recorded. PostgreSQL may write that to its disk a moment later, so that the
    flow's row is not locked for so long: many repeat at once.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def record_participants(flow: Flow, judged: Judged, client: ApiClient | None) -> tuple[dict[str, int], int]:
    """Write what changes of each person, one row a person. Returns the primary keys of all by user id, and how many
    rows were written.
    """
    rows: list[dict[str, Any]] = []
    more_sources: dict[int, dict[str, Any]] = {}  # of people of whom nothing else changes: these count as well
    for user_id, parts in by_person(judged).items():
        row = changed_row(flow, user_id, parts, judged, client)
        if row is not None:
            rows.append(row)
            continue
        person = judged.known[user_id]
        counts = person.state != ExportState.QUEUED or user_id in judged.in_several_sources
        if person.pk and counts and (sources := sources_after(parts, person)) != person.sources:
            more_sources[person.pk] = {"sources": json.dumps(sources)}
    changed = [name for name in rows[0] if name not in (*PERSON, *UNTOUCHED)] if rows else []
    conflicts = {"unique": PERSON, "update": changed} if judged.known else {}
    written = insert(Participant, rows, returning=("user_id", "id"), **conflicts)
    update(Participant, more_sources)
    pks = {user_id: person.pk for user_id, person in judged.known.items() if person.pk}
    return pks | dict(written), len(written)


def by_person(judged: Judged) -> dict[str, list[Entry]]:
    people: dict[str, list[Entry]] = defaultdict(list)
    for part in judged.verdicts:
        people[part.user_id].append(part)
    return people


def changed_row(
    flow: Flow, user_id: str, parts: Collection[Entry], judged: Judged, client: ApiClient | None
) -> dict[str, Any] | None:
    """The person's columns, None where nothing changes.

    Of a person with a grade in progress nothing changes while no more is sent: the open delivery decides their state.
    """
    parts = [part for part in parts if not part.fault] or parts  # the usable ones speak for the person
    entry = next(iter(parts))
    person = judged.person(entry)
    verdicts = {part: judged.verdicts[part] for part in parts}
    sends = any(isinstance(verdict, Send) for verdict in verdicts.values())
    if not sends:
        if person.state == ExportState.QUEUED:
            return None
        if is_up_to_date(person) and all(isinstance(verdict, AlreadyExported) for verdict in verdicts.values()):
            return None
    said = person if entry.is_correction else entry
    approved_mark = approval_after(verdicts, person)
    states = [participant_state(part, verdict, judged, approved_mark) for part, verdict in verdicts.items()]
    state, cause, detail, has_changed = min(states, key=lambda state: STATE_ORDER.index(state[0]))
    return {
        "flow_id": flow.pk,
        "user_id": user_id,
        "user_id_is_number": entry.user_id_is_number,
        "learn_user_id": entry.learn_user_id or person.learn_user_id,
        "learn_user_is_unknown": False,
        "sources": json.dumps(sources_after(parts, person)),
        "mark": said.mark,
        "alternative_grade": said.alternative_grade,
        "state": state,
        "cause": cause,
        "detail": detail,
        "failed_at": judged.facts.now if state == ExportState.FAILED else person.failed_at,
        "changed_since_export": has_changed,
        "added_by": added_by_after(entry, person),
        "approved_mark": approved_mark,
        "api_client_id": client.pk if client else person.api_client_id,
        "cause_source_code": "",  # of people who have several sources it is set once the deliveries are there
        "on_roster": False,
        "left_roster_at": None,
        "first_name": "",
        "last_name": "",
        "approved_source_code": "",
    }


PERSON = ("flow_id", "user_id")
UNTOUCHED = (
    "on_roster",
    "left_roster_at",
    "first_name",
    "last_name",
    "approved_source_code",
    "learn_user_is_unknown",
)  # of a person who is there; given for one never seen
STATE_ORDER = [*map(str, recording.ORDER)]  # the worst first


def is_up_to_date(person: PersonFacts) -> bool:
    """Whether the person is exported, and nothing more is to be said."""
    if person.state != ExportState.EXPORTED or person.changed_since_export or person.cause or person.approved_mark:
        return False
    return not any(grade.is_left_behind for grade in person.grades)


def sources_after(parts: Iterable[Entry], person: PersonFacts) -> dict[str, str | None]:
    """The person's sources, with those that the body names for the first time.

    A body can say that someone on the roster was added by hand; only the next roster takes that back (R8).
    """
    sources = dict(person.sources)
    for part in parts:
        if part.source_code:
            sources.setdefault(part.source_code, None)
        if part.added_by == BY_HAND:
            said_of = [part.source_code] if part.source_code else list(sources)
            sources.update({code: BY_HAND for code in said_of if sources[code] is not None})
    return sources


def added_by_after(entry: Entry, person: PersonFacts) -> str:
    """How the person was added, as far as it is kept. Once by hand, a person on the roster stays so (R8)."""
    if person.on_roster and person.added_by:
        return BY_HAND if entry.added_by == BY_HAND else person.added_by
    return entry.added_by or person.added_by


def approval_after(verdicts: Mapping[Entry, Verdict], person: PersonFacts) -> str:
    """The approved mark that is still to reach Learn, once the verdicts are recorded."""
    for entry, verdict in verdicts.items():
        if person.approved_source_code not in ("", entry.source_code):
            continue
        if isinstance(verdict, Send) and not is_approved(entry, person):
            return ""  # overwritten: a newer grade that the flow allows is being sent
        if isinstance(verdict, AlreadyExported) and is_approved(entry, person) and len(verdicts) == 1:
            return ""  # by today's translation Learn shows it already
    return person.approved_mark


def participant_state(
    entry: Entry, verdict: Verdict, judged: Judged, approved_mark: str
) -> tuple[str, str, Detail, bool]:
    """Where the verdict leaves the person: state, cause, detail, changed since export.

    A refusal never takes away what Learn has confirmed: an exported person stays exported, unless they lead to another
    place now, where nothing of theirs is.
    """
    person = judged.person(entry)
    match verdict:
        case Send():
            return ExportState.QUEUED.value, "", {}, person.changed_since_export
        case AlreadyExported() if approved_mark:  # why its correction was refused stays in sight
            return ExportState.EXPORTED.value, person.cause, person.detail, False
        case AlreadyExported():
            return ExportState.EXPORTED.value, "", {}, False
        case Refused(cause, detail) if person.state == ExportState.EXPORTED and not has_moved(entry, judged):
            is_other = cause in HELD_BACK and bool(entry.given) and not entry.is_correction
            changed = is_other or cause in (Cause.ALREADY_EXPORTED, Cause.ALTERNATIVE_GRADE_LOCKED)
            return ExportState.EXPORTED.value, cause.value, detail, changed or person.changed_since_export
        case Refused(cause, detail):
            return ExportState.FAILED.value, cause.value, detail, person.changed_since_export


def has_moved(entry: Entry, judged: Judged) -> bool:
    """Whether the person's grade is in Learn at another place than the one where they lead today."""
    case = case_of(entry, judged.person(entry), judged.facts)
    return case.here is None and bool(case.leaves_behind)


def record_deliveries(attempt: ExportAttempt, judged: Judged, pks: Pks, now: datetime) -> None:
    alone, joint = Counter[Entry](), Counter[Entry]()
    for entry, parts in judged.parts.items():
        counts = joint if judged.is_joint(entry) else alone
        for part in parts:
            counts[part] += judged.counts[entry]
    rows = []
    for part, verdict in judged.verdicts.items():
        row = {
            "attempt_id": attempt.pk,
            "participant_id": pks[part.user_id],
            "source_code": part.source_code,
            "entry_count": alone[part],
            "joint_entry_count": joint[part] if joint else 0,
            "mark": part.mark,
            "alternative_grade": part.alternative_grade,
            "course_id": "",
            "column_name": "",
            "learn_user_id": "",
            "value": "",
            "cause": "",
            "detail": {},
            "state": Delivery.State.QUEUED.value,
            "finished_at": None,
        }
        match verdict:
            case Send(value, column, learn_user_id):
                row["course_id"], row["column_name"] = column.course_id, column.name
                row["learn_user_id"], row["value"] = learn_user_id, value
            case AlreadyExported(value):
                row["state"], row["value"], row["finished_at"] = Delivery.State.DELIVERED.value, value, now
            case Refused(cause, detail):
                row["state"], row["finished_at"] = Delivery.State.REFUSED.value, now
                row["cause"], row["detail"] = cause.value, detail
        rows.append(row)
    looks = [isinstance(send, Send) and judged.looks_first(part, send) for part, send in judged.verdicts.items()]
    if any(looks):
        rows = [{**row, "looks_first": looks_first} for row, looks_first in zip(rows, looks, strict=True)]
    insert(Delivery, rows)


def mark_left_behind(judged: Judged, now: datetime) -> None:
    """A grade that its person no longer leads to stays in sight as left behind, until someone has dealt with it."""
    left, here, led_to = set[int](), set[int](), set[int]()
    for part, verdict in judged.verdicts.items():
        person = judged.person(part)
        if person.grades and not isinstance(verdict, Refused):
            case = case_of(part, person, judged.facts)
            left |= {grade.pk for grade in case.leaves_behind if not is_of_another_source(grade, case)}
            if case.here:
                here.add(case.here.pk)
                if case.here.is_left_behind:
                    led_to.add(case.here.pk)
    if left := left - here:  # one part may lead to what another does not
        GradeInLearn.objects.filter(among("pk", left)).update(left_behind_at=now)
    if led_to:
        GradeInLearn.objects.filter(among("pk", led_to)).update(left_behind_at=None)


def is_of_another_source(grade: PlacedGrade, case: Case) -> bool:
    """Whether it was sent without a source, and another source of the person leads there."""
    if grade.source_code:
        return False
    others = (code for code, how in case.person.sources.items() if code != case.entry.source_code and how != BY_HAND)
    entries = (replace(case.entry, source_code=code) for code in others)
    return any(case_of(entry, case.person, case.flow).place == grade.place for entry in entries)
