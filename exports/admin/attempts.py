"""Attempts: each run of an export or a retry, while it runs and ever after."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator

from common.admin.cells import link, span, state_pill
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from exports import retrying
from exports.admin.people import with_id
from exports.admin.retry import RetriesFailed
from exports.grades.causes import Cause
from exports.models import Delivery, ExportAttempt, Participant
from exports.models.participant import ParticipantQuerySet

MOST_DELIVERIES = 25  # on one page; the rest is a link away
MOST_ENTRIES = 100
MOST_CHARACTERS = 60  # of a flow's title in a cell


@admin.register(ExportAttempt)
class ExportAttemptAdmin(RetriesFailed, HistoryAdmin):
    list_display = [
        "number",
        "of_flow",
        "trigger",
        "standing",
        "successful",
        "errors",
        "started_at",
        "took",
        "asked_by",
    ]
    list_filter = ["state", "trigger", ("flow", OnlyChosen)]
    list_select_related = ["flow", "api_client", "requested_by"]
    search_fields = ["flow__flow_id", "flow__title"]
    search_help_text = "Flow id, title or whole user id"
    fields = ["of_flow", "trigger", "asked_by", "started_at"]
    readonly_fields = ["of_flow", "asked_by"]
    change_form_outer_after_template = "admin/exports/attempt.html"

    def failed_among(self, queryset: QuerySet[ExportAttempt]) -> ParticipantQuerySet:
        """Those of the attempts' people who are failed today, whatever they were at the time."""
        deliveries = Delivery.objects.filter(attempt__in=queryset.order_by().values("pk")).order_by()
        return Participant.objects.retryable().filter(pk__in=deliveries.values("participant"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ExportAttempt], search_term: str
    ) -> tuple[QuerySet[ExportAttempt], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            deliveries = Delivery.objects.filter(participant__in=with_id(search_term)).order_by()
            found |= queryset.filter(pk__in=deliveries.values("attempt"))
        return found, may_have_duplicates

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        attempt = self.get_object(request, object_id)
        context = self.course_of(attempt, request) if attempt else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        if attempt and attempt.finished_at and "HX-Request" in request.headers:
            response["HX-Refresh"] = "true"  # the page was watching it run: show it whole
        return response

    def course_of(self, attempt: ExportAttempt, request: HttpRequest) -> dict[str, Any]:
        """How far the attempt has come, and what became of its grades."""
        deliveries = attempt.deliveries.order_by()
        counts = dict(deliveries.values_list("state").annotate(Count("pk")))
        causes = deliveries.exclude(cause="").values_list("cause").annotate(grades=Count("pk")).order_by("-grades")
        failures_first = Case(When(state=Delivery.State.DELIVERED, then=1), default=0)
        total = sum(counts.values())
        settled = total - sum(counts.get(state, 0) for state in Delivery.OPEN)
        return {
            "attempt": attempt,
            "all_deliveries": f"{reverse('admin:exports_delivery_changelist')}?attempt__exact={attempt.pk}",
            "counts": [(state, counts[state]) for state in Delivery.State if state in counts],
            "total": total,
            "settled": settled,
            "percent": 100 * settled // total if total else 100,
            "causes": [(Cause(cause), grades) for cause, grades in causes],
            "unreadable": [
                {"place": entry["entry"], "reason": Cause(entry["cause"]).error_info(entry["detail"])}
                for entry in attempt.unreadable_entries[:MOST_ENTRIES]
            ],
            "more_unreadable": max(0, len(attempt.unreadable_entries) - MOST_ENTRIES),
            "deliveries": deliveries.select_related("participant").order_by(failures_first, "pk")[:MOST_DELIVERIES],
            "calls": attempt.calls.count(),
            "all_calls": f"{reverse('admin:courses_servicecall_changelist')}?attempts__exact={attempt.pk}",
            "may_cancel": attempt.is_cancellable and self.has_retry_permission(request),
            "may_retry": self.has_retry_permission(request)
            and self.failed_among(ExportAttempt.objects.filter(pk=attempt.pk)).exists(),
        }

    def cancel_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stops a running retry, by the button on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_retry_permission(request):
            raise PermissionDenied
        assert request.user.is_authenticated  # the admin lets nobody else in
        attempt = get_object_or_404(ExportAttempt, pk=pk)
        stopped = retrying.cancel(attempt, by=request.user)
        messages.info(request, f"{stopped} {'grade was' if stopped == 1 else 'grades were'} not sent.")
        return HttpResponseRedirect(reverse("admin:exports_exportattempt_change", args=[pk]))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.cancel_page)
        return [path("<int:pk>/cancel/", page, name="exports_exportattempt_cancel"), *super().get_urls()]

    @admin.display(description="Attempt")
    def number(self, attempt: ExportAttempt) -> int:
        return attempt.pk

    @admin.display(description="Flow")
    def of_flow(self, attempt: ExportAttempt) -> str:
        return link(attempt.flow, Truncator(attempt.flow).chars(MOST_CHARACTERS))

    @admin.display(description="State")
    def standing(self, attempt: ExportAttempt) -> str:
        return state_pill(attempt)

    @admin.display(description="Successful")
    def successful(self, attempt: ExportAttempt) -> int:
        return attempt.number_of_success

    @admin.display(description="Errors")
    def errors(self, attempt: ExportAttempt) -> int:
        return attempt.number_of_errors

    @admin.display(description="Took", empty_value="Running")
    def took(self, attempt: ExportAttempt) -> str | None:
        return span(attempt.finished_at - attempt.started_at) if attempt.finished_at else None

    @admin.display(description="Asked by")
    def asked_by(self, attempt: ExportAttempt) -> str:
        is_export = attempt.trigger == ExportAttempt.Trigger.EXPORT  # of a client that an older release let be deleted
        unknown = "A deleted API client" if is_export else "Command line"
        return str(attempt.requested_by or attempt.api_client or unknown)
