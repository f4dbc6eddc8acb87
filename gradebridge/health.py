"""Is the process alive, can it work, and how far are the exports: for load balancers and Prometheus."""

from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from exports.models import ExportAttempt, ExportState, Flow, Hold


def live(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and is migrated, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "not ready", "reason": "the database does not answer"}, status=503)
    if pending:
        return JsonResponse({"status": "not ready", "reason": "migrations are missing: run migrate"}, status=503)
    return JsonResponse({"status": "ready"})


class ExportCounts(Collector):
    """Counted in the database, so that every process tells the same truth."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        flows = dict(Flow.objects.order_by().values_list("state").annotate(Count("pk")))
        attempts = dict(ExportAttempt.objects.order_by().values_list("state").annotate(Count("pk")))
        for name, counts in (("flows", flows), ("participants", Flow.objects.counts()), ("attempts", attempts)):
            gauge = GaugeMetricFamily(f"gradebridge_{name}", f"Number of {name} by state.", labels=["state"])
            for state in ExportState:
                gauge.add_metric([state.value], counts.get(state, 0))
            yield gauge


class HoldCounts(Collector):
    """What is held now, in one statement."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts = Hold.objects.open().aggregate(
            flows=Count("pk", filter=Q(flow__isnull=False, participant__isnull=True)),
            people=Count("participant"),
            pauses=Count("pk", filter=Q(flow__isnull=True)),
        )
        held = GaugeMetricFamily("gradebridge_holds", "Number of open holds by what is held.", labels=["kind"])
        held.add_metric(["flow"], counts["flows"])
        held.add_metric(["participant"], counts["people"])
        yield held
        yield GaugeMetricFamily("gradebridge_sending_paused", "1 while all sending is paused.", value=counts["pauses"])


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: counts only, no personal data."""
    registry = CollectorRegistry()
    registry.register(ExportCounts())
    registry.register(HoldCounts())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
