"""Runs that read grades back from Learn's gradebook, within their share of its daily calls."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings

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
from exports.models import Delivery, Event, GradeInLearn, Proof
from exports.models.grade_in_learn import GradeInLearnQuerySet
from exports.proving.columns import ColumnName, prove_column

log = structlog.get_logger(__name__)


MAX_FAILURES = 3  # columns in a row of which Learn says nothing: then it is taken to be away


@dataclass(kw_only=True)
class Proved:
    """What a run has read. `stopped` says by code and parameters why it ended early, or has left out a column; empty:
    it has read all.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    columns: int = 0
    new_differences: Counter[tuple[int, str]] = field(default_factory=Counter)  # by flow and verdict
    stopped: Mapping[str, Any] = field(default_factory=dict)


def prove(
    grades: GradeInLearnQuerySet, *, gives_way: bool = False, only_changes: bool = False, seconds: float = RUN_SECONDS
) -> Proved:
    """Read back what Learn shows in place of these grades, in a bounded number of calls, within so many seconds.

    `gives_way`: end as soon as deliveries wait. `only_changes`: columns that have been read to their end before are
    asked for what has changed since then.
    """
    proved = Proved()
    reader = Reader(until=time.monotonic() + seconds, most_calls=calls_to_read() - 1)
    in_a_row = 0
    try:
        for column, users in by_column(grades).items():
            if stopping.is_requested():
                proved.stopped = INTERRUPTED
                break
            if gives_way and Delivery.objects.filter(state__in=Delivery.OPEN).exists():
                proved.stopped = DELIVERIES_WAIT
                break
            try:
                verdicts, new_differences = prove_column(reader, column, users, only_changes=only_changes)
            except (Unavailable, NotInstalled) as error:  # of this column alone, perhaps: it must not keep all others
                proved.stopped, in_a_row = reason_of(error), in_a_row + 1
                if in_a_row == MAX_FAILURES:
                    break
                continue
            in_a_row = 0
            proved.verdicts += verdicts
            proved.new_differences += new_differences
            proved.columns += 1
            reader.share_calls()
    except NoCallsLeft:
        proved.stopped = NO_CALLS_LEFT
    except LearnError as error:
        proved.stopped = reason_of(error)
    finally:
        reader.log()
        record_differences(proved.new_differences)
    log.info(
        "proof_run_finished",
        columns=proved.columns,
        verdicts=dict(sorted(proved.verdicts.items())),
        new_differences=proved.new_differences.total(),
        stopped=proved.stopped.get("code"),
    )
    return proved


def record_differences(found: Counter[tuple[int, str]]) -> None:
    """One event for each flow of which something new is different, with how many grades."""
    Event.objects.bulk_create(
        Event(
            kind=Event.Kind.DIFFERENCE_FOUND,
            flow_id=flow,
            data={
                "different": found[flow, Proof.Verdict.DIFFERENT.value],
                "not_shown": found[flow, Proof.Verdict.ABSENT.value],
            },
        )
        for flow in sorted({flow for flow, _verdict in found})
    )


def due(now: datetime) -> GradeInLearnQuerySet:
    """What is to be proven now: sent long enough ago, not read back since, and not too old to be looked at."""
    if settings.PROVE_AFTER is None:
        return GradeInLearn.objects.none()
    latest = now - timedelta(minutes=settings.PROVE_AFTER)
    earliest = now - timedelta(days=max(1, settings.PROVE_DAYS))
    return GradeInLearn.objects.in_learn().filter(proof__isnull=True, since__lte=latest, since__gte=earliest)


def young(now: datetime) -> GradeInLearnQuerySet:
    """What is looked at every night: the grades of columns that have had a grade in the last PROVE_DAYS days."""
    since = now - timedelta(days=settings.PROVE_DAYS)
    return GradeInLearn.objects.in_learn().filter(since__gte=since)


def by_column(grades: GradeInLearnQuerySet) -> dict[ColumnName, set[str]]:
    """The Learn users of these grades by column, those first that have waited longest."""
    found: dict[ColumnName, set[str]] = defaultdict(set)
    rows = grades.in_learn().order_by("since").values_list("course_id", "column_name", "learn_user_id")
    for course_id, column_name, user in rows.iterator(chunk_size=5000):
        found[course_id, column_name].add(user)
    return found
