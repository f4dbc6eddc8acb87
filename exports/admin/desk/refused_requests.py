"""Refused requests: why has this exam not arrived? Read and nothing else."""

from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link
from common.admin.read_only import HistoryAdmin
from exports.models import Flow, RefusedRequest

SHOWN = 5  # on the page of a flow


@admin.register(RefusedRequest)
class RefusedRequestAdmin(HistoryAdmin):
    list_display = ["last_at", "status", "reason", "called_by", "address", "flow_id", "request_line", "bytes", "times"]
    list_filter = ["status", "client"]
    linked_by = ("flow_id",)
    list_select_related = ["client"]
    search_fields = ["flow_id", "address"]
    search_help_text = _("Flow id or address")
    fieldsets = [
        (_("Refusal"), {"fields": ["status", "reason", ("at", "last_at"), "times"]}),
        (_("Request"), {"fields": [("called_by", "address"), "of_flow", ("request_line", "bytes")]}),
    ]
    readonly_fields = ["called_by", "of_flow", "request_line", "bytes", "times"]

    @admin.display(description=_("API client"))
    def called_by(self, refused: RefusedRequest) -> str:
        return str(refused.client) if refused.client else gettext("Not known")

    @admin.display(description=_("Flow"))
    def of_flow(self, refused: RefusedRequest) -> SafeString | str:
        flow = Flow.objects.filter(flow_id=refused.flow_id).first() if refused.flow_id else None
        return link(flow) if flow else refused.flow_id

    @admin.display(description=_("Request"))
    def request_line(self, refused: RefusedRequest) -> str:
        return f"{refused.method} {refused.path}".strip()

    @admin.display(description=_("Size"))
    def bytes(self, refused: RefusedRequest) -> str | None:
        return None if refused.size is None else filesizeformat(refused.size)

    @admin.display(description=_("Times"))
    def times(self, refused: RefusedRequest) -> str:
        return intcomma(refused.count)


def refusals_of(flow: Flow, request: HttpRequest) -> dict[str, Any]:
    """What the page of a flow shows of requests for it that were refused."""
    if not request.user.has_perm("exports.view_refusedrequest"):
        return {}
    found = list(RefusedRequest.objects.filter(flow_id=flow.flow_id).select_related("client")[: SHOWN + 1])
    return {"refusals": found[:SHOWN], "has_more_refusals": len(found) > SHOWN}
