"""Events that no one causes: the clock notices them. Each is recorded once, however often it looks."""

from collections import Counter
from datetime import datetime, timedelta

from django.utils import timezone

from courses import quota
from exports.mapping import health
from exports.mapping.health import checking
from exports.mapping.health.findings import read
from exports.models import Event, ExportState, Flow, PersonInWiseflow

RECENT = timedelta(days=30)  # an older end is no news: a site that begins to notify would announce all of its past
WEEK = timedelta(days=7)


def watch(now: datetime) -> None:
    """Every minute."""
    Event.objects.record_once([*not_arrived(now), *quota_short(now)])


def watch_mappings(now: datetime) -> None:
    """Every hour: it looks at all that is mapped in the flows that end within a week."""
    Event.objects.record_once([*mapping_faults(now), *faults_in_learn(now)])


def not_arrived(now: datetime) -> list[Event]:
    """Of each flow when it is late: once where nothing has come, and once where something, but not everything has."""
    late = list(Flow.objects.late(now).filter(assessment_ends_at__gt=now - RECENT).order_by("pk"))
    graded = PersonInWiseflow.objects.number_graded([flow.pk for flow in late])
    return [
        Event(
            kind=Event.Kind.NOT_ARRIVED,
            flow=flow,
            about=f"{flow.pk} {flow.assessment_ends_at} {'' if is_empty(flow) else 'in part'}".strip(),
            data={
                "ended_at": flow.assessment_ends_at.isoformat() if flow.assessment_ends_at else "",
                "expected": flow.expected_count,
                "missing": flow.missing_count,
                "is_empty": is_empty(flow),
                # Of the missing, as far as WISEflow was asked about them
                **({"graded": graded[flow.pk]} if flow.pk in graded else {}),
            },
        )
        for flow in late
    ]


def is_empty(flow: Flow) -> bool:
    """Whether nothing has come at all."""
    return flow.state == ExportState.NOT_EXPORTED


def quota_short(now: datetime) -> list[Event]:
    """Once a day when what is queued needs more calls than are left, and once when Learn accepts none for a time."""
    forecast = quota.forecast(Flow.objects.counts()[ExportState.QUEUED], now=now)
    if forecast.is_enough and not forecast.lifts_at:
        return []
    lifts_at = forecast.lifts_at.isoformat() if forecast.lifts_at else ""
    return [
        Event(
            kind=Event.Kind.QUOTA_SHORT,
            about=f"{timezone.localtime(now):%Y-%m-%d} {'none' if lifts_at else 'few'}",
            data={
                "grades": forecast.grades,
                "calls": forecast.calls,
                "calls_left": forecast.calls_left,
                "lifts_at": lifts_at,
            },
        )
    ]


def mapping_faults(now: datetime) -> list[Event]:
    """Of each flow that ends within a week and whose grades would be refused, once."""
    ending = Flow.objects.filter(assessment_ends_at__gt=now, assessment_ends_at__lte=now + WEEK)
    kinds: dict[Flow, Counter[str]] = {}
    for flow, problems in health.check(ending.order_by("assessment_ends_at", "pk")).by_flow:
        if errors := Counter(problem.kind.value for problem in problems if problem.is_error):
            kinds[flow] = errors
    return [faults_event(flow, errors) for flow, errors in kinds.items()]


def faults_in_learn(now: datetime) -> list[Event]:
    """The same of what the last check with Learn has found there, once beside it."""
    failing = checking.failing(now, WEEK).select_related("flow").order_by("flow__assessment_ends_at", "flow")
    kinds = {
        check.flow: Counter(
            found.code.value for found in read(check.findings) if found.severity is health.Severity.ERROR
        )
        for check in failing
    }
    return [faults_event(flow, errors, where="in Learn") for flow, errors in kinds.items() if errors]


def faults_event(flow: Flow, errors: Counter[str], *, where: str = "") -> Event:
    return Event(
        kind=Event.Kind.MAPPING_FAULTS,
        flow=flow,
        about=f"{flow.pk} {flow.assessment_ends_at} {where}".strip(),
        data={
            "ends_at": flow.assessment_ends_at.isoformat() if flow.assessment_ends_at else "",
            "errors": errors.total(),
            "kinds": dict(sorted(errors.items())),
        },
    )
