"""Mapping health: which flows' grades would be refused, and where to repair that before the exam day."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from exports import checking
from exports.models import Flow

FLOWS_SHOWN = 50  # on one page


@permission_required("exports.view_flow", raise_exception=True)
def mapping_health(request: HttpRequest) -> HttpResponse:
    health = checking.check(Flow.objects.order_by("-pk"))
    only_errors = request.GET.get("only") == "errors"
    flows = [
        (flow, shown)
        for flow, problems in health.by_flow
        if (shown := [problem for problem in problems if problem.is_error or not only_errors])
    ]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Mapping health",
        "health": health,
        "only_errors": only_errors,
        "page": Paginator(flows, FLOWS_SHOWN).get_page(request.GET.get("p")),
    }
    return TemplateResponse(request, "admin/exports/health.html", context)
