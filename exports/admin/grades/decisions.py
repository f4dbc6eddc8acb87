"""Decisions about grades in Learn that GradeBridge did not write: made on a participant's page, a replacement approved
by another person, kept as history.
"""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import address, link, state_pill
from common.admin.filters import LinkedRowFilter
from exports import deciding
from exports.admin.filters import AskedOrDecidedBy, Requested, WaitingDecision
from exports.admin.grades.guidance import may_approve_decisions, may_configure
from exports.admin.grades.people import FindsSeveral, Found, as_name, numbers_in
from exports.admin.grades.requested import DecidesRequests, OfParticipants
from exports.grades.causes import Cause
from exports.grades.sentences import error_info
from exports.models import Decision, Delivery, Flow
from exports.templatetags.proofs import decision_pill


@admin.register(Decision)
class DecisionAdmin(FindsSeveral, OfParticipants, DecidesRequests):
    room = deciding
    approve_title = _("Approve replacing a grade in Learn")
    decline_title = _("Decline replacing a grade in Learn")
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

    def page_context(self, request: HttpRequest, row: Decision) -> dict[str, Any]:
        return super().page_context(request, row) | {"participant": row.participant}

    # The pages

    def may_approve(self, request: HttpRequest) -> bool:
        return may_approve_decisions(request)

    def approved(self, request: HttpRequest, row: Decision) -> HttpResponse:
        attempt = row.attempt
        if attempt is None:
            messages.success(request, gettext("Approved."))
            return HttpResponseRedirect(address(row))
        failures_first = attempt.deliveries.order_by("finished_at")
        delivery = failures_first.exclude(state=Delivery.State.DELIVERED).first() or failures_first.first()
        messages.add_message(request, *outcome(request, delivery))
        return HttpResponseRedirect(address(attempt if attempt.finished_at is None else row))

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
