"""Learn's courses, grade columns and grade schemas: administrators keep them, managers look them up."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from courses.change_pages import ShowsChanges
from courses.models import Course, GradeColumn, GradeSchema


class LearnAdmin(ShowsChanges):
    """What grades depend on is protected: a page says what to remove first."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    delete_confirmation_template = "admin/courses/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/courses/delete_selected_confirmation.html"

    def columns_link(self, row: Course | GradeSchema) -> SafeString:
        """`row` has its grade columns counted as `columns`."""
        return format_html(
            '<a class="gb-link" href="{}?{}={}">{}</a>',
            reverse("admin:courses_gradecolumn_changelist"),
            "course__exact" if isinstance(row, Course) else "grade_schema__exact",
            row.pk,
            getattr(row, "columns"),  # noqa: B009  annotated
        )


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


@admin.register(GradeColumn)
class GradeColumnAdmin(LearnAdmin):
    list_display = ["name", "course", "item_type", "points", "grade_schema"]
    list_filter = ["item_type", "course__experience"]
    search_fields = ["name", "course__course_id", "course__title"]
    autocomplete_fields = ["course", "grade_schema"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeColumn]:
        columns: QuerySet[GradeColumn] = super().get_queryset(request)
        return columns.select_related("course", "grade_schema")  # also for the choices of other pages


@admin.register(GradeSchema)
class GradeSchemaAdmin(LearnAdmin):
    list_display = ["title", "symbols", "columns"]
    search_fields = ["title", "symbols"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GradeSchema]:
        schemas: QuerySet[GradeSchema] = super().get_queryset(request)
        return schemas.annotate(columns=Count("grade_columns"))

    @admin.display(description="Grade columns")
    def columns(self, schema: GradeSchema) -> SafeString:
        return self.columns_link(schema)
