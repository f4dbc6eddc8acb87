"""Entries -> a verdict on each, by what is known of the flow, the people and their places in Learn.

Only reads, so that a rehearsal and a forecast can ask as well. The number of statements does not depend on the number
of entries.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import structlog
from django.db.models import Q

from common.database.bulk import among
from exports.delivering.callers import callers_of, rules_among, rules_of
from exports.delivering.holders import HolderRows, find_exported, read_holders, who_left
from exports.grades.causes import Cause
from exports.grades.conflicts import (
    Holder,
    contradictions,
    join_same_places,
    refuse_shared_places,
    refuse_taken_places,
    refuse_unexported,
)
from exports.grades.facts import (
    Column,
    Entry,
    FlowFacts,
    LearnUserOf,
    OpenDelivery,
    PersonFacts,
    Place,
    PlacedGrade,
    Refused,
    Send,
    Verdict,
)
from exports.grades.rules import by_source, case_of, judge
from exports.grades.translating import Scale
from exports.models import (
    ApiClient,
    ColumnMapping,
    Delivery,
    Flow,
    GradeInLearn,
    Hold,
    Participant,
)

log = structlog.get_logger(__name__)

UNKNOWN_PARTICIPANT = PersonFacts()
LOOKUP_LIMIT = 500  # up to so many are looked up by name; for more, reading the whole flow is cheaper


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The verdicts on a body's entries, and what they were judged by.

    `parts` has each distinct entry with what it is judged as: one entry for each source that it is for.
    """

    counts: Counter[Entry]  # how often each distinct entry is in the body
    parts: Mapping[Entry, tuple[Entry, ...]]
    verdicts: Mapping[Entry, Verdict]  # by part
    known: Mapping[str, PersonFacts]  # by user id
    facts: FlowFacts
    held: Collection[Place] = ()  # where someone's grade is in Learn

    def looks_first(self, part: Entry, send: Send) -> bool:
        """Whether Learn is to be read before the grade is sent: a grade that GradeBridge did not write may be there in
        place of one that it wrote.
        """
        person = self.person(part)
        if self.facts.protect_first_export or person.looks_first or send.place in self.held:
            return True
        return any(grade.place == send.place for grade in person.grades)

    def person(self, entry: Entry) -> PersonFacts:
        return self.known.get(entry.user_id, UNKNOWN_PARTICIPANT)

    def is_joint(self, entry: Entry) -> bool:
        """Whether the entry is for all sources of a person who has several: a success only where all have the grade."""
        if not self.known:  # no one has a source yet
            return False
        return len(self.parts[entry]) > 1 or (not entry.source_code and self.person(entry).has_several_sources)

    def refused(self, entry: Entry) -> dict[Entry, Refused]:
        """What of an entry of the body no rule lets through."""
        verdicts = ((part, self.verdicts[part]) for part in self.parts[entry])
        return {part: verdict for part, verdict in verdicts if isinstance(verdict, Refused)}

    @property
    def places(self) -> set[Place]:
        """Where something is to be sent."""
        return {verdict.place for verdict in self.verdicts.values() if isinstance(verdict, Send)}

    @property
    def refusals(self) -> dict[Entry, Refused]:
        """The parts that no rule lets through."""
        return {part: verdict for part, verdict in self.verdicts.items() if isinstance(verdict, Refused)}

    @property
    def errors(self) -> int:
        """How many entries of the body are refused, in part or wholly."""
        return sum(number for entry, number in self.counts.items() if self.refused(entry))

    def known_sources(self, user_id: str) -> set[str]:
        return set(self.known.get(user_id, UNKNOWN_PARTICIPANT).sources)

    def names_source(self, part: Entry) -> bool:
        """Whether an error has to say for which of the person's sources it is."""
        return bool(part.source_code) and part.user_id in self.in_several_sources

    @cached_property
    def in_several_sources(self) -> set[str]:
        """The people who have several sources, those of this body included."""
        sources: dict[str, set[str]] = defaultdict(set)
        for part in self.verdicts:
            if part.source_code:
                sources[part.user_id].add(part.source_code)
        return {user_id for user_id, named in sources.items() if len(named | self.known_sources(user_id)) > 1}


def judge_all(
    flow: Flow, entries: Iterable[Entry], *, now: datetime, client: ApiClient | None, is_by_person: bool = False
) -> Judged:
    """What is to become of a body's entries. A flow that is not saved is one that has never been mapped.

    `is_by_person`: someone here sends them, not WISEflow.
    """
    counts = Counter(entries)
    known = find_known(flow, counts)
    facts = flow_facts(flow, now, client, callers=callers_of(known.values()))
    judged = judge_alone(counts, known, facts)
    places = judged.places
    return beside_others(flow, judged, read_holders([flow], places), is_by_person=is_by_person) if places else judged


def judge_alone(counts: Counter[Entry], known: Mapping[str, PersonFacts], facts: FlowFacts) -> Judged:
    """As far as the flow's own entries and people decide it. Reads nothing."""
    parts = {entry: by_source(entry, known.get(entry.user_id, UNKNOWN_PARTICIPANT), facts) for entry in counts}
    judged_as = [part for some in parts.values() for part in some]
    verdicts: dict[Entry, Verdict] = {
        part: judge(part, known.get(part.user_id, UNKNOWN_PARTICIPANT), facts) for part in judged_as
    }
    if len(verdicts) > len({part.user_id for part in judged_as}):  # someone has several entries, or sources
        verdicts |= dict.fromkeys(contradictions(judged_as), Refused(Cause.CONTRADICTORY_ENTRIES))
        verdicts, carried = join_same_places(verdicts)
        if carried:
            parts = {entry: tuple({carried.get(part, part): None for part in some}) for entry, some in parts.items()}
    return Judged(counts=counts, parts=parts, verdicts=refuse_shared_places(verdicts), known=known, facts=facts)


def beside_others(flow: Flow, judged: Judged, rows: HolderRows, *, is_by_person: bool) -> Judged:
    """The same, and whoever has a grade at these places, or is getting one."""
    judged = replace(judged, held=rows.held)
    holders = find_holders(flow, rows, judged, is_by_person=is_by_person)
    if not holders:
        return judged
    verdicts = refuse_taken_places(judged.verdicts, judged.known, holders, flow.pk)
    if is_by_person:
        sent = [judged.person(part).pk for part, verdict in verdicts.items() if isinstance(verdict, Send)]
        exported = find_exported({pk for pk in sent if pk}, holders.keys())
        verdicts = refuse_unexported(verdicts, judged.known, holders, flow.pk, exported)
    return replace(judged, verdicts=verdicts)


def flow_facts(flow: Flow, now: datetime, client: ApiClient | None, *, callers: Collection[int] = ()) -> FlowFacts:
    """What is known of the flow, for a body of `client`; None: for a retry or correction of people whom the `callers`,
    primary keys of API clients, have exported last.
    """
    rules = rules_of(callers) if client is None else rules_among([client])
    columns, holds = find_columns([flow.pk])[flow.pk], find_holds([flow.pk])[flow.pk]
    return facts_of(flow, columns, holds, now, caller=client.pk if client else None, rules=rules)


def find_columns(flows: Collection[int | None]) -> dict[int | None, dict[str, Column]]:
    """The columns of these flows, by flow and source."""
    mappings = ColumnMapping.objects.filter(flow_id__in=[flow for flow in flows if flow]).select_related(
        "grade_column__course", "grade_column__grade_schema", "translation"
    )
    columns: dict[int | None, dict[str, Column]] = {flow: {} for flow in flows}
    for mapping in mappings.prefetch_related("translation__grades"):
        columns[mapping.flow_id][mapping.source_code] = column_facts(mapping)
    return columns


def find_holds(flows: Collection[int | None]) -> dict[int | None, list[Hold]]:
    """What keeps grades of these flows back, by flow: holds of its people, of itself, and the pause of all sending."""
    found: dict[int | None, list[Hold]] = {flow: [] for flow in flows}
    for hold in Hold.objects.concerning([flow for flow in flows if flow]):
        for theirs in found.values() if hold.is_pause else [found[hold.flow_id]]:
            theirs.append(hold)
    return found


def facts_of(
    flow: Flow,
    columns: Mapping[str, Column],
    holds: Collection[Hold],
    now: datetime,
    *,
    caller: int | None,
    rules: Mapping[int, LearnUserOf],
) -> FlowFacts:
    """`holds`: those of the flow and its people, and of everything."""
    return FlowFacts(
        now=now,
        columns=columns,
        is_synchronised=flow.synchronised_at is not None and flow.synchronised_at <= now,
        synchronised_at=flow.synchronised_at,
        assessment_ends_at=flow.assessment_ends_at,
        instant_export=flow.instant_export,
        allow_overwrite=flow.allow_overwrite,
        protect_first_export=flow.protect_first_export,
        has_roster=flow.roster_imported_at is not None,
        held=next((hold.refusal for hold in holds if hold.flow_id and not hold.participant_id), None),
        held_people={hold.participant_id: hold.refusal for hold in holds if hold.participant_id},
        paused=next((hold.refusal for hold in holds if hold.is_pause), None),
        caller=caller,
        learn_user_rules=rules,
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
            has_unknown_symbols=schema is not None and not schema.symbols,
        ),
    )


PERSON_FIELDS = (
    "pk",
    "state",
    "cause",
    "detail",
    "on_roster",
    "added_by",
    "sources",
    "learn_user_id",
    "learn_user_is_unknown",
    "api_client_id",
    "mark",
    "alternative_grade",
    "changed_since_export",
    "approved_mark",
    "approved_source_code",
    "failed_at",
    "looks_first",
)


def find_known(flow: Flow, entries: Collection[Entry]) -> dict[str, PersonFacts]:
    """The participants of whom the entries speak, by user id; where these are many, all of the flow."""
    people = Participant.objects.filter(flow_id=flow.pk).order_by()
    is_few = len(entries) <= LOOKUP_LIMIT
    if is_few:
        people = people.filter(user_id__in={entry.user_id for entry in entries})
    rows = list(people.values_list("user_id", *PERSON_FIELDS))
    if not rows:
        return {}
    # What is in progress first: what is recorded between the two statements is then seen twice rather than never.
    open_deliveries = find_open_deliveries(flow, [row[1] for row in rows]) if flow.queued_count else {}
    grades = find_grades(Q(among("participant_id", [row[1] for row in rows])) if is_few else Q(participant__flow=flow))
    return {
        user_id: PersonFacts(
            **dict(zip(PERSON_FIELDS, row, strict=True)),
            grades=grades.get(row[0], ()),
            open_deliveries=open_deliveries.get(row[0], ()),
        )
        for user_id, *row in rows
    }


def person_facts(participant: Participant) -> PersonFacts:
    """What is known of one participant."""
    return PersonFacts(
        **{name: getattr(participant, name) for name in PERSON_FIELDS},
        open_deliveries=find_open_deliveries(participant.flow, [participant.pk]).get(participant.pk, ()),
        grades=find_grades(Q(participant=participant)).get(participant.pk, ()),
    )


def find_grades(whose: Q) -> dict[int, list[PlacedGrade]]:
    """What is, or was, in Learn of these participants, newest first, by their primary keys."""
    rows = GradeInLearn.objects.filter(whose).with_calls().order_by("-pk")
    columns = ("course_id", "column_name", "learn_user_id", "pk", "source_code", "value", "mark", "alternative_grade")
    more = ("since", "certainty", "left_behind_at", "ended_as", "is_called")
    found: dict[int, list[PlacedGrade]] = defaultdict(list)
    for participant, course, column, user, pk, source_code, value, mark, alternative, *rest in rows.values_list(
        "participant_id", *columns, *more
    ):
        since, certainty, left_behind_at, ended_as, is_called = rest
        found[participant].append(
            PlacedGrade(
                pk=pk,
                place=(course, column, user),
                source_code=source_code,
                value=value,
                mark=mark,
                alternative_grade=alternative,
                since=since,
                is_certain=certainty == GradeInLearn.Certainty.CONFIRMED,
                is_left_behind=left_behind_at is not None,
                ended_as=ended_as,
                is_called=is_called,
            )
        )
    return found


def find_open_deliveries(flow: Flow, people: Collection[int]) -> dict[int, list[OpenDelivery]]:
    """The open deliveries of these participants."""
    still_open = Delivery.objects.filter(among("participant_id", people), state__in=Delivery.OPEN).order_by()
    found: dict[int, list[OpenDelivery]] = defaultdict(list)
    columns = ("participant_id", "source_code", "course_id", "column_name", "learn_user_id")
    for participant, source_code, *place in still_open.values_list(*columns):
        found[participant].append(OpenDelivery(source_code=source_code, place=tuple(place)))
    return found


def find_holders(flow: Flow, rows: HolderRows, judged: Judged, *, is_by_person: bool) -> dict[Place, list[Holder]]:
    """Whose grades are where this flow leads; and of this flow, whose are being sent there."""
    places = judged.places
    found: dict[Place, list[Holder]] = defaultdict(list)
    for place in rows.in_learn.keys() & places:
        for participant, value, code, source_code, is_certain in rows.in_learn[place]:
            who = (participant, *rows.people[participant])
            found[place].append(Holder(*who, value, code, source_code, is_certain=is_certain))
    if found:
        found = leave_out_who_left(found, flow, judged.verdicts, judged.known, judged.facts)
    if not is_by_person:
        for place, holder in who_left(rows, flow, places):
            found.setdefault(place, []).append(holder)
    for place in rows.in_progress.keys() & places:
        for participant, value, code, source_code in rows.in_progress[place]:
            who = (participant, *rows.people[participant])
            if rows.people[participant][1] == flow.pk:
                found.setdefault(place, []).append(Holder(*who, value, code, source_code, is_in_progress=True))
    return found


def leave_out_who_left(
    found: Mapping[Place, list[Holder]],
    flow: Flow,
    verdicts: Mapping[Entry, Verdict],
    known: Mapping[str, PersonFacts],
    facts: FlowFacts,
) -> dict[Place, list[Holder]]:
    """Without those of the flow who lead to another place today: what they have here may be replaced."""
    of_flow = {holder.user_id for holders in found.values() for holder in holders if holder.flow == flow.pk}
    strangers = [Entry(user_id=user_id) for user_id in of_flow - known.keys()]
    found_strangers = find_known(flow, strangers) if strangers else {}
    people = {**known, **found_strangers}
    if facts.caller is None:
        rules = rules_of(callers_of(found_strangers.values()))
        facts = replace(facts, learn_user_rules={**facts.learn_user_rules, **rules})
    said: dict[str, list[Entry]] = defaultdict(list)
    for entry in verdicts:
        if entry.user_id in of_flow:
            said[entry.user_id].append(entry)

    def leads_to(holder: Holder) -> set[Place | None]:
        """Where the body, or what is known, leads each of the holder's sources, above all that of the grade here."""
        person = people[holder.user_id]
        entries = said[holder.user_id]
        learn_user_id = next((entry.learn_user_id for entry in entries if entry.learn_user_id), "")
        of_person = Entry(user_id=holder.user_id, learn_user_id=learn_user_id)
        entries = [*entries, *by_source(of_person, person, facts)]
        if holder.source_code:
            entries.append(replace(of_person, source_code=holder.source_code))
        return {case_of(entry, person, facts).place for entry in entries}

    left: dict[Place, list[Holder]] = defaultdict(list)
    for place, holders in found.items():
        for holder in holders:
            leads = leads_to(holder) if holder.flow == flow.pk else {place}
            if place in leads or None in leads:  # None: where they lead is unknown
                left[place].append(holder)
    return left
