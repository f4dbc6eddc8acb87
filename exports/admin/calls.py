"""The call log: each call to Learn, what it carried in number, and how it went."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from courses.models import ServiceCall
from exports.admin.filters import OnlyChosen
from exports.admin.history import HistoryAdmin
from exports.templatetags.cells import link


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
        "for_attempts",
    ]
    list_filter = ["service", "status", ("attempts", OnlyChosen)]
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
        "for_attempts",
    ]
    readonly_fields = ["took", "for_attempts"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceCall]:
        calls: QuerySet[ServiceCall] = super().get_queryset(request)
        return calls.prefetch_related("attempts")

    @admin.display(description="Call")
    def number(self, call: ServiceCall) -> int:
        return call.pk

    @admin.display(description="Took")
    def took(self, call: ServiceCall) -> str:
        return f"{call.seconds:.2f} s"

    @admin.display(description="Attempts")
    def for_attempts(self, call: Any) -> str:
        return format_html_join(", ", "{}", ((link(attempt, attempt.pk),) for attempt in call.attempts.all()))
