"""The call log: each call to Learn, what it carried in number, and how it went."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from common.admin.cells import link
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from courses.models import ServiceCall


@admin.register(ServiceCall)
class ServiceCallAdmin(HistoryAdmin):
    list_display = [
        "number",
        "service",
        "started_at",
        "items",
        "status",
        "ok_count",
        "error_count",
        "took",
        "error",
        "rate_remaining",
        "for_work",
    ]
    list_filter = ["service", "status", ("attempts", OnlyChosen), ("provisioning_runs", OnlyChosen)]
    fields = [
        "service",
        "started_at",
        "took",
        "items",
        "status",
        "ok_count",
        "error_count",
        "error",
        "rate_limit",
        "rate_remaining",
        "lifts_at",
        "for_work",
    ]
    readonly_fields = ["took", "for_work"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceCall]:
        calls: QuerySet[ServiceCall] = super().get_queryset(request)
        return calls.prefetch_related("attempts", "provisioning_runs")

    @admin.display(description="Call")
    def number(self, call: ServiceCall) -> int:
        return call.pk

    @admin.display(description="Took")
    def took(self, call: ServiceCall) -> str:
        return f"{call.seconds:.2f} s"

    @admin.display(description="For")
    def for_work(self, call: Any) -> str:
        """The attempts that travelled in it, or the provisioning run."""
        work = [(link(attempt, f"attempt {attempt.pk}"),) for attempt in call.attempts.all()]
        work += [(link(run, f"run {run.pk}"),) for run in call.provisioning_runs.all()]
        return format_html_join(", ", "{}", work)
