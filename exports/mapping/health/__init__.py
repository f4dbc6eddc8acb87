"""Mapping health: what would refuse a flow's grades, or cannot be checked, found before an export."""

from collections.abc import Iterable

from django.utils import timezone

from exports.delivering.judging import column_facts
from exports.mapping.health.checks import CHECKS
from exports.mapping.health.clients import ClientProblem, check_clients
from exports.mapping.health.facts import Site, find_facts
from exports.mapping.health.faults import find_faults
from exports.mapping.health.problems import Health, Kind, Problem, Severity
from exports.models import ColumnMapping, Flow, TranslatedGrade
from exports.models.flow import FlowQuerySet

__all__ = [
    "ClientProblem",
    "Health",
    "Kind",
    "Problem",
    "Severity",
    "check",
    "check_clients",
    "errors_of",
    "unfinished",
]

CHUNK = 500  # flows checked together


def unfinished(flows: FlowQuerySet) -> FlowQuerySet:
    """Those that still have something to export, and those without people so far."""
    return flows.exclude(exported_count__gt=0, not_exported_count=0, queued_count=0, failed_count=0)


def check(flows: FlowQuerySet) -> Health:
    """Check all of these flows, in their order, that still have something to export.

    So many statements a chunk, whatever the number of flows, participants and translated grades in it.
    """
    pks = list(unfinished(flows).values_list("pk", flat=True))
    site = Site(
        now=timezone.localtime(),
        has_rosters=Flow.objects.filter(roster_imported_at__isnull=False).exists(),
        alternative_grades=frozenset(
            TranslatedGrade.objects.filter(kind=TranslatedGrade.Kind.ALTERNATIVE_GRADE).values_list("given", flat=True)
        ),
    )
    problems: list[Problem] = []
    for start in range(0, len(pks), CHUNK):
        for facts in find_facts(pks[start : start + CHUNK], site):
            for check_flow in CHECKS:
                problems += check_flow(facts, site)
    return Health(problems=problems, checked=len(pks), finished=flows.count() - len(pks))


def errors_of(mappings: Iterable[ColumnMapping]) -> list[str]:
    """What is wrong with these mappings in themselves, each once: for whoever has just saved them."""
    faults = [fault for mapping in mappings for fault in find_faults(mapping, column_facts(mapping), frozenset())]
    return list(dict.fromkeys(fault.sentence for fault in faults if fault.kind.severity is Severity.ERROR))
