"""Courses: administrators keep them, managers look them up."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from courses.admin.under_way import KeepsUnderWay
from courses.models import Course, Provisioned


class CourseAdmin(KeepsUnderWay):
    """Registered by `exports`, which know what delivered grades lock."""

    kept = ("course_id",)
    list_display = ["course_id", "title", "experience", "columns"]
    list_filter = ["experience"]
    search_fields = ["course_id", "title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Course]:
        courses: QuerySet[Course] = super().get_queryset(request)
        return courses.annotate(columns=Count("grade_columns"))

    def save_model(self, request: HttpRequest, obj: Course, form: Any, change: bool) -> None:
        """What GradeBridge has created stands in the course of the old id."""
        super().save_model(request, obj, form, change)
        if change and "course_id" in form.changed_data and forget_all_in(obj):
            text = "It is another course in Learn now, so its columns and metadata count as not provisioned."
            messages.warning(request, text)

    @admin.display(description="Grade columns")
    def columns(self, course: Course) -> SafeString:
        return self.columns_link(course)


def forget_all_in(course: Course) -> int:
    """Take nothing in the course for provisioned. Returns of how many rows that was said."""
    known = {"standing": Provisioned.Standing.NOT_PROVISIONED}
    unknown = known | {"provisioned_at": None, "provisioning_message": ""}
    columns = course.grade_columns.exclude(**known).update(**unknown, external_set_at=None, external_message="")
    return columns + course.enrolment_metadata.exclude(**known).update(**unknown)
