"""Evidence of an exam: the page that makes it, the page to print, and the register of all that was made."""

from typing import Any

from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import Truncator, slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.cells import link
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from exports.evidence.columns import Part
from exports.evidence.making import collected, make
from exports.evidence.showing import SHOWN, TITLES, shown_rows
from exports.models import Evidence, Flow

MAX_PRINTED = 1_000  # people on the page to print
LATEST = 20  # lines of the register on a flow's page
MAX_CHARACTERS = 60  # of a flow's title in a cell
ALLOWED = ("exports.make_evidence", "exports.view_flow", "exports.view_participant", "exports.view_gradeinlearn")


class MakesEvidence(BaseAdmin):
    """The flows' admin: *Evidence* on the page of a flow."""

    unlinked: tuple[str, ...] = ("print_evidence",)

    def has_make_evidence_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perms(ALLOWED)

    @action(description=_("Evidence"), url_path="evidence", permissions=["make_evidence"], icon="verified")  # type: ignore[untyped-decorator]
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        """GET shows what was made; POST makes a file, and a line in the register."""
        flow = self.row_or_404(request, object_id)
        if request.method == "POST":
            return download(request, flow)
        people = flow.participants.count()
        made = flow.evidence.select_related("made_by").defer("row_digests")[: LATEST + 1]
        return self.page(
            request,
            "admin/exports/evidence/flow.html",
            title=gettext("Evidence of flow %(flow)s") % {"flow": flow},
            flow=flow,
            summary=summary_of(flow),
            formats=Evidence.Format,
            made=made[:LATEST],
            has_more=len(made) > LATEST,
            register=f"{reverse('admin:exports_evidence_changelist')}?flow__exact={flow.pk}",
            to_print=reverse("admin:exports_flow_print_evidence", args=[flow.pk]),
            people=people,
            may_print=people <= MAX_PRINTED,
            max_printed=MAX_PRINTED,
        )

    @action(url_path="evidence/print", permissions=["make_evidence"])  # type: ignore[untyped-decorator]
    def print_evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same as a page for paper. It enters nothing in the register."""
        flow = self.row_or_404(request, object_id)
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        context: dict[str, Any] = {"flow": flow, "people": flow.participants.count(), "max_printed": MAX_PRINTED}
        if context["people"] <= MAX_PRINTED:
            assert request.user.is_authenticated  # the admin lets no one else in
            with collected(flow, by=request.user) as (head, contents):
                context["items"] = head.items()
                context["tables"] = [
                    {
                        "part": part,
                        "title": TITLES[part],
                        "columns": SHOWN[part],
                        "rows": list(shown_rows(part, contents)),
                    }
                    for part in Part
                ]
        return TemplateResponse(request, "admin/exports/evidence/printed.html", context)


def summary_of(flow: Flow) -> list[tuple[str, int]]:
    """The counts that pages show; the files count again, as of the moment that they show."""
    return [
        (gettext("Expected"), flow.expected_count),
        (gettext("Delivered"), flow.exported_count),
        (gettext("Failed"), flow.failed_count),
        (gettext("In progress"), flow.queued_count),
        (gettext("Missing"), flow.missing_count),
    ]


def download(request: HttpRequest, flow: Flow) -> HttpResponse | FileResponse:
    chosen = request.POST.get("format", "")
    if chosen not in Evidence.Format.values:
        return HttpResponseBadRequest(gettext("Choose PDF, CSV or XLSX."))
    assert request.user.is_authenticated  # the admin lets no one else in
    evidence, file = make(flow, Evidence.Format(chosen), by=request.user)
    name = slugify(f"evidence-{flow.flow_id}-{evidence.made_at:%Y-%m-%d}-{evidence.reference}")
    return FileResponse(file, as_attachment=True, filename=f"{name}.{chosen.lower()}")


@admin.register(Evidence)
class EvidenceAdmin(HistoryAdmin):
    """The register."""

    list_display = ["reference", "of_flow", "format", "rows", "made_at", "made_by", "short_checksum"]
    list_filter = ["format", ("flow", LinkedRowFilter)]
    list_select_related = ["flow", "made_by"]
    search_fields = ["reference", "sha256", "flow__flow_id"]
    search_help_text = _("Reference, checksum of the file or flow id")
    fields = ["reference", "of_flow", "format", "rows", "made_at", "made_by", "sha256", "checksum"]
    readonly_fields = ["of_flow"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("row_digests")

    @admin.display(description=_("Flow"))
    def of_flow(self, evidence: Evidence) -> str:
        return link(evidence.flow, Truncator(evidence.flow).chars(MAX_CHARACTERS))

    @admin.display(description=_("Checksum of the file"))
    def short_checksum(self, evidence: Evidence) -> str:
        return f"{evidence.sha256[:16]}…"
