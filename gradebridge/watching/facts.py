"""How the site is doing now, as far as its database knows: the same for /metrics, /health/ready and the page System."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Min, Sum
from django_tasks_db.models import DBTaskResult

from courses import quota
from courses.models import ServiceCall
from exports import tasks
from exports.models import Delivery, ExportAttempt, Flow, Heartbeat
from exports.proving import runs

SILENT_AFTER = timedelta(minutes=3)  # clock and workers give a sign of life every minute


class Life(StrEnum):
    ALIVE = "ok"
    BUSY = "busy"  # it works on a task, and takes no other meanwhile
    UNKNOWN = "unknown"  # the clock, which asks the workers, does not run
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """`since`: of the oldest; None: nothing waits."""

    number: int = 0
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Processes:
    """`seen`: the last sign of life of each, and when something was last done; absent: never."""

    clock: Life
    worker: Life
    seen: Mapping[str, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Learn:
    """`succeeded` and `failed`: when the last such call began, the latter within a day; `error`: of that one."""

    calls_left: int
    blocked_until: datetime | None
    succeeded: datetime | None
    failed: datetime | None
    error: str

    @property
    def works(self) -> bool | None:
        """Whether the last call did; None: there was none."""
        if self.succeeded is None or self.failed is None:
            return None if self.failed == self.succeeded else self.failed is None
        return self.succeeded >= self.failed


def processes(now: datetime) -> Processes:
    """In two statements."""
    seen = Heartbeat.objects.moments()
    clock = Life.ALIVE if is_recent(seen.get(Heartbeat.Name.CLOCK), now) else Life.MISSING
    is_busy = DBTaskResult.objects.running().exclude(task_path=tasks.give_sign_of_life.module_path).exists()
    if is_recent(seen.get(Heartbeat.Name.WORKER), now):
        worker = Life.ALIVE
    elif is_busy:  # should its worker have died, the clock marks the task as failed
        worker = Life.BUSY if clock is Life.ALIVE else Life.UNKNOWN
    else:
        worker = Life.MISSING if clock is Life.ALIVE else Life.UNKNOWN
    return Processes(clock=clock, worker=worker, seen=seen)


def is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < SILENT_AFTER


def learn(now: datetime) -> Learn:
    """What the call log says."""
    latest = ServiceCall.objects.order_by("-pk")
    succeeded = latest.filter(error="").values_list("started_at", flat=True).first()
    today = latest.filter(started_at__gt=now - quota.DAY)  # else all calls ever would be looked through for one
    failed = today.exclude(error="").values_list("started_at", "error").first()
    blocked_until = quota.lifts_at(now)
    return Learn(
        calls_left=0 if blocked_until else quota.calls_left(now),
        blocked_until=blocked_until,
        succeeded=succeeded,
        failed=failed[0] if failed else None,
        error=failed[1] if failed else "",
    )


def waiting_grades() -> Waiting:
    """Recorded and not sent yet."""
    queued = Delivery.objects.filter(state=Delivery.State.QUEUED)
    oldest = queued.order_by("pk").values_list("attempt_id", flat=True).first()
    if oldest is None:
        return Waiting()
    since = ExportAttempt.objects.filter(pk=oldest).values_list("started_at", flat=True).first()
    return Waiting(number=queued.order_by().count(), since=since)


def waiting_tasks() -> Waiting:
    """Not taken by any worker yet; without the one that only asks for a sign of life."""
    ready = DBTaskResult.objects.ready().exclude(task_path=tasks.give_sign_of_life.module_path).order_by()
    found = ready.aggregate(number=Count("pk"), since=Min("enqueued_at"))
    return Waiting(**found)


def unproven_grades(now: datetime) -> Waiting:
    """That should have been read back by now, as PROVE_AFTER and PROVE_DAYS say."""
    return Waiting(**runs.due(now).order_by().aggregate(number=Count("pk"), since=Min("since")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Late:
    """Flows whose end is more than EXPECT_WITHIN hours ago: of which nothing has come, or not of everyone."""

    flows: int
    grades: int


def late(now: datetime) -> Late:
    found = Flow.objects.late(now).order_by().aggregate(flows=Count("pk"), grades=Sum("missing_count", default=0))
    return Late(**found)
