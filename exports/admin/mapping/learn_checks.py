"""*Check with Learn*: what Learn has of a flow before its exam, on pages, and the buttons that have it looked up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action

from common.admin.base import BaseAdmin
from exports import tasks
from exports.mapping.health import checking, unfinished
from exports.mapping.health.saying import Said, say, stopped_sentence
from exports.models import Flow, LearnCheck
from exports.models.learn_check import PATIENCE

PERMISSION = "exports.check_with_learn"
MAX_SHOWN = 50  # flows with findings, on the page of mapping health
MAX_ON_FLOW_PAGE = 5  # findings


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A check as pages show it. `why_not`: why the last try has not looked; empty: it has."""

    check: LearnCheck
    said: Sequence[Said]
    why_not: str
    is_awaited: bool

    @property
    def flow(self) -> Flow:
        return self.check.flow

    @property
    def more(self) -> int:
        """Findings that the flow's own page leaves out."""
        return max(0, len(self.said) - MAX_ON_FLOW_PAGE)

    @property
    def first(self) -> Sequence[Said]:
        return self.said[:MAX_ON_FLOW_PAGE]


def shown(checks: Collection[LearnCheck], now: datetime) -> list[Shown]:
    said = say(checks)
    return [
        Shown(
            check=check,
            said=said[check.flow_id],
            why_not=stopped_sentence(check.problem),
            is_awaited=check.is_awaited(now),
        )
        for check in checks
    ]


def shown_of(flow: Flow) -> Shown | None:
    """None: no one has ever requested a check of it."""
    return next(iter(shown(LearnCheck.objects.filter(flow=flow).select_related("flow"), timezone.now())), None)


def may_adopt(request: HttpRequest) -> bool:
    return request.user.has_perm("courses.change_gradecolumn")


class ChecksWithLearn(BaseAdmin):
    """The flows' admin."""

    def has_check_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm(PERMISSION)

    @action(  # type: ignore[untyped-decorator]
        description=_("Check with Learn"),
        url_path="check-with-learn",
        permissions=["check", "view_or_change"],
        icon="travel_explore",
    )
    def check_with_learn(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET shows what was found; POST has a worker look again, and the page shows when it has."""
        flow = self.row_or_404(request, object_id)
        if request.method == "POST":
            tasks.request_check_with_learn([flow.pk])
            return HttpResponseRedirect(reverse("admin:exports_flow_check_with_learn", args=[flow.pk]))
        return self.page(
            request,
            "admin/exports/learn_check_page.html",
            title=gettext("Check with Learn"),
            original=flow,
            learn_check=shown_of(flow),
            may_adopt=may_adopt(request),
        )

    @admin.action(description=_("Check with Learn"), permissions=["check"])
    def check_chosen_with_learn(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse:
        chosen = list(queryset.order_by().values_list("pk", flat=True))
        tasks.request_check_with_learn(chosen)
        say_requested(request, len(chosen))
        return HttpResponseRedirect(f"{reverse('mapping-health')}#in-learn")

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        return super().page_context(request, row) | {"learn_check": shown_of(row), "may_adopt": may_adopt(request)}


def say_requested(request: HttpRequest, flows: int) -> None:
    if not flows:
        messages.info(request, gettext("No flow ends within 14 days. Nothing is checked."))
        return
    text = ngettext(
        "%(count)s flow is being checked with Learn. What is found is shown here.",
        "%(count)s flows are being checked with Learn. What is found is shown here.",
        flows,
    )
    messages.success(request, text % {"count": intcomma(flows)})


@require_POST
@permission_required(["exports.view_flow", PERMISSION], raise_exception=True)
def check_all_with_learn(request: HttpRequest) -> HttpResponse:
    """Have all flows looked up that end within 14 days."""
    flows = list(checking.ending_soon(timezone.now()).values_list("pk", flat=True))
    tasks.request_check_with_learn(flows)
    say_requested(request, len(flows))
    return HttpResponseRedirect(f"{reverse('mapping-health')}#in-learn")


def overview(request: HttpRequest, *, only_errors: bool) -> dict[str, Any]:
    """What the page of mapping health says about Learn: how far the flows that end soon are, and all that was found."""
    now = timezone.now()
    soon = checking.ending_soon(now).order_by()
    looked_at = Q(checked_at__isnull=False, flow__in=soon)
    numbers = LearnCheck.objects.aggregate(
        checked=Count("pk", filter=looked_at),
        with_errors=Count("pk", filter=looked_at & Q(errors__gt=0)),
        awaited=Count("pk", filter=Q(requested_at__gt=now - PATIENCE)),
    )
    something = (
        Q(errors__gt=0) if only_errors else Q(errors__gt=0) | Q(warnings__gt=0) | Q(notes__gt=0) | ~Q(problem={})
    )
    found = LearnCheck.objects.filter(something, flow__in=unfinished(Flow.objects.order_by()))
    listed = list(found.select_related("flow").order_by("flow__assessment_ends_at", "flow")[: MAX_SHOWN + 1])
    ending = soon.count()
    return {
        "ending": ending,
        "with_errors": numbers["with_errors"],
        "without_errors": numbers["checked"] - numbers["with_errors"],
        "not_checked": ending - numbers["checked"],
        "checks": shown(listed[:MAX_SHOWN], now),
        "more_checks": found.count() - MAX_SHOWN if len(listed) > MAX_SHOWN else 0,
        "awaited": numbers["awaited"],
        "may_check": request.user.has_perm(PERMISSION),
        "may_adopt": may_adopt(request),
    }
