"""Decisions about grades in Learn that GradeBridge did not write: made on a participant's page, a replacement approved
by another person, kept as history.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address, link, state_pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from common.signing_in.recent import recently_signed_in
from exports import deciding
from exports.admin.filters import AskedOrDecidedBy, Requested, WaitingDecision
from exports.admin.grades.corrections import DeclineForm
from exports.admin.grades.guidance import may_approve_decisions, may_configure
from exports.admin.grades.people import FindsSeveral, Found, as_name, numbers_in
from exports.admin.grades.requested import ShowsRequests
from exports.deciding import NotDecidable, Obstacle
from exports.grades.causes import Cause
from exports.grades.sentences import error_info
from exports.models import Decision, Delivery, Flow
from exports.templatetags.proofs import decision_pill


@admin.register(Decision)
class DecisionAdmin(FindsSeveral, ShowsRequests, HistoryAdmin):
    actions_detail = ["approve", "decline"]
    unlinked = ("decline",)
    list_display = ["user_id", "of_flow", "decision", "change", "short_reason", "status", "asked", "decided"]
    list_filter = ["state", "kind", WaitingDecision, AskedOrDecidedBy, Requested, ("participant", LinkedRowFilter)]
    list_select_related = ["participant__flow", "requested_by", "decided_by", "attempt"]
    search_fields = ["participant__user_id", "learn_user_id", "course_id"]
    search_help_text = _("Number, one or several user ids, course, flow id or title")
    fieldsets = [
        (
            _("Request"),
            {
                "fields": [
                    ("of_participant", "of_flow"),
                    ("decision", "change"),
                    ("place_name", "source_code"),
                    "reason",
                ]
            },
        ),
        (
            _("Decision"),
            {
                "fields": [
                    *("status", "delivery", ("requested_by", "requested_at")),
                    *(("decided_by", "decided_at"), "decline_reason"),
                ]
            },
        ),
    ]
    readonly_fields = ["of_participant", "of_flow", "decision", "change", "place_name", "status", "delivery"]
    change_form_outer_before_template = "admin/exports/decision.html"

    def with_any(self, rows: QuerySet[Decision], text: str, found: Found) -> QuerySet[Decision]:
        """With one of these numbers or people, or of flows whose id or title is the text."""
        several = super().with_any(rows, text, found) | rows.filter(pk__in=numbers_in(text))
        if not as_name(text):
            return several
        flows = Flow.objects.filter(Q(flow_id__icontains=text) | Q(title__icontains=text))
        return several | rows.filter(participant__flow__in=flows.order_by())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A reason for declining is shown where there is one."""
        given = super().get_fieldsets(request, obj)
        if obj is None or obj.decline_reason:
            return given
        return [
            (title, {"fields": [name for name in options["fields"] if name != "decline_reason"]})
            for title, options in given
        ]

    def page_context(self, request: HttpRequest, row: Decision) -> dict[str, Any]:
        waits = row.state == Decision.State.ASKED
        is_own = row.requested_by_id == request.user.pk
        may_decide = waits and not is_own and may_approve_decisions(request)
        why_not = why_not_approve(row, request) if may_decide else ""
        return super().page_context(request, row) | {
            "participant": row.participant,
            "may_take_back": waits and is_own,
            "may_decline": may_decide,
            "why_not": why_not,
        }

    # The pages

    def has_approve_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return may_approve_decisions(request)

    @action(description=_("Approve"), url_path="approve", permissions=["approve"], icon="check")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: what a teacher typed in Learn is lost."""
        decision = self.row_or_404(request, object_id)
        if request.method == "POST":
            return self.send(request, decision)
        if why_not := why_not_approve(decision, request):
            messages.error(request, why_not)
            return HttpResponseRedirect(address(decision))
        return self.confirm_page(
            request,
            "admin/exports/approve_decision.html",
            title=gettext("Approve replacing a grade in Learn"),
            back_url=address(decision),
            decision=decision,
        )

    def offers(self, request: HttpRequest, row: Decision, button: str) -> bool:
        waits = row.state == Decision.State.ASKED and row.requested_by_id != request.user.pk
        return waits and not why_not_approve(row, request)

    def send(self, request: HttpRequest, decision: Decision) -> HttpResponse:
        assert request.user.is_authenticated
        try:
            approved = deciding.approve(decision, by=request.user)
        except NotDecidable as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address(decision))
        attempt = approved.attempt
        if attempt is None:
            messages.success(request, gettext("Approved."))
            return HttpResponseRedirect(address(approved))
        failures_first = attempt.deliveries.order_by("finished_at")
        delivery = failures_first.exclude(state=Delivery.State.DELIVERED).first() or failures_first.first()
        messages.add_message(request, *outcome(request, delivery))
        return HttpResponseRedirect(address(attempt if attempt.finished_at is None else approved))

    @action(url_path="decline")  # type: ignore[untyped-decorator]
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Declined by a person who may approve it, who is asked for a reason, or withdrawn by who has requested it."""
        decision = self.row_or_404(request, object_id)
        assert request.user.is_authenticated
        is_own = decision.requested_by_id == request.user.pk
        if not (may_approve_decisions(request) or is_own):
            raise PermissionDenied
        if is_own and request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        # The button on the decision's page posts no reason: it leads to the form.
        form = DeclineForm(request.POST if "reason" in request.POST else None)
        try:
            deciding.waiting(decision)
            if is_own:
                deciding.decline(decision, by=request.user)
                messages.info(request, gettext("Request withdrawn. The grade in Learn is unchanged."))
                return HttpResponseRedirect(address(decision))
            if form.is_valid():
                deciding.decline(decision, by=request.user, reason=form.cleaned_data["reason"])
                messages.info(request, gettext("Declined. The grade in Learn is unchanged."))
                return HttpResponseRedirect(address(decision))
        except NotDecidable as refusal:
            if refusal.obstacle is not Obstacle.REASON_NOT_USABLE:
                messages.error(request, refusal.sentence)
                return HttpResponseRedirect(address(decision))
            form.add_error("reason", refusal.sentence)
        return self.confirm_page(
            request,
            "admin/exports/decline_decision.html",
            title=gettext("Decline replacing a grade in Learn"),
            back_url=address(decision),
            decision=decision,
            form=form,
            problem=" ".join(map(str, form.errors.get("reason", []))) if form.is_bound else "",
        )

    # The cells

    @admin.display(description=_("Decision"))
    def decision(self, decision: Decision) -> str:
        return str(decision.get_kind_display())

    @admin.display(description=_("Grades"))
    def change(self, decision: Decision) -> str:
        grades = {"shown": decision.shown or gettext("nothing"), "value": decision.value}
        return gettext("Learn: %(shown)s · GradeBridge: %(value)s") % grades

    @admin.display(description=_("Place in Learn"))
    def place_name(self, decision: Decision) -> str:
        return " · ".join(decision.place)

    @admin.display(description=_("State"))
    def status(self, decision: Decision) -> str:
        return decision_pill(decision)

    @admin.display(description=_("Attempt"))
    def delivery(self, decision: Decision) -> str | None:
        """Its own attempt: a later retry shows its own result."""
        if attempt := decision.attempt:
            return format_html("{} {}", link(attempt, attempt.pk), state_pill(attempt))
        is_sent = decision.state == Decision.State.APPROVED and decision.kind == Decision.Kind.REPLACE
        return gettext("Purged") if is_sent else None


def why_not_approve(decision: Decision, request: HttpRequest) -> str:
    """Why whoever makes the request could not approve it now; empty if they could."""
    assert request.user.is_authenticated
    try:
        deciding.waiting(decision)
        deciding.refuse_approval(decision, decision.participant, by=request.user)
    except NotDecidable as refusal:
        return str(refusal)
    return ""


def outcome(request: HttpRequest, delivery: Delivery | None) -> tuple[int, str]:
    """What the person who has approved it reads."""
    if delivery is None:
        return messages.SUCCESS, gettext("Approved.")
    if delivery.state == Delivery.State.REFUSED:
        why = error_info(Cause(delivery.cause), delivery.detail, may_configure=may_configure(request))
        refused = gettext("Approved, but the grade could not be sent.")
        return messages.WARNING, f"{refused} {why}"
    text = gettext("Approved. %(value)s is being sent to Learn.")
    return messages.SUCCESS, text % {"value": delivery.value}
