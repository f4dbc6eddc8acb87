"""Attempts: each run of an export or a retry, while it runs and afterwards."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address, link, span, state_pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import WatchedAdmin
from common.database.bulk import among
from common.request_ids import LENGTH as REQUEST_ID_LENGTH
from exports import retrying
from exports.admin.desk.proof import ProofSummary, proof_summary
from exports.admin.filters import FinishedOn, Started, StartedBy
from exports.admin.grades.cancelling import cancelled
from exports.admin.grades.failed_files import download_undelivered
from exports.admin.grades.guidance import may_configure
from exports.admin.grades.people import FindsSeveral, Found, numbers_in, spellings, words_of
from exports.admin.grades.retry import RetriesFailed
from exports.grades.causes import Cause
from exports.grades.sentences import error_info
from exports.mapping.valid_values import Mappings
from exports.models import Correction, Decision, Delivery, ExportAttempt, Flow, GradeInLearn, Participant
from exports.models.delivery import PROBLEMS_FIRST
from exports.models.participant import ParticipantQuerySet

MAX_DELIVERIES = 25  # on one page; the rest is a link away
MAX_ENTRIES = 100
MAX_NEIGHBOURS = 5  # attempts that this one took up, or that took it up
MAX_CHARACTERS = 60  # of a flow's title in a cell


@admin.register(ExportAttempt)
class ExportAttemptAdmin(FindsSeveral, RetriesFailed, WatchedAdmin):
    actions_detail = ["retry", "cancel", "failed_csv", "failed_xlsx"]
    unlinked = ("cancel", "failed_csv", "failed_xlsx")
    list_display = [
        "number",
        "of_flow",
        "trigger",
        "status",
        "successful",
        "refused",
        "failures",
        "started_at",
        "took",
        "started_by",
    ]
    list_filter = [
        *(
            "state",
            "trigger",
            StartedBy,
            Started,
            ("flow", LinkedRowFilter),
            ("retry_run", LinkedRowFilter),
            FinishedOn,
        ),
    ]
    list_select_related = [
        *("flow", "api_client", "requested_by", "retry_run"),
        *("correction__requested_by", "correction__decided_by", "decision__requested_by", "decision__decided_by"),
    ]
    search_fields = ["flow__flow_id", "flow__title"]
    search_help_text = _("Number, flow id or title, request id, or one or several complete user ids")
    fields = [("of_flow", "trigger"), ("caller", "started_at")]
    readonly_fields = ["of_flow", "caller"]
    change_form_outer_after_template = "admin/exports/attempt.html"

    def failed_among(self, queryset: QuerySet[ExportAttempt]) -> ParticipantQuerySet:
        """Those of the attempts' people who are failed today, whatever they were at the time."""
        deliveries = Delivery.objects.filter(attempt__in=queryset.order_by().values("pk")).order_by()
        return Participant.objects.retryable().filter(pk__in=deliveries.values("participant"))

    def with_any(self, rows: QuerySet[ExportAttempt], text: str, found: Found) -> QuerySet[ExportAttempt]:
        """With one of these numbers, of one of these flows, or with one of these people in it."""
        flows = Flow.objects.filter(flow_id__in=spellings(words_of(text))).order_by()
        deliveries = Delivery.objects.filter(among("participant_id", found.people)).order_by()
        named = rows.filter(pk__in=numbers_in(text)) | rows.filter(flow__in=flows)
        named |= rows.filter(request_id__in=[word for word in words_of(text) if len(word) <= REQUEST_ID_LENGTH])
        return named | rows.filter(pk__in=deliveries.values("attempt"))

    def page_context(self, request: HttpRequest, row: ExportAttempt) -> dict[str, Any]:
        """How far the attempt has come, and what became of its grades."""
        deliveries = row.deliveries.order_by()
        counts = dict(deliveries.values_list("state").annotate(Count("pk")))
        causes = deliveries.exclude(cause="").values_list("cause").annotate(grades=Count("pk")).order_by("-grades")
        shown = list(deliveries.select_related("participant").order_by(*PROBLEMS_FIRST)[:MAX_DELIVERIES])
        mappings = Mappings([row.flow_id])
        total, may_act = sum(counts.values()), may_configure(request)
        finished = total - sum(counts.get(state, 0) for state in Delivery.OPEN)
        return super().page_context(request, row) | {
            "attempt": row,
            "all_deliveries": f"{reverse('admin:exports_delivery_changelist')}?attempt__exact={row.pk}",
            "counts": [(state, counts[state]) for state in Delivery.State if state in counts],
            "total": total,
            "finished": finished,
            "percent": 100 * finished // total if total else 100,
            "causes": [(Cause(cause), grades) for cause, grades in causes],
            "unreadable": [
                {
                    "place": entry["entry"],
                    "reason": error_info(Cause(entry["cause"]), entry["detail"], may_configure=may_act),
                }
                for entry in row.unreadable_entries[:MAX_ENTRIES]
            ],
            "more_unreadable": max(0, len(row.unreadable_entries) - MAX_ENTRIES),
            "deliveries": [(delivery, mappings.valid_values(delivery, row.flow_id)) for delivery in shown],
            **({} if "HX-Request" in request.headers else before_and_after(row)),
            "proof_summary": self.proof_of(request, row),
            "calls": row.calls.count(),
            "all_calls": f"{reverse('admin:courses_servicecall_changelist')}?attempts__exact={row.pk}",
            "may_cancel": row.is_cancellable and self.has_retry_permission(request),
        }

    def proof_of(self, request: HttpRequest, attempt: ExportAttempt) -> ProofSummary | None:
        """How many of its grades are proven; not while it runs."""
        if attempt.finished_at is None or not request.user.has_perm("exports.view_gradeinlearn"):
            return None
        return proof_summary(GradeInLearn.objects.written_by(attempt), attempt=attempt.pk)

    def offers(self, request: HttpRequest, row: ExportAttempt, button: str) -> bool:
        return row.finished_at is not None and super().offers(request, row, button)

    @action(url_path="cancel", permissions=["retry"])  # type: ignore[untyped-decorator]
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stops a running retry, by the form on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        assert request.user.is_authenticated  # the admin lets no one else in
        attempt = self.row_or_404(request, object_id)
        stopped = retrying.cancel(attempt, by=request.user)
        messages.info(request, cancelled(stopped, attempt.deliveries.filter(state__in=Delivery.OPEN).count()))
        return HttpResponseRedirect(address(attempt))

    @action(url_path="failed.csv", permissions=["view"])  # type: ignore[untyped-decorator]
    def failed_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What it did not deliver, for a colleague."""
        return download_undelivered(request, self.row_or_404(request, object_id), "csv")

    @action(url_path="failed.xlsx", permissions=["view"])  # type: ignore[untyped-decorator]
    def failed_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return download_undelivered(request, self.row_or_404(request, object_id), "xlsx")

    @admin.display(description=_("Attempt"))
    def number(self, attempt: ExportAttempt) -> int:
        return attempt.pk

    @admin.display(description=_("Flow"))
    def of_flow(self, attempt: ExportAttempt) -> str:
        return link(attempt.flow, Truncator(attempt.flow).chars(MAX_CHARACTERS))

    @admin.display(description=_("State"))
    def status(self, attempt: ExportAttempt) -> str:
        return state_pill(attempt)

    @admin.display(description=_("Delivered"))
    def successful(self, attempt: ExportAttempt) -> int:
        return attempt.number_of_success

    @admin.display(description=_("Refused"))
    def refused(self, attempt: ExportAttempt) -> int:
        return attempt.number_of_refused

    @admin.display(description=_("Not delivered"))
    def failures(self, attempt: ExportAttempt) -> int:
        return attempt.number_of_failures

    @admin.display(description=_("Duration"))
    def took(self, attempt: ExportAttempt) -> str:
        return span(attempt.finished_at - attempt.started_at) if attempt.finished_at else gettext("Running")

    @admin.display(description=_("Started by"))
    def started_by(self, attempt: ExportAttempt) -> str:
        is_export = attempt.trigger == ExportAttempt.Trigger.EXPORT  # of a client that an older release let be deleted
        unknown = gettext("A deleted API client") if is_export else gettext("Command line")
        if correction := getattr(attempt, "correction", None):
            return requested_and_approved(correction, gettext("The correction"))
        if decision := getattr(attempt, "decision", None):
            if decision.kind == Decision.Kind.KEEP:
                return format_html("{} · {}", decision.requested_by, link(decision, gettext("The decision")))
            return requested_and_approved(decision, gettext("The decision"))
        if attempt.retry_run:
            return format_html("{} · {}", attempt.requested_by or unknown, link(attempt.retry_run))
        return str(attempt.requested_by or attempt.api_client or unknown)

    @admin.display(description=_("Started by"))
    def caller(self, attempt: ExportAttempt) -> str:
        """On the attempt's page, where there is room for an address."""
        if not attempt.caller_address:
            return self.started_by(attempt)
        names = {"client": self.started_by(attempt), "address": attempt.caller_address}
        return gettext("%(client)s, from %(address)s") % names


def requested_and_approved(request: Correction | Decision, name: str) -> str:
    who = gettext("Requested by %(requester)s, approved by %(approver)s") % {
        "requester": request.requested_by,
        "approver": request.decided_by,
    }
    return format_html("{} · {}", who, link(request, name))


def before_and_after(attempt: ExportAttempt) -> dict[str, Any]:
    """Not of the part of the page that renews itself."""
    return {"retried": neighbours(attempt, later=False), "retried_by": neighbours(attempt, later=True)}


def neighbours(attempt: ExportAttempt, *, later: bool) -> list[tuple[ExportAttempt, int]]:
    """The attempts that took up what this one did not deliver, or, for a retry, whose failures it took up; each with
    the number of its grades. Two statements, however many there are.
    """
    theirs = Delivery.objects.filter(participant=OuterRef("participant"), source_code=OuterRef("source_code"))
    if later:
        deliveries = attempt.deliveries.exclude(cause="")
        found = theirs.filter(attempt__gt=attempt.pk).order_by("attempt_id", "pk")
    elif attempt.trigger == ExportAttempt.Trigger.RETRY:
        deliveries = attempt.deliveries.all()
        found = theirs.filter(attempt__lt=attempt.pk).exclude(cause="").order_by("-attempt_id", "-pk")
    else:
        return []
    next_to = deliveries.order_by().annotate(neighbour=Subquery(found.values("attempt_id")[:1]))
    numbers = dict(
        next_to.filter(neighbour__isnull=False)
        .values_list("neighbour")
        .annotate(number=Count("pk"))
        .order_by("-number", "neighbour")[:MAX_NEIGHBOURS]
    )
    attempts = ExportAttempt.objects.select_related("flow").in_bulk(numbers) if numbers else {}
    return [(attempts[pk], number) for pk, number in numbers.items() if pk in attempts]
