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
from exports.delivering.judging import Judged, judge_all
from exports.grades.causes import Cause
from exports.grades.facts import BY_HAND, AlreadyExported, Entry, PersonFacts, PlacedGrade, Refused, Send, Verdict
from exports.grades.rules import Case, case_of, is_approved
from exports.models import ApiClient, Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Participant

Pks = Mapping[str, int]  # participants' primary keys by user id


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What was recorded. What was judged to be sent is delivered or on its way, the rest is settled for good."""

    attempt: ExportAttempt
    judged: Judged
    on_its_way: int = 0


def queue(flow: Flow, entries: Iterable[Entry], attempt: ExportAttempt) -> Queued:
    """Judge every entry and record `attempt` with a delivery for each distinct entry and source.

    Call it inside a transaction that has locked the flow's row. The number of statements does not depend on the number
    of entries.
    """
    now = timezone.localtime()
    judged = judge_all(flow, entries, now=now, client=attempt.api_client)
    on_its_way = sum(isinstance(verdict, Send) for verdict in judged.verdicts.values())
    errors = judged.errors
    if not on_its_way:
        attempt.finish(now, delivered=judged.counts.total() - errors, errors=errors)
    attempt.save()
    pks, written = record_participants(flow, judged, attempt.api_client)
    record_deliveries(attempt, judged, pks, now)
    mark_left_behind(judged, now)
    recording.refresh_states({pks[user_id] for user_id in judged.in_several_sources})
    if written:
        Flow.objects.refresh([flow.pk])
    elif not (on_its_way or errors):
        commit_without_waiting_for_disk()
    return Queued(attempt=attempt, judged=judged, on_its_way=on_its_way)


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
    rows: list[tuple[Any, ...]] = []
    more_sources: list[tuple[Any, ...]] = []  # of people of whom nothing else changes: these sources count as well
    for user_id, parts in by_person(judged).items():
        row = changed_row(user_id, parts, judged, client)
        if row is not None:
            rows.append((flow.pk, *row))
            continue
        person = judged.known[user_id]
        counts = person.state != ExportState.QUEUED or user_id in judged.in_several_sources
        if counts and (sources := sources_after(parts, person)) != person.sources:
            more_sources.append((person.pk, json.dumps(sources)))
    conflicts = {"unique": ("flow_id", "user_id"), "update": UPDATED_COLUMNS} if judged.known else {}
    columns = ("flow_id", "user_id", *UPDATED_COLUMNS, *UNTOUCHED_COLUMNS)
    written = insert(Participant, columns, rows, returning=("user_id", "id"), **conflicts)
    update(Participant, ("sources",), more_sources)
    pks = {user_id: person.pk for user_id, person in judged.known.items() if person.pk}
    return pks | dict(written), len(written)


def by_person(judged: Judged) -> dict[str, list[Entry]]:
    people: dict[str, list[Entry]] = defaultdict(list)
    for part in judged.verdicts:
        people[part.user_id].append(part)
    return people


def changed_row(
    user_id: str, parts: Collection[Entry], judged: Judged, client: ApiClient | None
) -> tuple[Any, ...] | None:
    """The person's row from user_id on, None where nothing changes.

    Of a person on their way nothing changes while no more is sent: what becomes of them is for the open delivery.
    """
    parts = [part for part in parts if not part.fault] or parts  # the usable ones speak for the person
    entry = next(iter(parts))
    person = judged.person(entry)
    verdicts = {part: judged.verdicts[part] for part in parts}
    sends = any(isinstance(verdict, Send) for verdict in verdicts.values())
    if not sends:
        if person.state == ExportState.QUEUED:
            return None
        if is_settled(person) and all(isinstance(verdict, AlreadyExported) for verdict in verdicts.values()):
            return None
    said = person if entry.is_correction else entry
    approved_mark = approval_after(verdicts, person)
    states = [participant_state(part, verdict, judged, approved_mark) for part, verdict in verdicts.items()]
    return (
        user_id,
        entry.user_id_is_number,
        entry.learn_user_id or person.learn_user_id,
        json.dumps(sources_after(parts, person)),
        said.mark,
        said.alternative_grade,
        *min(states, key=lambda state: STATE_ORDER.index(state[0])),
        added_by_after(entry, person),
        approved_mark,
        client.pk if client else person.api_client_id,
        "",
        False,
        "",
    )


UPDATED_COLUMNS = (
    "user_id_is_number",
    "learn_user_id",
    "sources",
    "mark",
    "alternative_grade",
    "state",
    "cause",
    "detail",
    "changed_since_export",
    "added_by",
    "approved_mark",
    "api_client_id",
    "cause_source_code",  # of people who have several sources it is set once the deliveries are there
)
# Given for a person never seen. Of one who is there they stay as they are.
UNTOUCHED_COLUMNS = ("on_roster", "approved_source_code")
STATE_ORDER = [*map(str, recording.ORDER)]  # the worst first


def is_settled(person: PersonFacts) -> bool:
    """Whether the person is exported, and nothing more is to be said."""
    if person.state != ExportState.EXPORTED or person.changed_since_export or person.cause or person.approved_mark:
        return False
    return not any(grade.is_left_behind for grade in person.grades)


def sources_after(parts: Iterable[Entry], person: PersonFacts) -> dict[str, str | None]:
    """The person's sources, with those that the body names for the first time.

    A body can say that somebody on the roster was added by hand; only the next roster takes that back (R8).
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
            return ""  # overwritten: a newer grade that the flow allows is on its way
        if isinstance(verdict, AlreadyExported) and is_approved(entry, person) and len(verdicts) == 1:
            return ""  # by today's translation Learn shows it already
    return person.approved_mark


def participant_state(entry: Entry, verdict: Verdict, judged: Judged, approved_mark: str) -> tuple[str, str, str, bool]:
    """Where the verdict leaves the person: state, cause, detail, changed since export.

    A refusal never takes away what Learn has confirmed: an exported person stays exported, unless they lead to another
    place now, where nothing of theirs is.
    """
    person = judged.person(entry)
    match verdict:
        case Send():
            return ExportState.QUEUED.value, "", "", person.changed_since_export
        case AlreadyExported() if approved_mark:  # why its correction was refused stays in sight
            return ExportState.EXPORTED.value, person.cause, person.detail, False
        case AlreadyExported():
            return ExportState.EXPORTED.value, "", "", False
        case Refused(cause, detail) if person.state == ExportState.EXPORTED and not has_moved(entry, judged):
            changed = cause in (Cause.ALREADY_EXPORTED, Cause.ALTERNATIVE_GRADE_LOCKED)
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
    insert(
        Delivery,
        DELIVERY_COLUMNS,
        [
            (
                attempt.pk,
                pks[part.user_id],
                part.source_code,
                alone[part],
                joint[part],
                part.mark,
                part.alternative_grade,
                *outcome(verdict, now),
            )
            for part, verdict in judged.verdicts.items()
        ],
    )


DELIVERY_COLUMNS = (
    "attempt_id",
    "participant_id",
    "source_code",
    "entry_count",
    "joint_entry_count",
    "mark",
    "alternative_grade",
    "course_id",
    "column_name",
    "learn_user_id",
    "value",
    "state",
    "cause",
    "detail",
    "settled_at",
)


def outcome(verdict: Verdict, now: datetime) -> tuple[Any, ...]:
    """A delivery's columns from course_id on."""
    match verdict:
        case Send(value, column, learn_user_id):
            return column.course_id, column.name, learn_user_id, value, Delivery.State.QUEUED.value, "", "", None
        case AlreadyExported(value):
            return "", "", "", value, Delivery.State.DELIVERED.value, "", "", now
        case Refused(cause, detail):
            return "", "", "", "", Delivery.State.REFUSED.value, cause.value, detail, now


def mark_left_behind(judged: Judged, now: datetime) -> None:
    """A grade that its person no longer leads to stays in sight as left behind, until somebody has dealt with it."""
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
