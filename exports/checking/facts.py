"""What is known of the flows that are looked at, and of the site: a few statements for many flows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models
from django.db.models import Count, Q

from exports.checking.faults import Fault, find_faults
from exports.checking.problems import Kind, Problem
from exports.models import ColumnMapping, ExportState, Flow, Participant
from exports.queueing import column_facts
from exports.rules import Column


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

    def problem(self, kind: Kind, sentence: str, repair: models.Model | None = None) -> Problem:
        return Problem(flow=self.flow, kind=kind, sentence=sentence, repair=repair or self.flow)


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
    kinds = on_roster.values_list("flow_id", "source_code", "alternative_grade").annotate(Count("pk"))
    for flow, source_code, alternative_grade, number in kinds:
        waiting[flow][source_code, alternative_grade] = number
    roster_sources: dict[int, set[str]] = defaultdict(set)
    for flow, source_code in people.filter(on_roster=True).values_list("flow_id", "source_code").distinct():
        roster_sources[flow].add(source_code)
    for pk in pks:
        if pk in flows:  # else it was deleted meanwhile
            yield Facts(
                flow=flows[pk],
                targets=targets[pk],
                waiting=waiting[pk],
                roster_sources=frozenset(roster_sources[pk]),
            )
