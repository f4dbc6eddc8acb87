"""Grade schemas, and creating them in Learn."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from common.spreadsheets.pages import ImportExportMixin
from common.spreadsheets.sheets import Sheet
from courses.admin.provisioning import Provisions
from courses.importing import schemas
from courses.models import GradeSchema
from courses.provisioning import Wanted


@admin.register(GradeSchema)
class GradeSchemaAdmin(ImportExportMixin, Provisions):
    list_display = ["title", "symbols", "columns", "in_learn"]
    list_filter = ["standing"]
    search_fields = ["title", "symbols"]
    identity = ("title",)

    def sheet(self) -> Sheet:
        return schemas.sheet()

    def wanted(self, queryset: QuerySet[Any], *, again: bool = False) -> Wanted:
        return Wanted(schemas=queryset, again=again)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeSchema]:
        rows: QuerySet[GradeSchema] = super().get_queryset(request)
        return rows.annotate(columns=Count("grade_columns"))

    @admin.display(description="Grade columns")
    def columns(self, schema: GradeSchema) -> SafeString:
        return self.columns_link(schema)
