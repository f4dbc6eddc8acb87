"""The files of mappings and rosters in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address
from common.spreadsheets.pages import ImportExportMixin, download, import_page, may
from common.spreadsheets.sheets import Sheet
from exports.importing.mappings import MappingSheet
from exports.importing.rosters import RosterSheet
from exports.models import Flow


class MappingFilesMixin(ImportExportMixin):
    """The flows' admin: the mappings of all flows or of those selected, and the roster of one.

    `FILE_ACTIONS` are to be among its actions.
    """

    FILE_ACTIONS = ("export_selected_csv", "export_selected_xlsx")
    actions_detail: list[Any] = [
        {"title": _("Roster"), "icon": "group", "items": ["import_roster", "export_roster_csv", "export_roster_xlsx"]}
    ]

    def sheet(self) -> Sheet:
        return MappingSheet()

    @admin.action(description=_("Export column mappings as CSV"), permissions=["download"])
    def export_selected_csv(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse:
        return download(request, MappingSheet(set(queryset.values_list("pk", flat=True))), "csv")

    @admin.action(description=_("Export column mappings as Excel"), permissions=["download"])
    def export_selected_xlsx(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse:
        return download(request, MappingSheet(set(queryset.values_list("pk", flat=True))), "xlsx")

    def has_import_roster_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may(request, RosterSheet(Flow()), "add", "change")

    def has_see_roster_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may(request, RosterSheet(Flow()), "view") and request.user.has_perm("exports.view_participant")

    def export_roster(self, request: HttpRequest, object_id: str, ending: str) -> HttpResponse:
        flow, sheet = self.roster_of(request, object_id)
        return download(request, sheet, ending, name=slugify(f"roster-{flow.flow_id}"))

    def roster_of(self, request: HttpRequest, object_id: str) -> tuple[Flow, Sheet]:
        flow = self.row_or_404(request, object_id)
        return flow, RosterSheet(flow, keeps_places=True)

    @action(description=_("Import a roster"), url_path="roster/import", permissions=["import_roster"], icon="upload")  # type: ignore[untyped-decorator]
    def import_roster(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = self.row_or_404(request, object_id)
        sheet = RosterSheet(flow, replaces="replace" in request.POST, keeps_places=True)
        title = gettext("Import the roster of flow %(flow)s") % {"flow": flow}
        return import_page(request, sheet, of=self, title=title, back_url=address(flow))

    @action(description=_("Export as CSV"), url_path="roster/export.csv", permissions=["see_roster"], icon="download")  # type: ignore[untyped-decorator]
    def export_roster_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.export_roster(request, object_id, "csv")

    @action(
        description=_("Export as Excel"), url_path="roster/export.xlsx", permissions=["see_roster"], icon="download"
    )  # type: ignore[untyped-decorator]
    def export_roster_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.export_roster(request, object_id, "xlsx")
