"""Runs of the check with Learn: which flows, within which bounds, and what is kept of it."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from common import stopping
from courses.learn_http.errors import LearnError, NotInstalled, Unavailable
from courses.reading_back import (
    DELIVERIES_WAIT,
    INTERRUPTED,
    NO_CALLS_LEFT,
    RUN_SECONDS,
    NoCallsLeft,
    Reader,
    calls_to_read,
)
from courses.sentences import reason_of
from exports.delivering.callers import callers_of
from exports.delivering.judging import flow_facts
from exports.grades.states import ExportState
from exports.mapping import places
from exports.mapping.health import unfinished
from exports.mapping.health.findings import Finding
from exports.mapping.health.in_learn import look
from exports.mapping.health.problems import Severity
from exports.models import ColumnMapping, Delivery, Flow, LearnCheck
from exports.models.flow import FlowQuerySet

AHEAD = timedelta(days=14)  # flows that end within it are looked at every night
MAX_FAILURES = 3  # flows in a row of which Learn says nothing: then it is taken to be away


@dataclass(kw_only=True)
class Checked:
    """What a run has looked at. `stopped` says by code and parameters why it ended early, or left out a flow; empty: it
    has looked at all.
    """

    flows: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    stopped: Mapping[str, Any] = field(default_factory=dict)


def ending_soon(now: datetime) -> FlowQuerySet:
    """Those that end within AHEAD and have something to export, the first to end first."""
    return ending_within(AHEAD, now).order_by("assessment_ends_at", "pk")


def ending_within(time: timedelta, now: datetime) -> FlowQuerySet:
    return unfinished(Flow.objects.filter(assessment_ends_at__gt=now, assessment_ends_at__lte=now + time))


def failing(now: datetime, within: timedelta) -> QuerySet[LearnCheck]:
    """The checks of flows that end within this time, whose grades Learn would refuse."""
    return LearnCheck.objects.filter(errors__gt=0, flow__in=ending_within(within, now).order_by())


def check_with_learn(flows: Iterable[Flow], *, gives_way: bool = False) -> Checked:
    """Look at these flows in Learn, in this order, and keep what is found of each in place of what was found before.

    A course is read once for all of them. `gives_way`: end as soon as deliveries wait.
    """
    checked, reader = Checked(), Reader(until=time.monotonic() + RUN_SECONDS, most_calls=calls_to_read() - 1)
    waiting, in_a_row = list(flows), 0
    try:
        while waiting:
            if stopping.is_requested():
                checked.stopped = INTERRUPTED
                break
            if gives_way and Delivery.objects.filter(state__in=Delivery.OPEN).exists():
                checked.stopped = DELIVERIES_WAIT
                break
            try:
                found = findings_of(waiting[0], reader)
            except (Unavailable, NotInstalled) as error:  # of this flow alone, perhaps: it must not keep all others
                checked.stopped, in_a_row = reason_of(error), in_a_row + 1
                keep_why_not([waiting.pop(0)], checked.stopped)
                if in_a_row == MAX_FAILURES:
                    break
                continue
            in_a_row = 0
            keep(waiting.pop(0), found)
            checked.flows += 1
            checked.severities.update(each.severity.value for each in found)
            reader.share_calls()
    except NoCallsLeft:
        checked.stopped = NO_CALLS_LEFT
    except LearnError as error:
        checked.stopped = reason_of(error)
    finally:
        reader.log()
    if checked.stopped:
        keep_why_not(waiting, checked.stopped)
    return checked


def findings_of(flow: Flow, reader: Reader) -> list[Finding]:
    mappings = ColumnMapping.objects.filter(flow=flow).order_by("source_code")
    related = mappings.select_related("grade_column__course", "grade_column__grade_schema", "translation")
    return look(reader, list(related.prefetch_related("translation__grades")), expected_people(flow))


def expected_people(flow: Flow) -> dict[str, dict[str, list[int]]]:
    """Those whose grade has yet to come to Learn, by course id and Learn user: primary keys of participants."""
    people = places.find_people_of([flow.pk])[flow.pk]
    facts = flow_facts(flow, timezone.localtime(), None, callers=callers_of(people.values()))
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for user_id, person in people.items():
        if person.state == ExportState.EXPORTED or (facts.has_roster and not person.on_roster) or person.pk is None:
            continue
        for place in places.leads_to(user_id, person, facts):
            if place is not None:
                course_id, _column, learn_user_id = place
                theirs = found[course_id].setdefault(learn_user_id, [])
                if person.pk not in theirs:
                    theirs.append(person.pk)
    return found


def keep(flow: Flow, found: Collection[Finding]) -> None:
    """In place of what was found before."""
    numbers = Counter(each.severity for each in found)
    now = timezone.now()
    kept = {
        "checked_at": now,
        "tried_at": now,
        "findings": [each.as_json() for each in found],
        "errors": numbers[Severity.ERROR],
        "warnings": numbers[Severity.WARNING],
        "notes": numbers[Severity.NOTE],
        "problem": {},
        "requested_at": None,
    }
    if Flow.objects.filter(pk=flow.pk).exists():  # else it was deleted meanwhile
        LearnCheck.objects.update_or_create(flow=flow, defaults=kept)


def keep_why_not(flows: Iterable[Flow], reason: Mapping[str, Any]) -> None:
    """What was found before stays, and when."""
    kept = {"problem": dict(reason), "tried_at": timezone.now(), "requested_at": None}
    for flow in Flow.objects.filter(pk__in=[flow.pk for flow in flows]):
        LearnCheck.objects.update_or_create(flow=flow, defaults=kept)


@transaction.atomic
def request_check(flows: Collection[int]) -> list[int]:
    """Note that a look at these flows, by primary key, is wanted; returns those of which none was awaited yet."""
    now = timezone.now()
    known = {check.flow_id: check for check in LearnCheck.objects.filter(flow__in=flows)}
    wanted = [pk for pk in flows if pk not in known or not known[pk].is_awaited(now)]
    for flow in Flow.objects.filter(pk__in=wanted):
        LearnCheck.objects.update_or_create(flow=flow, defaults={"requested_at": now})
    return wanted
