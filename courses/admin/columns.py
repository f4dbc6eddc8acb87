"""Grade columns and gradable items, and creating them in Learn."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import status_cell
from courses.admin.lookalikes import warn_of_lookalike
from courses.admin.provisioning import Provisions
from courses.models import Course, GradeColumn, GradeSchema
from courses.models.lookalikes import column_warning
from courses.provisioning import ProvisioningRequest


def columns_link(row: Course | GradeSchema) -> SafeString:
    """`row` has its grade columns counted as `columns`."""
    return format_html(
        '<a class="gb-link" href="{}?{}={}">{}</a>',
        reverse("admin:courses_gradecolumn_changelist"),
        "course__exact" if isinstance(row, Course) else "grade_schema__exact",
        row.pk,
        getattr(row, "columns"),  # noqa: B009  annotated
    )


class GradeColumnAdmin(Provisions):
    """Registered by `exports`, which knows what delivered grades lock."""

    list_display = ["name", "course", "item_type", "points", "grade_schema", "external", "in_learn"]
    list_filter = ["status", "item_type", "course__experience", "is_external_grade"]
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
            _("The item that students see"),
            {
                "description": _(
                    "Used once, when the item is created in Learn. A column without an item needs none of it."
                ),
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
        (_("Original courses only"), {"fields": ["color", "tracked", "sequence_num"]}),
        (_("For the student system"), {"fields": ["extract", "optional_data"]}),
    ]

    def provisioning_request(self, queryset: QuerySet[Any], *, again: bool = False) -> ProvisioningRequest:
        return (
            ProvisioningRequest.again_by_name(queryset) if again else ProvisioningRequest.with_all_they_need(queryset)
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeColumn]:
        columns: QuerySet[GradeColumn] = super().get_queryset(request)
        return columns.select_related("course", "grade_schema")  # also for the choices of other pages

    def save_model(self, request: HttpRequest, obj: GradeColumn, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or not set(self.identity).isdisjoint(form.changed_data):
            names = obj.course.grade_columns.values_list("name", flat=True)
            warn_of_lookalike(request, obj.name, names, partial(column_warning, str(obj.course)))

    @admin.display(description=_("External grade"), ordering="is_external_grade")
    def external(self, column: GradeColumn) -> str:
        if not column.is_external_grade:
            return ""
        return status_cell(
            gettext("Set") if column.external_set_at else gettext("Not set yet"),
            column.external_set_at,
            column.external_message,
        )
