"""How many grades were delivered, and how many were not, day by day."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from exports.admin.desk import addresses
from exports.models import ExportAttempt

DAYS = 30
GRACE = timedelta(hours=1)  # what finishes just before midnight is recorded a little later
KEY, LIFETIME = "dashboard-days", 24 * 60 * 60  # seconds

IS_FIRST = Q(trigger__in=[ExportAttempt.Trigger.EXPORT, ExportAttempt.Trigger.PULL])
SUMS = {
    "attempts": Count("pk"),
    "delivered": Sum("number_of_success", filter=IS_FIRST, default=0),
    "failed": Sum("number_of_errors", filter=IS_FIRST, default=0),
    "again_delivered": Sum("number_of_success", filter=~IS_FIRST, default=0),
    "again_failed": Sum("number_of_errors", filter=~IS_FIRST, default=0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The attempts that finished on this day, and their grades: of WISEflow's exports, and again of retries and
    corrections.
    """

    day: date
    attempts: int = 0
    delivered: int = 0
    failed: int = 0
    again_delivered: int = 0
    again_failed: int = 0

    @property
    def all_delivered(self) -> int:
        return self.delivered + self.again_delivered

    @property
    def all_failed(self) -> int:
        return self.failed + self.again_failed

    @property
    def attempt_list(self) -> str:
        return addresses.attempts(finished_on=self.day.isoformat())


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What has been counted: days of this time zone that are over, and today, when the pulse was `seen`."""

    over: Mapping[date, Day] = field(default_factory=dict)
    today: Day = Day(day=date.min)
    seen: str = ""
    zone: str = field(default_factory=timezone.get_current_timezone_name)


def last_days(now: datetime, seen: str) -> list[Day]:
    """The last 30 days, today last, in one statement, or in none: a day that is over is counted once and remembered,
    and today as long as nothing has finished. `seen`: the token of a pulse, read before.
    """
    today = timezone.localtime(now).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    memory = cache.get(KEY) or Memory()
    if memory.zone != timezone.get_current_timezone_name():
        memory = Memory()
    found = dict(memory.over)
    if memory.seen == seen and memory.today.day == today:
        found[today] = memory.today
    if unknown := [day for day in days if day not in found]:
        found |= count(unknown[0], today)
        over = timezone.localtime(now - GRACE).date()
        kept = {day: found[day] for day in days if day < over}
        cache.set(KEY, Memory(over=kept, today=found[today], seen=seen), LIFETIME)
    return [found[day] for day in days]


def count(first: date, last: date) -> dict[date, Day]:
    days = [first + timedelta(days=after) for after in range((last - first).days + 1)]
    found = {day: Day(day=day) for day in days}
    attempts = ExportAttempt.objects.finished_within(first, last).order_by()
    for day, *numbers in attempts.values_list(TruncDate("finished_at")).annotate(**SUMS):
        found[day] = Day(day=day, **dict(zip(SUMS, numbers, strict=True)))
    return found


def chart(days: Sequence[Day]) -> dict[str, Any]:
    """The same for Chart.js: a bar a day, in four parts."""
    return {
        "labels": [date_format(day.day, "MONTH_DAY_FORMAT") for day in days],
        "datasets": [
            {"label": label, "data": [getattr(day, name) for day in days], "backgroundColor": colour}
            for name, label, colour in (
                ("delivered", _("Delivered"), "#2f9e5b"),
                ("again_delivered", _("Delivered by a retry or correction"), "#8fd3a8"),
                ("failed", _("Not delivered"), "#d64545"),
                ("again_failed", _("Not delivered by a retry or correction"), "#f0a3a0"),
            )
        ],
    }


GREY = "#7a8290"  # legible on light and on dark
OPTIONS = json.dumps(
    {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "maxBarThickness": 24,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"position": "bottom", "labels": {"boxWidth": 10, "boxHeight": 10, "color": GREY}}},
        "scales": {
            "x": {
                "stacked": True,
                "grid": {"display": False},
                "ticks": {"color": GREY, "maxRotation": 0, "maxTicksLimit": 8},
            },
            "y": {"stacked": True, "grid": {}, "beginAtZero": True, "ticks": {"color": GREY, "precision": 0}},
        },
    }
)
