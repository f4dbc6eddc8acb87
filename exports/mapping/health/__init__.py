"""Mapping health: what would refuse a flow's grades, or leave them to trust, found before anybody exports."""

from django.utils import timezone

from exports.mapping.health.facts import Site, find_facts
from exports.mapping.health.looks import LOOKS
from exports.mapping.health.problems import Health, Kind, Problem, Severity
from exports.models import Flow, TranslatedGrade
from exports.models.flow import FlowQuerySet

__all__ = ["Health", "Kind", "Problem", "Severity", "check", "unfinished"]

CHUNK = 500  # flows looked at together


def unfinished(flows: FlowQuerySet) -> FlowQuerySet:
    """Those that still have something to export, and those without people so far."""
    return flows.exclude(exported_count__gt=0, not_exported_count=0, queued_count=0, failed_count=0)


def check(flows: FlowQuerySet) -> Health:
    """Look at all of these flows, in their order, that still have something to export.

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
            for look in LOOKS:
                problems += look(facts, site)
    return Health(problems=problems, checked=len(pks), finished=flows.count() - len(pks))
