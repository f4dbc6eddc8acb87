"""What corrections, decisions and exemptions have in common in the admin: one person requests, another decides."""

from types import ModuleType
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils import formats, timezone
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.cells import address, link
from common.admin.read_only import HistoryAdmin
from common.signing_in.recent import recently_signed_in
from exports.models.request import RequestState
from exports.requesting import REASON_LENGTH, NotPossible
from exports.templatetags.grades import person, person_cell

MAX_CHARACTERS = 60  # of a flow's title or a reason in a cell


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Why everything stays as it is. The reason is stored permanently."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class DecidesRequests(HistoryAdmin):
    """For the admin of what one person requests and another decides: its pages Approve and Decline."""

    actions_detail = ["approve", "decline"]
    unlinked = ("decline",)
    room: ModuleType  # whose `waiting`, `approve` and `decline` record the decision
    approve_title: Any
    decline_title: Any
    unchanged: Any = _("The grade in Learn is unchanged.")

    def may_approve(self, request: HttpRequest) -> bool:
        """Whether this person may decide what others have requested."""
        raise NotImplementedError

    def refuse_approval(self, request: HttpRequest, row: Any) -> None:
        """Raises NotPossible where this person could not approve it now."""
        self.room.refuse_approval(row, row.participant, by=request.user)

    def outlook_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the templates show of what an approval would do."""
        return {}

    def approved(self, request: HttpRequest, row: Any) -> HttpResponse:
        """Says what has come of the approval, and leads to where it can be watched."""
        raise NotImplementedError

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A reason for declining is shown where there is one."""
        given = super().get_fieldsets(request, obj)
        if obj is None or obj.decline_reason:
            return given
        return [
            (title, {"fields": [name for name in options["fields"] if name != "decline_reason"]})
            for title, options in given
        ]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        waits = row.state == RequestState.ASKED
        is_own = row.requested_by_id == request.user.pk
        may_decide = waits and not is_own and self.may_approve(request)
        why_not = self.why_not_approve(request, row) if may_decide else ""
        return super().page_context(request, row) | {
            "may_withdraw": waits and is_own,
            "may_decline": may_decide,
            "may_approve": may_decide and not why_not,
            "why_not": why_not,
        }

    def why_not_approve(self, request: HttpRequest, row: Any) -> str:
        """Why this person could not approve it now; empty if they could."""
        try:
            self.room.waiting(row)
            self.refuse_approval(request, row)
        except NotPossible as refusal:
            return str(refusal)
        return ""

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        waits = row.state == RequestState.ASKED and row.requested_by_id != request.user.pk
        return waits and not self.why_not_approve(request, row)

    def has_approve_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.may_approve(request)

    @action(description=_("Approve"), url_path="approve", permissions=["approve"], icon="check")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: what reaches Learn cannot be undone."""
        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            try:
                decided = self.room.approve(row, by=request.user)
            except NotPossible as refusal:
                messages.error(request, refusal.sentence)
                return HttpResponseRedirect(address(row))
            return self.approved(request, decided)
        if why_not := self.why_not_approve(request, row):
            messages.error(request, why_not)
            return HttpResponseRedirect(address(row))
        name = str(self.opts.model_name)
        return self.confirm_page(
            request,
            f"admin/exports/approve_{name}.html",
            title=str(self.approve_title),
            back_url=address(row),
            **{name: row},
            **self.outlook_of(request, row),
        )

    @action(url_path="decline")  # type: ignore[untyped-decorator]
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Declined by a person who may approve it, who is asked for a reason, or withdrawn by who has requested it."""
        row = self.row_or_404(request, object_id)
        is_own = row.requested_by_id == request.user.pk
        if not (self.may_approve(request) or is_own):
            raise PermissionDenied
        if is_own and request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        # The button on the request's page posts no reason: it leads to the form.
        form = DeclineForm(request.POST if "reason" in request.POST else None)
        try:
            self.room.waiting(row)
            if is_own or form.is_valid():
                reason = "" if is_own else form.cleaned_data["reason"]
                self.room.decline(row, by=request.user, reason=reason)
                done = gettext("Request withdrawn.") if is_own else gettext("Declined.")
                messages.info(request, f"{done} {self.unchanged}")
                return HttpResponseRedirect(address(row))
        except NotPossible as refusal:
            if refusal.obstacle.name != "REASON_NOT_USABLE":
                messages.error(request, refusal.sentence)
                return HttpResponseRedirect(address(row))
            form.add_error("reason", refusal.sentence)
        name = str(self.opts.model_name)
        return self.confirm_page(
            request,
            f"admin/exports/decline_{name}.html",
            title=str(self.decline_title),
            back_url=address(row),
            form=form,
            problem=" ".join(map(str, form.errors.get("reason", []))) if form.is_bound else "",
            **{name: row},
        )

    @admin.display(description=_("Reason"))
    def short_reason(self, row: Any) -> str:
        return Truncator(row.reason).chars(MAX_CHARACTERS)

    @admin.display(description=_("Requested"))
    def asked(self, row: Any) -> str:
        return by_and_when(row.requested_by, row.requested_at)

    @admin.display(description=_("Decided"))
    def decided(self, row: Any) -> str | None:
        return by_and_when(row.decided_by, row.decided_at) if row.decided_by else None


class OfParticipants:
    """For the admin of requests about one participant's grade: the cells that say whose."""

    @admin.display(description=_("User id"))
    def user_id(self, row: Any) -> str:
        return person_cell(row.participant, row.participant.user_id)

    @admin.display(description=_("Participant"))
    def of_participant(self, row: Any) -> str:
        return person(row.participant)

    @admin.display(description=_("Flow"))
    def of_flow(self, row: Any) -> str:
        return link(row.participant.flow, Truncator(row.participant.flow).chars(MAX_CHARACTERS))


def by_and_when(who: object, when: Any) -> str:
    return f"{who}, {formats.date_format(timezone.localtime(when), 'SHORT_DATETIME_FORMAT')}"
