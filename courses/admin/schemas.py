"""Grade schemas, and creating them in Learn."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from common.spreadsheets.pages import ImportExportMixin
from common.spreadsheets.sheets import Sheet
from courses.admin.columns import columns_link
from courses.admin.provisioning import Provisions
from courses.importing.schemas import SchemaSheet
from courses.models import GradeSchema
from courses.provisioning import ProvisioningRequest


@admin.register(GradeSchema)
class GradeSchemaAdmin(ImportExportMixin, Provisions):
    list_display = ["title", "symbols", "columns", "in_learn"]
    list_filter = ["status"]
    search_fields = ["title", "symbols"]
    identity = ("title",)

    def sheet(self) -> Sheet:
        return SchemaSheet()

    def provisioning_request(self, queryset: QuerySet[Any], *, again: bool = False) -> ProvisioningRequest:
        return ProvisioningRequest(schemas=queryset, again=again)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeSchema]:
        rows: QuerySet[GradeSchema] = super().get_queryset(request)
        return rows.annotate(columns=Count("grade_columns"))

    @admin.display(description=_("Grade columns"))
    def columns(self, schema: GradeSchema) -> SafeString:
        return columns_link(schema)
