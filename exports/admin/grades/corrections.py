"""Corrections: requested on a participant's page, decided by another person, kept as history."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.cells import address, link, state_pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from common.signing_in.recent import recently_signed_in
from exports import correcting
from exports.admin.filters import AskedOrDecidedBy, Requested, Undelivered, Waiting
from exports.admin.grades.asking import outlook
from exports.admin.grades.guidance import may_approve, may_configure
from exports.admin.grades.people import FindsSeveral, Found, as_name, numbers_in
from exports.admin.grades.requested import ShowsRequests
from exports.correcting import Obstacle
from exports.delivering.judging import person_facts
from exports.grades.causes import Cause
from exports.grades.facts import PlacedGrade
from exports.grades.sentences import error_info
from exports.models import Correction, Delivery, ExportState, Flow


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=correcting.REASON_LENGTH,
        help_text=_("Why the grade in Learn stays as it is. The reason is stored permanently."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


@admin.register(Correction)
class CorrectionAdmin(FindsSeveral, ShowsRequests, HistoryAdmin):
    actions_detail = ["approve", "decline"]
    unlinked = ("decline",)
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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A reason for declining is shown where there is one."""
        given = super().get_fieldsets(request, obj)
        if obj is None or obj.decline_reason:
            return given
        return [
            (title, {"fields": [name for name in options["fields"] if name != "decline_reason"]})
            for title, options in given
        ]

    def page_context(self, request: HttpRequest, row: Correction) -> dict[str, Any]:
        waits = row.state == Correction.State.ASKED
        is_own = row.requested_by_id == request.user.pk
        may_decide = waits and not is_own and may_approve(request)
        why_not = why_not_approve(row, request) if may_decide else ""
        return super().page_context(request, row) | {
            "participant": row.participant,
            "may_take_back": waits and is_own,
            "may_decline": may_decide,
            "may_approve": may_decide and not why_not,
            "why_not": why_not,
            "outlook": outlook(request, row.participant, row.mark, row.source_code) if waits else {},
            "in_learn": in_learn(row),
            "is_undelivered": Correction.objects.undelivered().filter(pk=row.pk).exists(),
        }

    # The pages

    def has_approve_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return may_approve(request)

    @action(description=_("Approve"), url_path="approve", permissions=["approve"], icon="check")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: what reaches Learn cannot be undone."""
        correction = self.row_or_404(request, object_id)
        if request.method == "POST":
            return self.send(request, correction)
        if why_not := why_not_approve(correction, request):
            messages.error(request, why_not)
            return HttpResponseRedirect(address(correction))
        return self.confirm_page(
            request,
            "admin/exports/approve_correction.html",
            title=gettext("Approve a correction"),
            back_url=address(correction),
            correction=correction,
            outlook=outlook(request, correction.participant, correction.mark, correction.source_code),
        )

    def offers(self, request: HttpRequest, row: Correction, button: str) -> bool:
        waits = row.state == Correction.State.ASKED and row.requested_by_id != request.user.pk
        return waits and not why_not_approve(row, request)

    def send(self, request: HttpRequest, correction: Correction) -> HttpResponse:
        assert request.user.is_authenticated
        try:
            approved = correcting.approve(correction, by=request.user)
        except correcting.NotCorrectable as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address(correction))
        assert approved.attempt is not None
        failures_first = approved.attempt.deliveries.order_by("finished_at")
        delivery = failures_first.exclude(state=Delivery.State.DELIVERED).first() or failures_first[0]
        messages.add_message(request, *outcome(request, delivery, correction.mark))
        return HttpResponseRedirect(address(approved.attempt if approved.attempt.finished_at is None else approved))

    @action(url_path="decline")  # type: ignore[untyped-decorator]
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Declined by a person who may approve it, who is asked for a reason, or withdrawn by who has requested it."""
        correction = self.row_or_404(request, object_id)
        assert request.user.is_authenticated
        is_own = correction.requested_by_id == request.user.pk
        if not (may_approve(request) or is_own):
            raise PermissionDenied
        if is_own and request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        # The button on the correction's page posts no reason: it leads to the form.
        form = DeclineForm(request.POST if "reason" in request.POST else None)
        try:
            correcting.waiting(correction)
            if is_own:
                correcting.decline(correction, by=request.user)
                messages.info(request, gettext("Request withdrawn. The grade in Learn is unchanged."))
                return HttpResponseRedirect(address(correction))
            if form.is_valid():
                correcting.decline(correction, by=request.user, reason=form.cleaned_data["reason"])
                messages.info(request, gettext("Declined. The grade in Learn is unchanged."))
                return HttpResponseRedirect(address(correction))
        except correcting.NotCorrectable as refusal:
            if refusal.obstacle is not Obstacle.REASON_NOT_USABLE:
                messages.error(request, refusal.sentence)
                return HttpResponseRedirect(address(correction))
            form.add_error("reason", refusal.sentence)
        return self.confirm_page(
            request,
            "admin/exports/decline_correction.html",
            title=gettext("Decline a correction"),
            back_url=address(correction),
            correction=correction,
            form=form,
            problem=" ".join(map(str, form.errors.get("reason", []))) if form.is_bound else "",
        )

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


def why_not_approve(correction: Correction, request: HttpRequest) -> str:
    """Why whoever makes the request could not approve it now; empty if they could."""
    assert request.user.is_authenticated
    try:
        correcting.waiting(correction)
        correcting.refuse_approval(correction, correction.participant, by=request.user)
    except correcting.NotCorrectable as refusal:
        return str(refusal)
    return ""


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
