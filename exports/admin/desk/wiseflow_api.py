"""Flows and WISEflow's own API: fetch, what the last fetch found, and export what WISEflow holds."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.cells import address
from courses import quota
from exports.admin.desk.holding import chosen_again
from exports.admin.mapping.rehearsals import verdicts
from exports.fetching import pulling
from exports.fetching.connection import is_offered
from exports.fetching.pulling import NotPullable, Reason
from exports.fetching.sentences import NOT_PULLABLE, sentence
from exports.fetching.tasks import request_fetch
from exports.models import Flow, FlowInWiseflow, Participant, PersonInWiseflow
from exports.rehearsing import Outcome, rehearse

NEEDED_TO_SEE = ("exports.view_flow", "exports.view_participant")  # a rehearsal shows who has which grade


class ReadsWiseflow(BaseAdmin):
    """The flows' admin, where the site reads WISEflow's API."""

    def has_fetch_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.fetch_flow")

    def has_pull_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perms(["exports.pull_grades", *NEEDED_TO_SEE])

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if not is_offered():
            actions.pop("fetch_chosen", None)
        return actions

    def offers(self, request: HttpRequest, row: Flow, button: str) -> bool:
        if button in ("fetch", "pull"):
            return is_offered()
        return super().offers(request, row, button)

    def offered_or_404(self, request: HttpRequest, object_id: str) -> Flow:
        """The flow, where this site reads WISEflow's API."""
        flow: Flow = self.row_or_404(request, object_id)
        if not is_offered():
            raise Http404
        return flow

    @admin.action(description=_("Fetch from WISEflow"), permissions=["fetch"])
    def fetch_chosen(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse | None:
        """Asks first: one click may have chosen the flows of many pages."""
        chosen = chosen_again(request, "fetch_chosen")
        if chosen.pop("is_answer"):
            self.request_and_say(request, list(queryset))
            return None
        return self.confirm_page(
            request,
            "admin/exports/fetch.html",
            title=gettext("Fetch from WISEflow"),
            count=queryset.count(),
            **chosen,
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Fetch from WISEflow"),
        url_path="fetch-from-wiseflow",
        permissions=["fetch", "view_or_change"],
        icon="cloud_download",
    )
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: a link alone changes nothing. The page of the flow has a button that does not ask."""
        flow = self.offered_or_404(request, object_id)
        if request.method == "POST":
            self.request_and_say(request, [flow])
            return HttpResponseRedirect(address(flow))
        return self.confirm_page(
            request,
            "admin/exports/fetch.html",
            title=gettext("Fetch from WISEflow"),
            back_url=address(flow),
            flow=flow,
        )

    def request_and_say(self, request: HttpRequest, flows: list[Flow]) -> None:
        assert request.user.is_authenticated  # the admin lets no one else in
        requested = request_fetch(flows, by=request.user)
        if requested:
            text = ngettext(
                "%(count)s flow is being fetched from WISEflow. Its page shows how it ended.",
                "%(count)s flows are being fetched from WISEflow. Their pages show how it ended.",
                requested,
            )
            messages.success(request, text % {"count": intcomma(requested)})
        if running := len(flows) - requested:
            text = ngettext(
                "%(count)s flow is being fetched already.", "%(count)s flows are being fetched already.", running
            )
            messages.warning(request, text % {"count": intcomma(running)})

    @action(  # type: ignore[untyped-decorator]
        description=_("Export from WISEflow's API"),
        url_path="export-from-wiseflow",
        permissions=["pull", "view_or_change"],
        icon="move_down",
    )
    def pull(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows what would be sent; sends that, and nothing else, once it is confirmed."""
        flow = self.offered_or_404(request, object_id)
        problem = ""
        if request.method == "POST":
            assert request.user.is_authenticated  # the admin lets no one else in
            try:
                queued = pulling.pull(
                    flow, shown=request.POST.get("shown", ""), by=request.user, now=timezone.localtime()
                )
            except NotPullable as refusal:
                problem = str(NOT_PULLABLE[refusal.reason])
            else:
                messages.success(request, pulled_sentence(queued.in_progress, queued.judged.errors))
                return HttpResponseRedirect(address(queued.attempt))
        return self.pull_page(request, flow, problem)

    def pull_page(self, request: HttpRequest, flow: Flow, problem: str) -> HttpResponse:
        now = timezone.localtime()
        found: dict[str, Any] = {"reason": None}
        again = {}
        try:
            pull = pulling.read_pull(flow, now=now)
        except NotPullable as refusal:
            problem = problem or str(NOT_PULLABLE[refusal.reason])
            found["reason"] = refusal.reason
            found["may_fetch"] = refusal.reason in (Reason.NOT_FETCHED, Reason.TOO_OLD, Reason.NO_GRADES)
        else:
            rehearsal = rehearse(flow.flow_id, pull.body, None)
            sendable = sum(line.outcome is Outcome.SEND for line in rehearsal.lines)
            found |= verdicts(rehearsal) | {"pull": pull, "sendable": sendable}
            found["quota"] = quota.forecast(sendable, now=now)
            again = {"shown": pulling.digest(flow, pull, now=now)}
        return self.confirm_page(
            request,
            "admin/exports/pull.html",
            title=gettext("Export from WISEflow's API"),
            back_url=address(flow),
            again=again,
            problem=problem,
            flow=flow,
            **found,
        )

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        return super().page_context(request, row) | {
            "in_wiseflow": last_fetch_of(row) if is_offered() else None,
            "may_fetch": self.has_fetch_permission(request),
            "may_pull": self.has_pull_permission(request),
        }


def pulled_sentence(queued: int, refused: int) -> str:
    said = []
    if queued:
        text = ngettext("%(count)s grade is being sent.", "%(count)s grades are being sent.", queued)
        said.append(text % {"count": intcomma(queued)})
    if refused:
        text = ngettext("%(count)s grade was refused.", "%(count)s grades were refused.", refused)
        said.append(text % {"count": intcomma(refused)})
    return " ".join(said) or gettext("Nothing was sent: Learn has these grades already.")


def last_fetch_of(flow: Flow) -> dict[str, Any]:
    """What a flow's page says of its last fetch, and which values here are not WISEflow's."""
    known = FlowInWiseflow.objects.filter(flow=flow).first()
    if known is None:
        return {"known": None}
    return {
        "known": known,
        "is_running": known.is_being_fetched(timezone.now()),
        "failure": sentence(known.failure),
        "is_title_ours": bool(known.fetched_at) and flow.title != known.title,
        "is_end_ours": bool(known.fetched_at) and flow.assessment_ends_at != known.assessment_ends_at,
        "is_inferred": flow.synchronised_at is not None and flow.synchronised_at == known.synchronised_at,
        "marked_by": marked_by(flow),
    }


def in_wiseflow_of(person: Participant) -> PersonInWiseflow | None:
    """For a participant's page: what WISEflow held of them; None: nothing, or this site does not read it."""
    return PersonInWiseflow.objects.filter(participant=person).first() if is_offered() else None


def marked_by(flow: Flow) -> str:
    """Who gave the flow its date of synchronisation; empty: no one, or no one knows."""
    if flow.synchronised_at is None:
        return ""
    history: Any = flow.history
    first = history.filter(synchronised_at=flow.synchronised_at).order_by("history_date", "history_id").first()
    return str(first.history_user or "") if first else ""
