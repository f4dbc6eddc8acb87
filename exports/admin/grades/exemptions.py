"""Exemptions: requested on the page of a flow or a grade column, decided by another person, kept as history."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.base import BaseAdmin
from common.admin.cells import address, link, state_pill
from exports import exempting
from exports.admin.filters import AskedOrDecidedBy, Requested, WaitingExemption
from exports.admin.grades.guidance import may_approve_exemptions
from exports.admin.grades.people import numbers_in
from exports.admin.grades.requested import MAX_CHARACTERS, DecidesRequests
from exports.exempting import NotExempted
from exports.models import Exemption
from exports.requesting import REASON_LENGTH

Kind = Exemption.Kind

QUESTIONS = {
    Kind.ALLOW_OVERWRITE: _("Allow overwriting of delivered grades of flow %(subject)s?"),
    Kind.UNLOCK_MAPPING: _("Unlock the mapping of flow %(subject)s?"),
    Kind.DELETE_COLUMN: _("Delete column %(subject)s in Learn with its grades?"),
    Kind.NOT_IN_LEARN: _("Mark column %(subject)s as not in Learn?"),
}
EFFECTS = {
    Kind.ALLOW_OVERWRITE: _(
        "From then on each mark that WISEflow sends replaces the delivered one in Learn, until overwriting is switched "
        "off on the flow's page. An alternative grade is never replaced."
    ),
    Kind.UNLOCK_MAPPING: _(
        "Grades already in Learn stay where they are. After a change, a retry or correction goes to the new column or "
        "uses the changed translation. The mapping is locked again when the next change is saved."
    ),
    Kind.DELETE_COLUMN: _(
        "Learn deletes the column with everything in it. This cannot be undone. Here its grades count as failed, so "
        "that they can be sent to another column."
    ),
    Kind.NOT_IN_LEARN: _(
        "The grades of this column count as failed, so that they are sent again. If the column is in Learn after all, "
        "a retry can change what it shows."
    ),
}


@admin.register(Exemption)
class ExemptionAdmin(DecidesRequests):
    room = exempting
    approve_title, decline_title = _("Approve an exemption"), _("Decline an exemption")
    unchanged = _("Nothing has changed.")
    list_display = ["number", "kind", "about", "short_reason", "status", "asked", "decided"]
    list_filter = ["state", "kind", WaitingExemption, AskedOrDecidedBy, Requested]
    list_select_related = ["flow", "column", "requested_by", "decided_by"]
    search_fields = ["subject", "reason"]
    search_help_text = _("Number, flow, grade column or reason")
    fieldsets = [
        (_("Request"), {"fields": ["kind", "about", "grades", "reason"]}),
        (
            _("Decision"),
            {"fields": ["status", ("requested_by", "requested_at"), ("decided_by", "decided_at"), "decline_reason"]},
        ),
    ]
    readonly_fields = ["about", "status"]
    change_form_outer_before_template = "admin/exports/exemption.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Exemption], search_term: str
    ) -> tuple[QuerySet[Exemption], bool]:
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(pk__in=numbers_in(search_term)), has_duplicates

    def page_context(self, request: HttpRequest, row: Exemption) -> dict[str, Any]:
        return super().page_context(request, row) | self.outlook_of(request, row)

    def may_approve(self, request: HttpRequest) -> bool:
        return may_approve_exemptions(request)

    def refuse_approval(self, request: HttpRequest, row: Exemption) -> None:
        assert request.user.is_authenticated
        exempting.refuse_approval(row, by=request.user)

    def outlook_of(self, request: HttpRequest, row: Exemption) -> dict[str, Any]:
        return {
            **words_of(Kind(row.kind), row.subject),
            "number_sentence": exempting.number_sentence(row),
            "number_now_sentence": exempting.number_now_sentence(row),
        }

    def approved(self, request: HttpRequest, row: Exemption) -> HttpResponse:
        messages.success(request, DONE[Kind(row.kind)])
        return HttpResponseRedirect(address(row.flow or row.column or row))

    @admin.display(description=_("Number"), ordering="pk")
    def number(self, exemption: Exemption) -> int:
        return exemption.pk

    @admin.display(description=_("Flow or grade column"))
    def about(self, exemption: Exemption) -> str:
        text = Truncator(exemption.subject).chars(MAX_CHARACTERS)
        row = exemption.flow or exemption.column
        return link(row, text) if row else text

    @admin.display(description=_("State"))
    def status(self, exemption: Exemption) -> str:
        return state_pill(exemption)


DONE = {
    Kind.ALLOW_OVERWRITE: _("Approved. Overwriting is allowed for this flow."),
    Kind.UNLOCK_MAPPING: _("Approved. The mapping can be changed once."),
    Kind.DELETE_COLUMN: _("Approved. The column is being deleted in Learn."),
    Kind.NOT_IN_LEARN: _("Approved. The column is marked as not in Learn."),
}


def words_of(kind: Exemption.Kind, subject: object) -> dict[str, Any]:
    """The question and what would happen, for the pages that ask."""
    return {"exemption_question": str(QUESTIONS[kind]) % {"subject": subject}, "effect": str(EFFECTS[kind])}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Why this must be possible. The reason is stored permanently."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class RequestsExemptions(BaseAdmin):
    """The admin of flows and of grade columns: the page that requests an exemption."""

    def exemption_page(
        self,
        request: HttpRequest,
        row: Any,
        kind: Exemption.Kind,
        ask: Callable[..., Exemption],
        refuse: Callable[..., None],
        *,
        problem: str = "",
        **context: Any,
    ) -> HttpResponse:
        """Asks for the reason, and records the request, unless there is a `problem`. `refuse` raises NotExempted where
        there is nothing to lift.
        """
        try:
            refuse(row, kind)
            if request.method == "POST" and not problem:
                exemption = ask(row, kind, reason=request.POST.get("reason", ""), by=request.user)
                text = gettext("Requested. It happens when another person approves it.")
                messages.success(request, text)
                return HttpResponseRedirect(address(exemption))
        except NotExempted as refusal:
            if refusal.obstacle is not exempting.Obstacle.REASON_NOT_USABLE:
                messages.info(request, refusal.sentence)
                return HttpResponseRedirect(address(row))
            problem = refusal.sentence
        return self.confirm_page(
            request,
            "admin/exports/ask_exemption.html",
            title=gettext("Request an exemption"),
            back_url=address(row),
            problem=problem,
            form=ReasonForm(initial={"reason": request.POST.get("reason", "")}),
            **context | words_of(kind, row),
        )
