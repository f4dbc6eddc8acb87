"""The call log: each call to Learn, how many items it had, and its result."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import floatformat
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link
from common.admin.filters import LinkedRowFilter
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
    list_filter = ["service", "status", ("attempts", LinkedRowFilter), ("provisioning_runs", LinkedRowFilter)]
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

    @admin.display(description=_("Call"))
    def number(self, call: ServiceCall) -> int:
        return call.pk

    @admin.display(description=_("Duration"))
    def took(self, call: ServiceCall) -> str:
        return gettext("%(seconds)s s") % {"seconds": floatformat(call.seconds, 2)}

    @admin.display(description=_("For"))
    def for_work(self, call: Any) -> str:
        """The attempts whose grades were in it, or the provisioning run."""
        work = [
            (link(attempt, gettext("attempt %(number)s") % {"number": attempt.pk}),) for attempt in call.attempts.all()
        ]
        work += [(link(run, gettext("run %(number)s") % {"number": run.pk}),) for run in call.provisioning_runs.all()]
        return format_html_join(", ", "{}", work)
