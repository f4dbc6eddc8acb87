"""Flows -> their people and places, with all three sides. Only reads: a number of statements for each CHUNK people."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.database.bulk import among
from common.database.snapshots import snapshot
from courses.models import ColumnReading
from exports.delivering.callers import callers_of, rules_of
from exports.delivering.judging import facts_of, find_columns, find_holds
from exports.delivering.judging_again import known_people
from exports.grades.facts import FlowFacts, PersonFacts
from exports.models import (
    Correction,
    ExportAttempt,
    Flow,
    FlowInWiseflow,
    GradeInLearn,
    Participant,
    PersonInWiseflow,
)
from exports.reconciling.comparing import kinds_of
from exports.reconciling.kinds import Kind
from exports.reconciling.lines import InLearn, InWiseflow, Line, Person
from exports.reconciling.scales import WiseflowScale
from exports.reconciling.spots import Ledger, spots_of

CHUNK = 5_000  # people read at once, but never less than a flow,
FLOWS = 200  # nor more flows than these

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """A flow and all its lines, people by their user id. `fetched_at`: when WISEflow was read; None: never."""

    flow: Flow
    lines: Sequence[Line]
    is_over: bool
    fetched_at: datetime | None
    learn_read_at: datetime | None  # the last time that anything of it was read

    @property
    def missing(self) -> list[str]:
        """The user ids of all who are expected and of whom nothing has come."""
        found = (line.person for line in self.lines if line.person.is_expected)
        return list(dict.fromkeys(person.user_id for person in found if person.state == "NOT_EXPORTED"))

    def by_kind(self) -> dict[Kind, list[Line]]:
        """The lines of each kind, the kinds in order. A line is in each of its kinds."""
        found: dict[Kind, list[Line]] = defaultdict(list)
        for line in self.lines:
            for kind in line.kinds:
                found[kind].append(line)
        return {kind: found[kind] for kind in Kind if kind in found}

    @property
    def has_problems(self) -> bool:
        return any(line.kind.is_problem for line in self.lines)


def reconcile(flows: Iterable[Flow], *, now: datetime) -> Iterator[Reconciled]:
    """Each of these flows, in their order, as far as WISEflow and Learn have been read."""
    waiting: list[Flow] = []
    people = 0
    for flow in flows:
        waiting.append(flow)
        people += sum(flow.counts.values())
        if people >= CHUNK or len(waiting) >= FLOWS:
            yield from reconcile_together(waiting, now)
            waiting, people = [], 0
    if waiting:
        yield from reconcile_together(waiting, now)


def reconcile_together(flows: Sequence[Flow], now: datetime) -> Iterator[Reconciled]:
    with snapshot():
        found = read(flows, now)
    for flow in flows:
        known = found.flows.get(flow.pk)
        is_over = flow.assessment_ends_at is None or flow.assessment_ends_at <= now
        lines = list(lines_of(flow, found, now, is_over=is_over))
        read_at = (line.learn.read_at for line in lines if line.learn)
        yield Reconciled(
            flow=flow,
            lines=lines,
            is_over=is_over,
            fetched_at=known.fetched_at if known else None,
            learn_read_at=max(read_at, default=None),
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a chunk of flows is compared by: of people by their primary keys, of flows by theirs."""

    people: Mapping[int, Sequence[Participant]]  # by flow
    known: Mapping[int, Mapping[str, PersonFacts]]  # by flow and user id
    facts: Mapping[int, FlowFacts] = field(default_factory=dict)  # by flow
    flows: Mapping[int, FlowInWiseflow]  # by flow
    records: Mapping[int, Row]
    ledger: Ledger
    corrected: Mapping[int, str]  # the mark of each person's latest approved correction


RECORD = ("is_listed", "is_activated", "grade", "alternative_grade", "export_state", "exported_at", "fetched_at")
OF_RECORD = ("participant_id", *RECORD)


def read(flows: Sequence[Flow], now: datetime) -> Found:
    by_pk = {flow.pk: flow for flow in flows}
    people: dict[int, list[Participant]] = defaultdict(list)
    everyone = list(Participant.objects.filter(flow__in=by_pk).order_by("user_id"))
    for person in everyone:
        person.flow = by_pk[person.flow_id]  # without a statement for each
        people[person.flow_id].append(person)
    known = known_people(everyone)
    rules = rules_of(callers_of(person for theirs in known.values() for person in theirs.values()))
    columns, holds = find_columns(by_pk), find_holds(by_pk)
    records = PersonInWiseflow.objects.filter(participant__flow__in=by_pk).order_by()
    corrections = Correction.objects.filter(participant__flow__in=by_pk, state=Correction.State.APPROVED)
    return Found(
        people=people,
        known=known,
        facts={pk: facts_of(flow, columns[pk], holds[pk], now, caller=None, rules=rules) for pk, flow in by_pk.items()},
        flows={row.flow_id: row for row in FlowInWiseflow.objects.filter(flow__in=by_pk)},
        records={
            pk: dict(zip(RECORD, row, strict=True)) for pk, *row in records.values_list("participant_id", *RECORD)
        },
        ledger=read_ledger(by_pk),
        corrected=dict(corrections.order_by("pk").values_list("participant_id", "mark")),
    )


def read_ledger(flows: Collection[int]) -> Ledger:
    """What Learn showed of each grade, and which were sent as WISEflow's API held them."""
    grades = GradeInLearn.objects.in_learn().filter(participant__flow__in=flows).order_by()
    kept = set(grades.kept().values_list("pk", flat=True))
    columns = ("course_id", "column_name", "proof__verdict", "proof__shown", "proof__detail", "proof__read_at")
    rows = list(grades.values_list("pk", *columns, "delivery__attempt__trigger"))
    read_at = read_moments({row[1] for row in rows})
    learn, pulled = {}, set()
    for pk, course, column, verdict, shown, detail, at, trigger in rows:
        if trigger == ExportAttempt.Trigger.PULL:
            pulled.add(pk)
        if verdict:
            learn[pk] = InLearn(
                verdict=verdict,
                shown=shown,
                detail=detail,
                read_at=max(at, read_at.get((course, column), at)),  # read again later, it was still so
                is_kept=pk in kept,
            )
    return Ledger(learn=learn, pulled=pulled)


def read_moments(courses: Collection[str]) -> dict[tuple[str, str], datetime]:
    """When each column of these courses was last looked at as a whole, as far as it could be read then."""
    readings = ColumnReading.objects.filter(among("course_id", courses), problem={}, change_index__isnull=False)
    return {(course, column): at for course, column, at in readings.values_list("course_id", "column_name", "read_at")}


def lines_of(flow: Flow, found: Found, now: datetime, *, is_over: bool) -> Iterator[Line]:
    known, facts = found.flows.get(flow.pk), found.facts[flow.pk]
    is_fetched = known is not None and known.fetched_at is not None
    people = found.people.get(flow.pk, [])
    records = [record for person in people if (record := found.records.get(person.pk))]
    scale = WiseflowScale.of(known, facts.columns.values(), records) if known else None
    for participant in people:
        record = found.records.get(participant.pk) if is_fetched else None
        wiseflow = in_wiseflow(record, scale) if record and scale else None
        theirs = found.known[flow.pk][participant.user_id]
        person = person_of(participant, facts, found.corrected)
        for spot in spots_of(participant, wiseflow, theirs, facts, found.ledger):
            kinds = kinds_of(person, spot, wiseflow, is_fetched=is_fetched, is_over=is_over)
            yield Line(person=person, spot=spot, wiseflow=wiseflow, kinds=kinds)


def in_wiseflow(record: Row, scale: WiseflowScale) -> InWiseflow:
    mark = scale.mark(record["grade"])
    return InWiseflow(
        is_listed=record["is_listed"],
        is_activated=record["is_activated"],
        mark=record["grade"] if mark is None else mark,
        alternative_grade=record["alternative_grade"],
        is_comparable=mark is not None or bool(record["alternative_grade"]),
        export_state=record["export_state"],
        exported_at=record["exported_at"],
        fetched_at=record["fetched_at"],
    )


def person_of(participant: Participant, facts: FlowFacts, corrected: Mapping[int, str]) -> Person:
    return Person(
        pk=participant.pk,
        flow=participant.flow_id,
        flow_id=participant.flow.flow_id,
        user_id=participant.user_id,
        first_name=participant.first_name,
        last_name=participant.last_name,
        state=participant.state,
        cause=participant.cause,
        detail=participant.detail,
        is_expected=participant.is_expected,
        mark=participant.mark,
        alternative_grade=participant.alternative_grade,
        failed_at=participant.failed_at,
        is_held=bool(facts.held or facts.paused or participant.pk in facts.held_people),
        corrected_to=corrected.get(participant.pk, ""),
    )
