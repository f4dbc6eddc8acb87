"""Mapping health: which flows' grades would be refused, and where to repair that before the exam day."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from common.admin.base import site_page
from exports.admin.mapping.learn_checks import overview
from exports.mapping import health
from exports.models import Flow

FLOWS_CHECKED = 100  # on one page: others are not checked, so that many flows take no longer


@permission_required("exports.view_flow", raise_exception=True)
def mapping_health(request: HttpRequest) -> HttpResponse:
    page = Paginator(health.unfinished(Flow.objects.order_by("-pk")), FLOWS_CHECKED).get_page(request.GET.get("p"))
    found = health.check(Flow.objects.filter(pk__in=[flow.pk for flow in page]).order_by("-pk"))
    only_errors = request.GET.get("only") == "errors"
    flows = [
        (flow, shown)
        for flow, problems in found.by_flow
        if (shown := [problem for problem in problems if problem.is_error or not only_errors])
    ]
    context: dict[str, Any] = {
        "health": found,
        "clients": health.check_clients(),
        "may_see_clients": request.user.has_perm("exports.view_apiclient"),
        "only_errors": only_errors,
        "finished": Flow.objects.count() - page.paginator.count,
        "flows": flows,
        "page": page,
        "in_learn": overview(request, only_errors=only_errors),
    }
    return site_page(request, "admin/exports/health.html", title=_("Mapping health"), **context)
