"""Grade columns and gradable items, and creating them in Learn."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from common.admin.cells import status_cell
from courses.admin.provisioning import Provisions
from courses.models import GradeColumn
from courses.provisioning import Wanted


class GradeColumnAdmin(Provisions):
    """Registered by `exports`, which know what delivered grades lock."""

    list_display = ["name", "course", "item_type", "points", "grade_schema", "external", "in_learn"]
    list_filter = ["standing", "item_type", "course__experience", "is_external_grade"]
    search_fields = ["name", "course__course_id", "course__title"]
    linked_by = ("course", "grade_schema")
    autocomplete_fields = ["course", "grade_schema"]
    identity = ("course", "name")
    fieldsets = [
        (
            None,
            {"fields": ["course", "name", "item_type", "points", "grade_schema", "mapping", "is_external_grade"]},
        ),
        (
            "The item that students see",
            {
                "description": "Used once, when the item is created in Learn. A column alone needs none of it.",
                "fields": [
                    "instructions",
                    "content_area_name",
                    "available",
                    "start_date",
                    "end_date",
                    "due_date",
                    "attempts",
                    "anonymous",
                    "group",
                ],
            },
        ),
        ("Original courses only", {"fields": ["color", "tracked", "sequence_num"]}),
        ("For the student system", {"fields": ["extract", "optional_data"]}),
    ]

    def wanted(self, queryset: QuerySet[Any], *, again: bool = False) -> Wanted:
        return Wanted.again_by_name(queryset) if again else Wanted.with_all_they_need(queryset)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeColumn]:
        columns: QuerySet[GradeColumn] = super().get_queryset(request)
        return columns.select_related("course", "grade_schema")  # also for the choices of other pages

    @admin.display(description="External grade", ordering="is_external_grade")
    def external(self, column: GradeColumn) -> str:
        if not column.is_external_grade:
            return ""
        return status_cell(
            "Set" if column.external_set_at else "Not set yet", column.external_set_at, column.external_message
        )
