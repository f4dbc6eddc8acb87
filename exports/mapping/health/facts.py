"""What is known of the flows that are checked, and of the site: a few statements for many flows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from exports.delivering.callers import rules_of
from exports.delivering.judging import column_facts
from exports.grades.facts import Column, FlowFacts
from exports.mapping import places
from exports.mapping.health.faults import Fault, find_faults
from exports.mapping.health.problems import Kind, Problem
from exports.models import ApiClient, ColumnMapping, ExportState, Flow, Participant
from exports.reading.profiles import Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a mapping leads, read once for all the flows of the site that share column and translation."""

    mapping: ColumnMapping
    column: Column
    faults: Sequence[Fault]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What holds for all flows."""

    now: datetime
    has_rosters: bool
    alternative_grades: frozenset[str]  # that any translation knows
    targets: dict[tuple[int, int | None], Target] = field(default_factory=dict)

    def target(self, mapping: ColumnMapping) -> Target:
        key = (mapping.grade_column_id, mapping.translation_id)
        if key not in self.targets:
            column = column_facts(mapping)
            faults = find_faults(mapping, column, self.alternative_grades)
            self.targets[key] = Target(mapping=mapping, column=column, faults=faults)
        return self.targets[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of one flow. `waiting`: people who may yet be exported, by source and alternative grade."""

    flow: Flow
    targets: Mapping[str, Target]  # by source code; "" is the default
    waiting: Mapping[tuple[str, str], int]
    roster_sources: frozenset[str]
    sharing: Sequence[places.Sharing]  # people who lead to one place
    strangers: int  # whom WISEflow has sent, if none of them is on the roster

    def problem(self, kind: Kind, sentence: str, repair: models.Model | None = None) -> Problem:
        return Problem(flow=self.flow, kind=kind, sentence=sentence, repair=repair or self.flow)


def find_sharing(
    flows: Mapping[int, Flow], targets: Mapping[int, Mapping[str, Target]], now: datetime
) -> dict[int, list[places.Sharing]]:
    """By flow, the people who lead to one place in Learn."""
    clients = ApiClient.objects.exclude(profile__learn_user_rule=Rule.AS_IS).filter(profile__isnull=False)
    profiles = {client.pk: client.profile for client in clients.select_related("profile") if client.profile}
    learn_user = Coalesce(NullIf("learn_user_id", Value("")), "user_id")
    people = Participant.objects.filter(flow__in=flows).annotate(learn_user=learn_user).order_by()
    twice = people.values("flow_id", "learn_user").annotate(number=Count("pk")).filter(number__gt=1)
    may_share = set(twice.values_list("flow_id", flat=True))
    if profiles:  # only their rules say whose Learn user these people have; a prefix or suffix never makes one of two
        by_rule = people.filter(api_client__in=profiles, learn_user_id="")
        with_learn_user = people.filter(flow=OuterRef("flow")).exclude(learn_user_id="")
        patterns = [pk for pk, profile in profiles.items() if profile.learn_user_rule == Rule.PATTERN]
        may_share |= set(
            by_rule.filter(Q(api_client__in=patterns) | Exists(with_learn_user))
            .values_list("flow_id", flat=True)
            .distinct()
        )
    if not may_share:
        return {}
    callers = people.filter(flow__in=may_share, api_client__in=profiles, learn_user_id="")
    rules = rules_of(set(callers.values_list("api_client", flat=True))) if profiles else {}
    people_of = places.find_people_of(may_share)
    found: dict[int, list[places.Sharing]] = {}
    for pk in may_share:
        facts = FlowFacts(
            now=now,
            columns={code: target.column for code, target in targets[pk].items()},
            has_roster=flows[pk].roster_imported_at is not None,
            learn_user_rules=rules,
        )
        found[pk] = places.sharing(people_of[pk], facts)
    return found


def find_strangers(people: QuerySet[Participant]) -> dict[int, int]:
    """By flow, how many people WISEflow has sent; of flows with a roster, none of whose people it has sent."""
    is_sent, is_listed = ~Q(state=ExportState.NOT_EXPORTED), Q(on_roster=True)
    numbers = people.filter(flow__roster_imported_at__isnull=False).values("flow_id")
    counted = numbers.annotate(
        sent=Count("pk", filter=is_sent),
        listed=Count("pk", filter=is_listed),
        both=Count("pk", filter=is_sent & is_listed),
    )
    return dict(counted.filter(sent__gt=0, listed__gt=0, both=0).values_list("flow_id", "sent"))


def find_facts(pks: Sequence[int], site: Site) -> Iterator[Facts]:
    flows = Flow.objects.in_bulk(pks)
    targets: dict[int, dict[str, Target]] = defaultdict(dict)
    mappings = ColumnMapping.objects.filter(flow__in=pks).order_by("flow", "source_code")
    related = mappings.select_related("grade_column__course", "grade_column__grade_schema")
    for mapping in related.prefetch_related("translation__grades"):
        targets[mapping.flow_id][mapping.source_code] = site.target(mapping)
    people = Participant.objects.filter(flow__in=pks).order_by()
    waiting: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    may_be_exported = people.exclude(state=ExportState.EXPORTED).exclude(added_by=Participant.AddedBy.MANUAL)
    on_roster = may_be_exported.filter(Q(on_roster=True) | Q(flow__roster_imported_at__isnull=True))
    kinds = on_roster.values_list("flow_id", "sources", "alternative_grade").annotate(Count("pk"))
    for flow, sources, alternative_grade, number in kinds:
        for source_code in [code for code, how in sources.items() if how != Participant.AddedBy.MANUAL] or [""]:
            key = (source_code, alternative_grade)
            waiting[flow][key] = waiting[flow].get(key, 0) + number
    roster_sources: dict[int, set[str]] = defaultdict(set)
    for flow, sources in people.filter(on_roster=True).values_list("flow_id", "sources").distinct():
        roster_sources[flow].update(code for code, how in sources.items() if how is not None)
    sharing = find_sharing(flows, targets, site.now)
    strangers = find_strangers(people)
    for pk in pks:
        if pk in flows:  # else it was deleted since then
            yield Facts(
                flow=flows[pk],
                targets=targets[pk],
                waiting=waiting[pk],
                roster_sources=frozenset(roster_sources[pk]),
                sharing=sharing.get(pk, []),
                strangers=strangers.get(pk, 0),
            )
