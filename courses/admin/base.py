"""What the pages of all that is Learn's have in common."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.history.pages import ShowsChanges
from courses.models import Course, GradeSchema


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
