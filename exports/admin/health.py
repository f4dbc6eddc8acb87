"""Mapping health: which flows' grades would be refused, and where to repair that before the exam day."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from exports.mapping import health
from exports.models import Flow

FLOWS_CHECKED = 100  # on one page: what is not shown is not looked at, so that many flows take no longer


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
        **admin.site.each_context(request),
        "title": "Mapping health",
        "health": found,
        "only_errors": only_errors,
        "finished": Flow.objects.count() - page.paginator.count,
        "flows": flows,
        "page": page,
    }
    return TemplateResponse(request, "admin/exports/health.html", context)
