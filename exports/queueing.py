"""Entries -> one attempt and its deliveries, judged and recorded before anything is sent."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from exports.causes import Cause
from exports.models import ApiClient, ColumnMapping, Delivery, ExportAttempt, ExportState, Flow, Participant
from exports.models.bulk import among, insert
from exports.rules import (
    BY_HAND,
    AlreadyExported,
    Column,
    Entry,
    FlowFacts,
    PersonFacts,
    Place,
    Refused,
    Send,
    Verdict,
    is_approved,
    judge,
    refuse_locked_places,
    refuse_shared_places,
)
from exports.translating import Scale

NOBODY = PersonFacts()
FEW = 500  # up to so many people are looked up by name; for more, reading the whole flow is cheaper


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What was recorded. `refused` are settled for good; the rest is delivered or on its way."""

    attempt: ExportAttempt
    refused: dict[Entry, Refused] = field(default_factory=dict)
    on_its_way: int = 0


def queue(flow: Flow, entries: Iterable[Entry], attempt: ExportAttempt) -> Queued:
    """Judge every entry and record `attempt` with one delivery for each distinct entry.

    Call it inside a transaction that has locked the flow's row. The number of statements does not depend on the number
    of entries.
    """
    now = timezone.localtime()
    judged = judge_all(flow, entries, now=now, client=attempt.api_client)
    counts, verdicts = judged.counts, judged.verdicts
    on_its_way = sum(isinstance(verdict, Send) for verdict in verdicts.values())
    if not on_its_way:
        settled = sum(counts[entry] for entry, verdict in verdicts.items() if isinstance(verdict, AlreadyExported))
        attempt.finish(now, delivered=settled, errors=counts.total() - settled)
    attempt.save()
    pks = record_participants(flow, verdicts, judged.known, attempt.api_client)
    record_deliveries(attempt, verdicts, counts, pks, now)
    Flow.objects.refresh([flow.pk])
    return Queued(attempt=attempt, refused=judged.refused, on_its_way=on_its_way)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The verdict on each distinct entry, and what was known of its person."""

    counts: Counter[Entry]  # how often each stands in the body
    known: Mapping[str, PersonFacts]  # by user id
    verdicts: Mapping[Entry, Verdict]

    @property
    def refused(self) -> dict[Entry, Refused]:
        return {entry: verdict for entry, verdict in self.verdicts.items() if isinstance(verdict, Refused)}


def judge_all(flow: Flow, entries: Iterable[Entry], *, now: datetime, client: ApiClient | None) -> Judged:
    """What is to become of a body's entries. Only reads, so that a rehearsal can ask as well.

    A flow that is not saved is one that nobody has mapped yet.
    """
    counts = Counter(entries)
    known = find_known(flow, counts)
    facts = flow_facts(flow, now, client)
    verdicts = refuse_shared_places({entry: judge(entry, known.get(entry.user_id, NOBODY), facts) for entry in counts})
    if may_be_locked(counts, known):
        verdicts = refuse_locked_places(verdicts, known, find_locked(flow, verdicts))
    return Judged(counts=counts, known=known, verdicts=verdicts)


def may_be_locked(entries: Collection[Entry], known: Mapping[str, PersonFacts]) -> bool:
    """Whether `find_locked` may find anything. Looking up the places of few costs next to nothing; for many, `known` is
    the whole flow. The flow's own counts would not do: they follow the grades only once an attempt is settled.
    """
    if len(entries) <= FEW or any(entry.is_correction for entry in entries):
        return True
    return any(person.exported_alternative_grade for person in known.values())


def find_locked(flow: Flow, verdicts: Mapping[Entry, Verdict]) -> dict[Place, set[int]]:
    """Where alternative grades stand that nobody else's grade may replace (R11), and whose they are: primary keys.

    Those of the same flow; a correction leaves those of other flows alone too. The mark of a later flow, a resit, may
    replace one: that is no change of the exported grade.
    """
    sends = [verdict for verdict in verdicts.values() if isinstance(verdict, Send)]
    if not sends:
        return {}
    people = Participant.objects.filter(
        among("exported_learn_user_id", {send.learn_user_id for send in sends}),
        among("exported_course_id", {send.column.course_id for send in sends}),
        exported_at__isnull=False,
    ).exclude(Q(exported_alternative_grade="") | Q(cause=Cause.REPLACED))
    if not any(entry.is_correction for entry in verdicts):
        people = people.filter(flow=flow)
    found: dict[Place, set[int]] = defaultdict(set)
    columns = ("exported_course_id", "exported_column_name", "exported_learn_user_id")
    for pk, course_id, column_name, learn_user_id in people.order_by().values_list("pk", *columns):
        found[course_id, column_name, learn_user_id].add(pk)
    return found


def flow_facts(flow: Flow, now: datetime, client: ApiClient | None) -> FlowFacts:
    """What is known of the flow, for a body of `client`; None: for a retry or correction."""
    mappings = ColumnMapping.objects.filter(flow_id=flow.pk).select_related(
        "grade_column__course", "grade_column__grade_schema", "translation"
    )
    with_profile = ApiClient.objects.filter(profile__isnull=False).select_related("profile")
    callers = with_profile if client is None else [client]
    return FlowFacts(
        now=now,
        columns={
            mapping.source_code: column_facts(mapping) for mapping in mappings.prefetch_related("translation__grades")
        },
        is_synchronised=flow.synchronised_at is not None and flow.synchronised_at <= now,
        assessment_ends_at=flow.assessment_ends_at,
        instant_export=flow.instant_export,
        allow_overwrite=flow.allow_overwrite,
        has_roster=flow.roster_imported_at is not None,
        caller=client.pk if client else None,
        learn_user_rules={caller.pk: caller.profile.rule().learn_user_of for caller in callers if caller.profile},
    )


def column_facts(mapping: ColumnMapping) -> Column:
    column, schema = mapping.grade_column, mapping.grade_column.grade_schema
    return Column(
        course_id=column.course.course_id,
        name=column.name,
        takes_grades=column.takes_grades,
        translator=mapping.translation.translator() if mapping.translation else None,
        scale=Scale(
            points=Decimal(str(column.points)),
            symbols=schema.symbol_names if schema else frozenset(),
            takes_numbers=schema is None or schema.has_lower_bounds,
        ),
    )


PERSON_FIELDS = tuple(field.name for field in fields(PersonFacts))


def find_known(flow: Flow, entries: Collection[Entry]) -> dict[str, PersonFacts]:
    """The participants of whom the entries speak, by user id; where these are many, all of the flow."""
    people = Participant.objects.filter(flow_id=flow.pk).order_by()
    if len(entries) <= FEW:
        people = people.filter(user_id__in={entry.user_id for entry in entries})
    return {
        user_id: PersonFacts(**dict(zip(PERSON_FIELDS, row, strict=True)))
        for user_id, *row in people.values_list("user_id", *PERSON_FIELDS)
    }


def entry_again(person: Participant) -> Entry:
    """The person's approved correction; else, where its column was deleted, the very grade that was exported; else what
    WISEflow last said of them.

    An entry that was not usable stays so: only a new export helps.
    """
    unusable = Cause(person.cause) if person.cause and not person.approved_mark else None
    fault = unusable if unusable and unusable.needs_new_export else None
    mark, alternative_grade = person.mark, person.alternative_grade
    if person.approved_mark:
        mark, alternative_grade = person.approved_mark, ""
    elif person.is_lost:
        mark, alternative_grade = person.exported_mark, person.exported_alternative_grade
    return Entry(
        user_id=person.user_id,
        user_id_is_number=person.user_id_is_number,
        mark=mark,
        alternative_grade=alternative_grade,
        source_code=person.source_code,
        learn_user_id=person.learn_user_id,
        is_correction=bool(person.approved_mark) or person.is_lost,
        fault=fault,
        fault_detail=person.detail if fault else "",
    )


def record_participants(
    flow: Flow, verdicts: Mapping[Entry, Verdict], known: Mapping[str, PersonFacts], client: ApiClient | None
) -> dict[str, int]:
    """Write what changes of each person, one row a person. Returns the primary keys of all, by user id.

    A person on their way is not touched: what becomes of them is for the delivery that is open.
    """
    telling: dict[str, Entry] = {}  # of several entries of one person the usable one; there is one at most
    for entry in verdicts:
        if entry.user_id not in telling or not entry.fault:
            telling[entry.user_id] = entry
    rows: list[tuple[Any, ...]] = []
    for entry in telling.values():
        person, verdict = known.get(entry.user_id, NOBODY), verdicts[entry]
        if person.is_on_its_way or (isinstance(verdict, AlreadyExported) and is_unchanged(person)):
            continue
        given, approved_mark = person if entry.is_correction else entry, approval_after(verdict, entry, person)
        row = (
            flow.pk,
            entry.user_id,
            entry.user_id_is_number,
            entry.learn_user_id or person.learn_user_id,
            entry.source_code or person.source_code,
            given.mark,
            given.alternative_grade,
            *standing(verdict, person, approved_mark),
            added_by(entry, person),
            approved_mark,
            client.pk if client else person.api_client_id,
            False,
            person.exported_at,
            person.exported_value,
            "",
            "",
            "",
            person.exported_mark,
            person.exported_alternative_grade,
        )
        rows.append(row)
    conflicts = {"unique": ("flow_id", "user_id"), "update": PERSON_COLUMNS[2:]} if known else {}
    written = insert(Participant, (*PERSON_COLUMNS, *UNTOUCHED_COLUMNS), rows, returning=("user_id", "id"), **conflicts)
    return {user_id: person.pk for user_id, person in known.items() if person.pk} | dict(written)


def added_by(entry: Entry, person: PersonFacts) -> str:
    """What is kept of it. Once by hand, a person on the roster stays so until the next roster (R8)."""
    if person.on_roster and person.added_by:
        return BY_HAND if entry.added_by == BY_HAND else person.added_by
    return entry.added_by or person.added_by


PERSON_COLUMNS = (
    "flow_id",
    "user_id",
    "user_id_is_number",
    "learn_user_id",
    "source_code",
    "mark",
    "alternative_grade",
    "state",
    "cause",
    "detail",
    "changed_since_export",
    "added_by",
    "approved_mark",
    "api_client_id",
)
# Given for a person never seen. Of one who is there they stay as they are, but the constraints are also checked on the
# row that is offered.
UNTOUCHED_COLUMNS = (
    "on_roster",
    "exported_at",
    "exported_value",
    "exported_course_id",
    "exported_column_name",
    "exported_learn_user_id",
    "exported_mark",
    "exported_alternative_grade",
)


def is_unchanged(person: PersonFacts) -> bool:
    return not person.changed_since_export and not person.cause and not person.approved_mark


def approval_after(verdict: Verdict, entry: Entry, person: PersonFacts) -> str:
    """The approved mark that is still to reach Learn, once the verdict is recorded."""
    match verdict:
        case Send() if not is_approved(entry, person):
            return ""  # overwritten: a newer grade that the flow allows is on its way
        case AlreadyExported() if is_approved(entry, person):
            return ""  # by today's translation Learn shows it already
        case _:
            return person.approved_mark


def standing(verdict: Verdict, person: PersonFacts, approved_mark: str) -> tuple[str, str, str, bool]:
    """Where the person stands after the verdict: state, cause, detail, changed since export.

    A refusal never takes away what Learn has confirmed: an exported person stays exported.
    """
    match verdict:
        case Send():
            return ExportState.QUEUED.value, "", "", person.changed_since_export
        case AlreadyExported() if approved_mark:  # why its correction was refused stays in sight
            return ExportState.EXPORTED.value, person.cause, person.detail, False
        case AlreadyExported():
            return ExportState.EXPORTED.value, "", "", False
        case Refused() if person.is_replaced:  # it stays so until somebody mends it: only the cause says so
            return ExportState.EXPORTED.value, person.cause, person.detail, True
        case Refused(cause, detail) if person.state == ExportState.EXPORTED:
            changed = cause in (Cause.ALREADY_EXPORTED, Cause.ALTERNATIVE_GRADE_LOCKED, Cause.REPLACED)
            return ExportState.EXPORTED.value, cause.value, detail, changed or person.changed_since_export
        case Refused(cause, detail):
            return ExportState.FAILED.value, cause.value, detail, person.changed_since_export


def record_deliveries(
    attempt: ExportAttempt,
    verdicts: Mapping[Entry, Verdict],
    counts: Mapping[Entry, int],
    pks: Mapping[str, int],
    now: datetime,
) -> None:
    insert(
        Delivery,
        DELIVERY_COLUMNS,
        [
            (
                attempt.pk,
                pks[entry.user_id],
                counts[entry],
                entry.mark,
                entry.alternative_grade,
                *outcome(verdict, now),
            )
            for entry, verdict in verdicts.items()
        ],
    )


DELIVERY_COLUMNS = (
    "attempt_id",
    "participant_id",
    "entry_count",
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
