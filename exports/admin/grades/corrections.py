"""Corrections: requested on a participant's page, decided by another person, kept as history."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import address, link, state_pill
from common.admin.filters import LinkedRowFilter
from exports import correcting
from exports.admin.filters import AskedOrDecidedBy, Requested, Undelivered, Waiting
from exports.admin.grades.asking import outlook
from exports.admin.grades.guidance import may_approve, may_configure
from exports.admin.grades.people import FindsSeveral, Found, as_name, numbers_in
from exports.admin.grades.requested import DecidesRequests, OfParticipants
from exports.delivering.judging import person_facts
from exports.grades.causes import Cause
from exports.grades.facts import PlacedGrade
from exports.grades.sentences import error_info
from exports.models import Correction, Delivery, ExportState, Flow


@admin.register(Correction)
class CorrectionAdmin(FindsSeveral, OfParticipants, DecidesRequests):
    room = correcting
    approve_title, decline_title = _("Approve a correction"), _("Decline a correction")
    list_display = ["user_id", "of_flow", "change", "short_reason", "status", "delivery", "asked", "decided"]
    list_filter = ["state", Waiting, AskedOrDecidedBy, Requested, Undelivered, ("participant", LinkedRowFilter)]
    list_select_related = ["participant__flow", "requested_by", "decided_by", "attempt"]
    search_fields = ["participant__user_id", "participant__learn_user_id"]
    search_help_text = _("Number, one or several user ids, flow id or title")
    fieldsets = [
        (
            _("Request"),
            {
                "fields": [
                    ("of_participant", "of_flow"),
                    ("mark_before", "value_before"),
                    ("mark", "source_code"),
                    "reason",
                ]
            },
        ),
        (
            _("Decision"),
            {
                "fields": [
                    "status",
                    "delivery",
                    ("requested_by", "requested_at"),
                    ("decided_by", "decided_at"),
                    "decline_reason",
                ]
            },
        ),
    ]
    readonly_fields = ["of_participant", "of_flow", "status", "delivery"]
    change_form_outer_before_template = "admin/exports/correction.html"

    def with_any(self, rows: QuerySet[Correction], text: str, found: Found) -> QuerySet[Correction]:
        """With one of these numbers or people, or of flows whose id or title is the text."""
        several = super().with_any(rows, text, found) | rows.filter(pk__in=numbers_in(text))
        if not as_name(text):
            return several
        flows = Flow.objects.filter(Q(flow_id__icontains=text) | Q(title__icontains=text))
        return several | rows.filter(participant__flow__in=flows.order_by())

    def page_context(self, request: HttpRequest, row: Correction) -> dict[str, Any]:
        waits = row.state == Correction.State.ASKED
        return super().page_context(request, row) | {
            "participant": row.participant,
            **(self.outlook_of(request, row) if waits else {"outlook": {}}),
            "in_learn": in_learn(row),
            "is_undelivered": Correction.objects.undelivered().filter(pk=row.pk).exists(),
        }

    # The pages

    def may_approve(self, request: HttpRequest) -> bool:
        return may_approve(request)

    def outlook_of(self, request: HttpRequest, row: Correction) -> dict[str, Any]:
        return {"outlook": outlook(request, row.participant, row.mark, row.source_code)}

    def approved(self, request: HttpRequest, row: Correction) -> HttpResponse:
        assert row.attempt is not None
        failures_first = row.attempt.deliveries.order_by("finished_at")
        delivery = failures_first.exclude(state=Delivery.State.DELIVERED).first() or failures_first[0]
        messages.add_message(request, *outcome(request, delivery, row.mark))
        return HttpResponseRedirect(address(row.attempt if row.attempt.finished_at is None else row))

    # The cells

    @admin.display(description=_("Mark"))
    def change(self, correction: Correction) -> str:
        return f"{correction.mark_before} → {correction.mark}"

    @admin.display(description=_("State"))
    def status(self, correction: Correction) -> str:
        return state_pill(correction)

    @admin.display(description=_("Attempt"))
    def delivery(self, correction: Correction) -> str | None:
        """Its own attempt: a later retry shows its own result."""
        if attempt := correction.attempt:
            return format_html("{} {}", link(attempt, attempt.pk), state_pill(attempt))
        return gettext("Purged") if correction.state == Correction.State.APPROVED else None


def in_learn(correction: Correction) -> PlacedGrade | None:
    """What is in Learn for certain, if that is the correction's mark."""
    mine = correcting.grades_for(person_facts(correction.participant), correction.source_code)
    same = all(grade.mark == correction.mark and not grade.ended_as for grade in mine)
    return mine[0] if mine and same and correction.participant.state == ExportState.EXPORTED else None


def outcome(request: HttpRequest, delivery: Delivery, mark: str) -> tuple[int, str]:
    """What the person who has approved it reads."""
    if delivery.state == Delivery.State.REFUSED:
        why = error_info(Cause(delivery.cause), delivery.detail, may_configure=may_configure(request))
        refused = gettext("Approved, but %(mark)s could not be sent.") % {"mark": mark}
        return messages.WARNING, f"{refused} {why}"
    if delivery.state == Delivery.State.DELIVERED:
        text = gettext("Approved. Learn already shows %(value)s, so nothing was sent.")
    else:
        text = gettext("Approved. %(value)s is being sent to Learn.")
    return messages.SUCCESS, text % {"value": delivery.value}
