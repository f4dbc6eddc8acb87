"""Courses: administrators keep them, managers look them up."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.admin.columns import columns_link
from courses.admin.in_progress import KeepsIdentity, LocksWhileProvisioning
from courses.admin.lookalikes import warn_of_lookalike
from courses.models import Course, Provisioned
from courses.models.lookalikes import course_warning


class CourseForm(KeepsIdentity):
    kept = ("course_id",)


class CourseAdmin(LocksWhileProvisioning):
    """Registered by `exports`, which knows what delivered grades lock."""

    form = CourseForm
    list_display = ["course_id", "title", "experience", "columns"]
    list_filter = ["experience"]
    search_fields = ["course_id", "title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Course]:
        courses: QuerySet[Course] = super().get_queryset(request)
        return courses.annotate(columns=Count("grade_columns"))

    def save_model(self, request: HttpRequest, obj: Course, form: Any, change: bool) -> None:
        """What GradeBridge has created is in the course of the old id."""
        super().save_model(request, obj, form, change)
        if change and "course_id" in form.changed_data and forget_all_in(obj):
            messages.warning(
                request,
                gettext(
                    "The course id is that of another course in Learn now. GradeBridge treats the columns and metadata "
                    "of this course as not yet created in Learn."
                ),
            )
        if not change or "course_id" in form.changed_data:
            names = Course.objects.values_list("course_id", flat=True)
            warn_of_lookalike(request, obj.course_id, names, course_warning)

    @admin.display(description=_("Grade columns"))
    def columns(self, course: Course) -> SafeString:
        return columns_link(course)


def forget_all_in(course: Course) -> int:
    """Take nothing in the course for provisioned. Returns how many rows have changed."""
    known = {"status": Provisioned.Status.NOT_PROVISIONED}
    unknown: dict[str, Any] = known | {"provisioned_at": None, "provisioning_reason": {}}
    columns = course.grade_columns.exclude(**known).update(**unknown, external_set_at=None, external_reason={})
    return columns + course.enrolment_metadata.exclude(**known).update(**unknown)
