"""Retries: what someone sent again at once, over however many flows, as one thing to watch and to cancel."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.cache import cache
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address, pill
from common.admin.filters import ByPerson
from common.admin.read_only import HistoryAdmin
from common.sentences import shortlist
from exports import retrying
from exports.admin.filters import Requested
from exports.admin.grades.cancelling import cancelled
from exports.models import Delivery, ExportAttempt, ExportState, Participant, RetryRun
from exports.models.retry_run import RunProgress, progress_of

MAX_FLOWS = 50  # on one page; the rest is a link away
FRESH_SECONDS = 1  # so long everyone who watches a run is shown the same
MAX_CAUSES = 3  # in the sentence of the result
MAX_DIGITS = 18  # of a primary key


@admin.register(RetryRun)
class RetryRunAdmin(HistoryAdmin):
    actions_detail = ["progress", "cancel"]
    unlinked = ("progress", "cancel")
    list_display = ["number", "purpose", "status", "flows", "successful", "refused", "failures", "requested_at", "who"]
    list_select_related = ["requested_by", "flow", "cancelled_by"]
    list_filter = ["cause", ByPerson, Requested]
    search_fields = ["requested_by__username"]
    search_help_text = _("User name")
    fields = ["purpose", ("who", "requested_at")]
    readonly_fields = ["purpose", "who"]
    change_form_outer_after_template = "admin/exports/retry_run.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetryRun]:
        runs: QuerySet[RetryRun] = super().get_queryset(request)
        attempts = ExportAttempt.objects.filter(retry_run=OuterRef("pk")).order_by().values("retry_run")
        counted = {  # the database looks for the rows of one page only
            "flow_count": Count("pk"),
            "delivered_count": Sum("number_of_success"),
            "error_count": Sum("number_of_errors"),
            "refused_count": Sum("number_of_refused"),
            "open_count": Count("pk", filter=Q(finished_at__isnull=True)),
        }
        return runs.annotate(
            **{name: Subquery(attempts.annotate(found=number).values("found")) for name, number in counted.items()}
        )

    def page_context(self, request: HttpRequest, row: RetryRun) -> dict[str, Any]:
        progress = row.progress()
        cache.set(cache_key(row.pk), progress, FRESH_SECONDS)
        deliveries = Delivery.objects.filter(attempt__retry_run=row).order_by()
        still_failed = Participant.objects.failed().filter(pk__in=deliveries.values("participant"))
        return super().page_context(request, row) | {
            "failed_listed": {
                "number": still_failed.count() if progress.is_finished else 0,
                "may_retry": self.has_retry_permission(request),
                "query": f"?run={row.pk}",
            },
            **self.shown(request, row.pk, progress),
        }

    def shown(self, request: HttpRequest, run: int, progress: RunProgress) -> dict[str, Any]:
        """What the part of the page shows that renews itself."""
        attempts = reverse("admin:exports_exportattempt_changelist")
        return {
            "run": run,
            "people_query": f"?run={run}&",
            "progress": progress,
            "result": result_of(progress),
            "flows": progress.flows[:MAX_FLOWS],
            "more_flows": max(0, len(progress.flows) - MAX_FLOWS),
            "all_attempts": f"{attempts}?retry_run__exact={run}",
            "may_cancel": progress.is_cancellable and self.has_retry_permission(request),
        }

    def has_retry_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.retry")

    @action(url_path="progress", permissions=["view"])  # type: ignore[untyped-decorator]
    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of the page that renews itself; once all is finished, the page is shown whole."""
        if request.method != "GET":  # nothing is sent here
            raise Http404
        run = int(object_id) if object_id.isdecimal() and len(object_id) <= MAX_DIGITS else 0
        found: RunProgress | None = cache.get(cache_key(run))
        if found is None:
            cache.set(cache_key(run), found := progress_of(run), FRESH_SECONDS)
        shown = self.shown(request, run, found)
        response = TemplateResponse(request, "admin/exports/retry_run_progress.html", shown)
        if found.is_finished:
            response["HX-Refresh"] = "true"
        return response

    @action(url_path="cancel", permissions=["retry"])  # type: ignore[untyped-decorator]
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stops all of it, by the form on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        assert request.user.is_authenticated  # the admin lets no one else in
        run = self.row_or_404(request, object_id)
        stopped = retrying.cancel_run(run, by=request.user)
        in_progress = Delivery.objects.filter(attempt__retry_run=run, state__in=Delivery.OPEN).count()
        messages.info(request, cancelled(stopped, in_progress))
        return HttpResponseRedirect(address(run))

    @admin.display(description=_("Retry"))
    def number(self, run: RetryRun) -> int:
        return run.pk

    @admin.display(description=_("What it is for"))
    def purpose(self, run: RetryRun) -> str:
        return run.purpose

    @admin.display(description=_("State"))
    def status(self, run: Any) -> str:
        if run.open_count:
            return pill(ExportState.QUEUED)
        return pill(ExportState.FAILED if run.error_count else ExportState.EXPORTED)

    @admin.display(description=_("Flows"))
    def flows(self, run: Any) -> int:
        return run.flow_count or 0

    @admin.display(description=_("Delivered"))
    def successful(self, run: Any) -> int:
        return run.delivered_count or 0

    @admin.display(description=_("Refused by a rule"))
    def refused(self, run: Any) -> int:
        return run.refused_count or 0

    @admin.display(description=_("Not delivered"))
    def failures(self, run: Any) -> int:
        return (run.error_count or 0) - (run.refused_count or 0)

    @admin.display(description=_("Requested by"))
    def who(self, run: RetryRun) -> str:
        return str(run.requested_by or gettext("Command line"))


def cache_key(run: int) -> str:
    return f"retry-run-{run}"


def result_of(progress: RunProgress) -> str:
    """How many grades went, how many did not, and why, once all is finished; empty before."""
    if not progress.is_finished:
        return ""
    if not progress.total:
        return gettext("Nothing was sent: no grade had failed any more.")
    missing = progress.total - progress.delivered
    if not missing:
        text = ngettext("The grade is in Learn.", "All %(count)s grades are in Learn.", progress.total)
        return text % {"count": intcomma(progress.total)}
    causes = shortlist([f"{cause.label} ({intcomma(grades)})" for cause, grades in progress.causes], most=MAX_CAUSES)
    if not progress.delivered:
        text = ngettext(
            "%(missing)s grade was not delivered: %(causes)s.",
            "None of %(missing)s grades was delivered: %(causes)s.",
            missing,
        )
    else:
        text = ngettext(
            "%(delivered)s of %(total)s grades was delivered, %(missing)s not: %(causes)s.",
            "%(delivered)s of %(total)s grades were delivered, %(missing)s not: %(causes)s.",
            progress.delivered,
        )
    return text % {
        "delivered": intcomma(progress.delivered),
        "total": intcomma(progress.total),
        "missing": intcomma(missing),
        "causes": causes,
    }
