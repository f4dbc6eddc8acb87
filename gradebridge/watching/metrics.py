"""What Prometheus reads. Counted in the database, so that every process tells the same truth: counts only, no one's
name and no grade.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils import timezone
from django.utils.translation import gettext as _
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from common.database.bulk import among
from courses.models import ServiceCall
from exports.models import (
    Delivery,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    Heartbeat,
    Hold,
    Participant,
    RefusedRequest,
)
from gradebridge.watching import facts
from gradebridge.watching.access import may_watch

LATELY = timedelta(hours=1)
BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds that a call to Learn took
OK = "ok"  # of a call


def metrics(request: HttpRequest) -> HttpResponse:
    """In the text format of Prometheus, for whoever METRICS_NETWORKS lets read it."""
    if not may_watch(request):
        return HttpResponseForbidden(_("METRICS_NETWORKS does not hold this address.") + "\n", "text/plain")
    registry = CollectorRegistry()
    registry.register(SiteCollector(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class SiteCollector(Collector):
    """All that there is, as of `now`. A few statements, each by an index, however many grades there are."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        yield gauge("version_info", "1, with the version of GradeBridge.", ["version"], [((settings.VERSION,), 1)])
        yield from counts_by_state()
        yield from holds()
        yield from grades(self.now)
        yield from queue(self.now)
        yield from learn(self.now)
        yield from signs_of_life(self.now)
        yield from expectations(self.now)
        yield refused_requests(self.now)


def gauge(
    name: str, about: str, labels: Iterable[str] = (), values: Iterable[tuple[tuple[str, ...], float]] = ()
) -> GaugeMetricFamily:
    """`values`: of each combination of labels."""
    found = GaugeMetricFamily(f"gradebridge_{name}", about, labels=list(labels))
    for label_values, value in values:
        found.add_metric(list(label_values), value)
    return found


def number(name: str, about: str, value: float) -> GaugeMetricFamily:
    return gauge(name, about, (), [((), value)])


def counts_by_state() -> Iterator[Metric]:
    flows = dict(Flow.objects.order_by().values_list("state").annotate(Count("pk")))
    attempts = dict(ExportAttempt.objects.order_by().values_list("state").annotate(Count("pk")))
    for name, counts in (("flows", flows), ("participants", Flow.objects.counts()), ("attempts", attempts)):
        values = [((state.value,), counts.get(state, 0)) for state in ExportState]
        yield gauge(name, f"Number of {name} by state.", ["state"], values)


def holds() -> Iterator[Metric]:
    counts = Hold.objects.open().aggregate(
        flows=Count("pk", filter=Q(flow__isnull=False, participant__isnull=True)),
        people=Count("participant"),
        pauses=Count("pk", filter=Q(flow__isnull=True)),
    )
    values = [(("flow",), counts["flows"]), (("participant",), counts["people"])]
    yield gauge("holds", "Number of open holds by what is held.", ["kind"], values)
    yield number("sending_paused", "1 while all sending is paused.", counts["pauses"])


def grades(now: datetime) -> Iterator[Metric]:
    failed = Participant.objects.failed().order_by().values_list("cause").annotate(Count("pk"))
    values = [((cause,), count) for cause, count in failed]
    yield gauge("failed_grades", "Number of participants who are failed now, by cause.", ["cause"], values)
    # Their keys first: joined, PostgreSQL would look through all deliveries that there are.
    attempts = ExportAttempt.objects.filter(finished_at__gte=now - LATELY).order_by().values_list("pk", flat=True)
    ended = Delivery.objects.filter(among("attempt_id", list(attempts))).order_by()
    lately = ended.values_list("state", "cause").annotate(Count("pk"))
    yield gauge(
        "grades_lately",
        "Number of grades in the attempts that ended within the last hour, by outcome and cause.",
        ["outcome", "cause"],
        [((outcome, cause), count) for outcome, cause, count in lately],
    )


def queue(now: datetime) -> Iterator[Metric]:
    for name, what, found in (
        ("queued_grades", "grades that are recorded and not sent yet", facts.waiting_grades()),
        ("queued_tasks", "background tasks that no worker has taken", facts.waiting_tasks()),
    ):
        yield number(name, f"Number of {what}.", found.number)
        yield number(f"{name}_oldest_seconds", f"Age of the oldest of the {what}; 0: none.", age(found.since, now))


def learn(now: datetime) -> Iterator[Metric]:
    found = facts.learn(now)
    yield number("learn_calls_left", "Calls that Learn's daily quota has left.", found.calls_left)
    yield number(
        "learn_calls_daily", "Calls that Learn allows in 24 hours: LEARN_DAILY_CALLS.", settings.LEARN_DAILY_CALLS
    )
    blocked = max(0, -age(found.blocked_until, now)) if found.blocked_until else 0
    yield number("learn_blocked_seconds", "Seconds until Learn accepts calls again; 0: it does.", blocked)
    for name, at in (("success", found.succeeded), ("failure", found.failed)):
        about = f"When the last call to Learn with a {name} began, in seconds since 1970; 0: never."
        yield number(f"learn_last_{name}_timestamp_seconds", about, at.timestamp() if at else 0)
    yield learn_calls(now)


def learn_calls(now: datetime) -> GaugeHistogramMetricFamily:
    """A histogram of the last hour, by service and result. It falls as well as rises: use it without rate()."""
    calls = GaugeHistogramMetricFamily(
        "gradebridge_learn_call_seconds",
        "Calls to Learn that began within the last hour, by service and result (ok, or the kind of the failure).",
        labels=["service", "result"],
    )
    within = {f"within_{place}": Count("pk", filter=Q(seconds__lte=most)) for place, most in enumerate(BUCKETS)}
    lately = ServiceCall.objects.filter(started_at__gte=now - LATELY).order_by().values_list("service", "error")
    counted = lately.annotate(took=Sum("seconds"), **within, number=Count("pk"))
    for service, error, took, *counts in counted:
        bounds = [*(str(float(most)) for most in BUCKETS), "+Inf"]
        calls.add_metric([service, error or OK], list(zip(bounds, counts, strict=True)), gsum_value=took)
    return calls


def signs_of_life(now: datetime) -> Iterator[Metric]:
    found = facts.processes(now)
    yield gauge(
        "last_seen_timestamp_seconds",
        "The last sign of life of clock and worker, the last sweep and purge, in seconds since 1970; 0: never.",
        ["name"],
        [((name.value.lower(),), moment_of(found.seen.get(name))) for name in Heartbeat.Name],
    )
    yield gauge(
        "process_missing",
        "1 while the clock, or every task worker, gives no sign of life. A worker that is busy with a task is there.",
        ["name"],
        [(("clock",), found.clock is facts.Life.MISSING), (("worker",), found.worker is facts.Life.MISSING)],
    )


def expectations(now: datetime) -> Iterator[Metric]:
    unproven = facts.unproven_grades(now)
    yield number("unproven_grades", "Number of grades in Learn that should have been proven by now.", unproven.number)
    about = "How long ago the oldest of the grades that should have been proven was sent; 0: there is none."
    yield number("unproven_grades_oldest_seconds", about, age(unproven.since, now))
    differing = GradeInLearn.objects.different().order_by().values_list("verdict").annotate(Count("pk"))
    counts = defaultdict(int, differing)
    values = [((verdict,), counts[verdict]) for verdict in ("DIFFERENT", "ABSENT")]
    yield gauge("differing_grades", "Number of grades that Learn shows otherwise, or not at all.", ["verdict"], values)
    late = facts.late(now)
    yield number("late_flows", "Flows that ended more than EXPECT_WITHIN hours ago and are not complete.", late.flows)
    yield number("missing_grades", "Number of grades that are expected of late flows and have not come.", late.grades)


def refused_requests(now: datetime) -> GaugeMetricFamily:
    lately = RefusedRequest.objects.filter(last_at__gte=now - LATELY).order_by()
    counts = lately.values_list("status").annotate(Sum("count"))
    return gauge(
        "refused_requests_lately",
        "Requests that the API refused as a whole, by status: those of kinds that came within the last hour.",
        ["status"],
        [((str(status),), count) for status, count in counts],
    )


def age(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since else 0


def moment_of(at: datetime | None) -> float:
    return at.timestamp() if at else 0
