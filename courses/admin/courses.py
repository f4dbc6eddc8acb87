"""Courses: administrators keep them, managers look them up."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from courses.admin.base import LearnAdmin
from courses.models import Course


@admin.register(Course)
class CourseAdmin(LearnAdmin):
    list_display = ["course_id", "title", "experience", "columns"]
    list_filter = ["experience"]
    search_fields = ["course_id", "title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Course]:
        courses: QuerySet[Course] = super().get_queryset(request)
        return courses.annotate(columns=Count("grade_columns"))

    @admin.display(description="Grade columns")
    def columns(self, course: Course) -> SafeString:
        return self.columns_link(course)
