"""Courses and grade columns, with what only exports know: places that are locked by delivered grades."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse

from courses.admin.columns import GradeColumnAdmin
from courses.admin.courses import CourseAdmin, CourseForm
from courses.admin.in_progress import KeepsIdentity
from courses.models import ColumnReading, Course, GradeColumn
from exports.admin.desk.proof import proof_summary
from exports.admin.grades.proving import ProvesInBackground, may_prove
from exports.admin.mapping.adoption import AdoptsFromLearn
from exports.admin.mapping.column_deletion import DeletesInLearn
from exports.admin.mapping.mapping_lock import KeepsPlaces, LocksPlaces
from exports.mapping import rescaling
from exports.mapping.health import errors_of
from exports.models import ColumnMapping, GradeInLearn, Translation
from exports.proving.background import COLUMN


class LockedCourseForm(KeepsPlaces, CourseForm):
    places = ("course_id",)


class LockedGradeColumnForm(KeepsPlaces, KeepsIdentity):
    places = ("course", "name")


@admin.register(Course)
class LockedCourseAdmin(LocksPlaces, CourseAdmin):
    form = LockedCourseForm


@admin.register(GradeColumn)
class LockedGradeColumnAdmin(LocksPlaces, AdoptsFromLearn, DeletesInLearn, ProvesInBackground, GradeColumnAdmin):
    form = LockedGradeColumnForm
    actions_detail = [*GradeColumnAdmin.actions_detail, "adopt", "delete_in_learn", "not_in_learn", "prove", "proving"]
    unlinked = (*GradeColumnAdmin.unlinked, "prove", "proving")
    proves = COLUMN
    change_form_outer_after_template = "admin/exports/column_proof.html"

    def page_context(self, request: HttpRequest, row: GradeColumn) -> dict[str, Any]:
        """How much of what is in the column is proven, for who may see grades."""
        context = super().page_context(request, row)
        if not request.user.has_perm("exports.view_gradeinlearn"):
            return context
        grades = GradeInLearn.objects.in_column(row)
        url = reverse("admin:courses_gradecolumn_prove", args=[row.pk]) if may_prove(request) else ""
        last = ColumnReading.objects.filter(course_id=row.course.course_id, column_name=row.name).first()
        proof = {
            "proof_summary": proof_summary(grades, **self.proof_filters(row)),
            "prove_url": url,
            "last_reading": last,
        }
        return context | proof

    def proof_filters(self, row: GradeColumn) -> dict[str, Any]:
        return {"column": row.pk}

    def save_model(self, request: HttpRequest, obj: GradeColumn, form: Any, change: bool) -> None:
        """Values that the column cannot show with its new points or schema are saved all the same: it may follow."""
        super().save_model(request, obj, form, change)
        if change and not set(rescaling.FIELDS).isdisjoint(form.changed_data):
            translations = Translation.objects.filter(column_mappings__grade_column=obj).distinct()
            used = translations.prefetch_related("grades")
            for sentence in errors_of(ColumnMapping(grade_column=obj, translation=each) for each in used):
                messages.warning(request, sentence)
