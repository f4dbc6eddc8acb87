"""Enrolment metadata, and setting it in Learn."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from common.spreadsheets.pages import ImportExportMixin
from common.spreadsheets.sheets import Sheet
from courses.admin.provisioning import Provisions
from courses.importing.metadata import MetadataSheet
from courses.models import EnrolmentMetadata
from courses.provisioning import ProvisioningRequest


@admin.register(EnrolmentMetadata)
class EnrolmentMetadataAdmin(ImportExportMixin, Provisions):
    list_display = ["user_id", "course", "optional_data", "in_learn"]
    list_filter = ["status"]
    list_select_related = ["course"]
    search_fields = ["user_id", "course__course_id", "course__title"]
    autocomplete_fields = ["course"]
    identity = ("course", "user_id", "optional_data")
    actions_detail = ["provision_row"]  # to set it again leaves Learn as it was

    def sheet(self) -> Sheet:
        return MetadataSheet()

    def provisioning_request(self, queryset: QuerySet[Any], *, again: bool = False) -> ProvisioningRequest:
        return ProvisioningRequest(metadata=queryset, again=again)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnrolmentMetadata]:
        rows: QuerySet[EnrolmentMetadata] = super().get_queryset(request)
        return rows.select_related("course")
