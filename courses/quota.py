"""Learn's quota of calls: what is left of it, and when it lifts. Counted from the call log, so all processes agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q

from courses.gradebook import SERVICES as READ_SERVICES
from courses.grades_journey import TOKEN_SERVICE, VERSION_SERVICE, Call
from courses.models import ServiceCall

DAY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is to be sent, and how many calls are left. `lifts_at`: none may be made before (aware)."""

    grades: int
    calls: int
    calls_left: int
    lifts_at: datetime | None

    @property
    def is_enough(self) -> bool:
        return self.calls <= self.calls_left


def forecast(grades: int, *, now: datetime) -> Forecast:
    """Whether the quota carries `grades` more grades."""
    blocked_until = lifts_at(now)
    return Forecast(
        grades=grades,
        calls=-(-grades // settings.LEARN_BATCH_SIZE),
        calls_left=0 if blocked_until else calls_left(now),
        lifts_at=blocked_until,
    )


def calls_left(now: datetime) -> int:
    """The fewer of: what LEARN_DAILY_CALLS leaves after the calls of the last 24 hours, and what Learn last said.

    Learn counts the calls of all applications of its group, so it may know of fewer than we do.
    """
    recent = ServiceCall.objects.filter(started_at__gt=now - DAY).exclude(service=TOKEN_SERVICE)  # it costs none
    left = settings.LEARN_DAILY_CALLS - recent.count()
    said = recent.filter(rate_remaining__isnull=False).order_by("-started_at").first()
    if said and said.rate_remaining is not None:
        left = min(left, said.rate_remaining - recent.filter(started_at__gt=said.started_at).count())
    return max(0, left)


def calls_for_reading(now: datetime, *, share: float) -> int:
    """How many calls may still be made today to read the gradebook, if `share` of the day's calls is for that."""
    recent = ServiceCall.objects.filter(started_at__gt=now - DAY, service__in=READ_SERVICES)
    made, left = recent.count(), calls_left(now)
    return max(0, min(left, int(share * (left + made)) - made))


def lifts_at(now: datetime) -> datetime | None:
    """When Learn accepts calls again, None if it does. A time that it gave is over once it has served a later call."""
    later = ServiceCall.objects.filter(started_at__gt=OuterRef("started_at"))
    grades_journey = later.exclude(service__in=[TOKEN_SERVICE, VERSION_SERVICE])
    served = grades_journey.filter(Q(error="") | Q(ok_count__gt=0) | Q(error_count__gt=0))
    rejected = ServiceCall.objects.filter(lifts_at__gt=now).exclude(Exists(served))
    found: datetime | None = rejected.aggregate(latest=Max("lifts_at"))["latest"]
    return found


def log_calls(calls: list[Call]) -> list[ServiceCall]:
    """Write what was observed into the call log."""
    return ServiceCall.objects.bulk_create(
        ServiceCall(
            service=call.service,
            items=call.items,
            status=call.status,
            ok_count=call.ok,
            error_count=call.errors,
            seconds=call.seconds,
            started_at=call.started_at,
            error=call.error,
            rate_limit=call.rate_limit,
            rate_remaining=call.rate_remaining,
            lifts_at=call.lifts_at,
        )
        for call in calls
    )
