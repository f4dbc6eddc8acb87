"""The files of mappings, rosters and translations, and of who has failed, in the admin."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify
from unfold.admin import ModelAdmin
from unfold.decorators import action

from common.admin.cells import address
from common.spreadsheets.pages import ImportExportMixin, attachment, download, import_page, may
from common.spreadsheets.sheets import Sheet
from exports.grades.causes import Cause
from exports.importing import mappings, rosters, translations
from exports.models import Flow, Participant
from exports.models.participant import ParticipantQuerySet


class MappingFilesMixin(ImportExportMixin):
    """The flows' admin: the mappings of all flows or of those selected, and the roster of one.

    `FILE_ACTIONS` are to be among its actions.
    """

    FILE_ACTIONS = ("export_selected_csv", "export_selected_xlsx")
    actions_detail = [
        {"title": "Roster", "icon": "group", "items": ["import_roster", "export_roster_csv", "export_roster_xlsx"]}
    ]

    def sheet(self) -> Sheet:
        return mappings.sheet()

    @admin.action(description="Export column mappings as CSV", permissions=["download"])
    def export_selected_csv(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse:
        return download(request, mappings.sheet(set(queryset.values_list("pk", flat=True))), "csv")

    @admin.action(description="Export column mappings as Excel", permissions=["download"])
    def export_selected_xlsx(self, request: HttpRequest, queryset: QuerySet[Flow]) -> HttpResponse:
        return download(request, mappings.sheet(set(queryset.values_list("pk", flat=True))), "xlsx")

    def has_import_roster_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may(request, rosters.sheet(Flow()), "add", "change")

    def has_see_roster_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may(request, rosters.sheet(Flow()), "view") and request.user.has_perm("exports.view_participant")

    def export_roster(self, request: HttpRequest, object_id: str, ending: str) -> HttpResponse:
        flow, sheet = self.roster_of(request, object_id)
        return download(request, sheet, ending, name=slugify(f"roster-{flow.flow_id}"))

    def roster_of(self, request: HttpRequest, object_id: str) -> tuple[Flow, Sheet]:
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            raise Http404
        return flow, rosters.sheet(flow)

    @action(description="Import a roster", url_path="roster/import", permissions=["import_roster"], icon="upload")  # type: ignore[untyped-decorator]
    def import_roster(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow, sheet = self.roster_of(request, object_id)
        title = f"Import the roster of flow {flow}"
        return import_page(request, sheet, of=self, title=title, back_url=address(flow))

    @action(description="Export as CSV", url_path="roster/export.csv", permissions=["see_roster"], icon="download")  # type: ignore[untyped-decorator]
    def export_roster_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.export_roster(request, object_id, "csv")

    @action(description="Export as Excel", url_path="roster/export.xlsx", permissions=["see_roster"], icon="download")  # type: ignore[untyped-decorator]
    def export_roster_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.export_roster(request, object_id, "xlsx")


class TranslationFilesMixin(ImportExportMixin):
    """The translations' admin."""

    def sheet(self) -> Sheet:
        return translations.sheet()


class ExportFailedMixin(ModelAdmin):  # type: ignore[misc]
    """The participants' admin: who has failed among those selected, and why. `FILE_ACTIONS` are to be its actions."""

    FILE_ACTIONS = ("export_failed",)

    @admin.action(description="Export the failed as CSV", permissions=["view"])
    def export_failed(self, request: HttpRequest, queryset: ParticipantQuerySet) -> HttpResponse:
        failed = queryset.failed().prefetch_related(None)
        people = failed.select_related("flow").order_by("flow__flow_id", "user_id")
        return attachment("failed-grades", "csv", FAILED_COLUMNS, map(failed_row, people.iterator()))


FAILED_COLUMNS = (
    "flow_id",
    "flow_title",
    "user_id",
    "learn_user_id",
    "source_code",
    "mark",
    "alternative_grade",
    "cause",
    "reason",
    "what_to_do",
)


def failed_row(person: Participant) -> tuple[str, ...]:
    cause = Cause(person.cause)
    return (
        person.flow.flow_id,
        person.flow.title,
        person.user_id,
        person.learn_user_id,
        person.cause_source_code or person.source_names,
        person.mark,
        person.alternative_grade,
        cause.value,
        cause.sentence(person.detail),
        cause.guidance.what_to_do,
    )
