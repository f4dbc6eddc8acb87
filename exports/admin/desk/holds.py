"""Holds: everything that is or was held, open ones first, and the pause of all sending."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address, link, pill_of
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from common.moments import short_moment
from exports import holding
from exports.admin.desk.held_back import held_back
from exports.admin.desk.holding import HoldForm, reason_and_person, report_release
from exports.holding import ReasonNotUsable
from exports.models import Hold
from exports.models.hold import HoldQuerySet

MAX_CHARACTERS = 120  # of a reason in a cell


class OpenHolds(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", gettext("Held now")), ("released", gettext("Released"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:
        match self.value():
            case "open":
                return queryset.filter(released_at__isnull=True)
            case "released":
                return queryset.filter(released_at__isnull=False)
        return queryset


class KindOfHold(admin.SimpleListFilter):
    title = _("what is held")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("flow", gettext("Flows")), ("person", gettext("Students")), ("all", gettext("All sending"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:
        assert isinstance(queryset, HoldQuerySet)
        match self.value():
            case "flow":
                return queryset.of_flows()
            case "person":
                return queryset.of_people()
            case "all":
                return queryset.pauses()
        return queryset


@admin.register(Hold)
class HoldAdmin(HistoryAdmin):
    actions = ["release_chosen"]
    actions_list = ["pause"]
    actions_detail = ["release"]
    list_display = ["what", "status", "short_reason", "held_by", "held_at", "released"]
    list_display_links = ["status"]
    list_filter = [OpenHolds, KindOfHold, ("flow", LinkedRowFilter), ("participant", LinkedRowFilter)]
    list_select_related = ["flow", "participant__flow", "held_by", "released_by"]
    search_fields = ["flow__flow_id", "flow__title", "participant__user_id", "participant__learn_user_id", "reason"]
    search_help_text = _("Flow id or title, WISEflow or Learn user id, reason")
    ordering = [F("released_at").desc(nulls_first=True), "-pk"]
    fieldsets = [
        (_("Held"), {"fields": ["what", "status", "reason", ("held_by", "held_at")]}),
        (_("Released"), {"fields": [("released_by", "released_at")]}),
    ]
    readonly_fields = ["what", "status"]
    change_form_outer_after_template = "admin/exports/held_back.html"

    def page_context(self, request: HttpRequest, row: Hold) -> dict[str, Any]:
        found = [] if row.is_open else held_back(flow=row.flow, participant=row.participant)
        return super().page_context(request, row) | {
            "held_back": [part for part in found if part.cause == row.cause],
        }

    # Pausing and resuming

    def has_hold_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.hold_grades")

    def has_pause_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.pause_sending")

    def may_release(self, request: HttpRequest, hold: Hold) -> bool:
        return self.has_pause_permission(request) if hold.is_pause else self.has_hold_permission(request)

    @action(description=_("Pause all sending"), url_path="pause", permissions=["pause"], icon="pause_circle")  # type: ignore[untyped-decorator]
    def pause(self, request: HttpRequest) -> HttpResponse:
        """Asks first: a link alone changes nothing."""
        problem = ""
        if request.method == "POST":
            try:
                held = holding.pause(**reason_and_person(request))
            except ReasonNotUsable as refusal:
                problem = str(refusal)
            else:
                self.report_pause(request, held)
                return HttpResponseRedirect(self.list_url())
        if (now := Hold.objects.pause()) and not problem:
            messages.warning(request, gettext("All sending is paused already."))
            return HttpResponseRedirect(address(now))
        return self.confirm_page(
            request,
            "admin/exports/hold.html",
            title=gettext("Pause all sending"),
            question=gettext("Pause all sending?"),
            back_url=self.list_url(),
            form=HoldForm(initial={"reason": request.POST.get("reason", "")}),
            in_progress=holding.in_progress(),
            is_pause=True,
            problem=problem,
        )

    def report_pause(self, request: HttpRequest, held: holding.Held) -> None:
        if not held.held:
            messages.warning(request, gettext("All sending is paused already."))
            return
        said = [gettext("All sending is paused."), *held.sentences_of_grades()]
        messages.success(request, " ".join(said))

    @action(description=_("Release"), url_path="release", permissions=["view_or_change"], icon="play_circle")  # type: ignore[untyped-decorator]
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Of a flow, a person, or everything: then it is called resuming."""
        hold = self.row_or_404(request, object_id)
        if not self.may_release(request, hold):
            raise PermissionDenied
        if request.method == "POST" or not hold.is_open:
            report_release(request, [hold.pk])
            return HttpResponseRedirect(address(hold))
        title = gettext("Resume sending") if hold.is_pause else gettext("Release")
        return self.confirm_page(
            request, "admin/exports/release.html", title=title, back_url=address(hold), number=1, hold=hold
        )

    def offers(self, request: HttpRequest, row: Hold, button: str) -> bool:
        if button == "release":
            return row.is_open and self.may_release(request, row)
        return super().offers(request, row, button)

    @admin.action(description=_("Release"), permissions=["hold"])
    def release_chosen(self, request: HttpRequest, queryset: HoldQuerySet) -> None:
        """A pause among them stays, where this person may not resume."""
        chosen = queryset.order_by()
        if not self.has_pause_permission(request):
            chosen = chosen.filter(flow__isnull=False)
        report_release(request, list(chosen.values_list("pk", flat=True)))

    # Cells

    @admin.display(description=_("What is held"))
    def what(self, hold: Hold) -> SafeString | str:
        row = hold.participant or hold.flow
        return link(row, Truncator(row).chars(MAX_CHARACTERS)) if row else str(hold)

    @admin.display(description=_("Status"))
    def status(self, hold: Hold) -> SafeString:
        if not hold.is_open:
            return pill_of("RELEASED", gettext("Released"))
        return pill_of("PAUSED", gettext("Paused")) if hold.is_pause else pill_of("HELD", gettext("Held"))

    @admin.display(description=_("Reason"))
    def short_reason(self, hold: Hold) -> str:
        return Truncator(hold.reason).chars(MAX_CHARACTERS)

    @admin.display(description=_("Released"))
    def released(self, hold: Hold) -> str | None:
        if hold.released_at is None:
            return None
        said = {"person": hold.released_by, "when": short_moment(hold.released_at)}
        return gettext("by %(person)s, %(when)s") % said
