"""Deleting a grade column in Learn: the name is typed, and delivered grades are not lost without a confirmation."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address
from common.sentences import shortlist
from common.signing_in.recent import recently_signed_in
from courses.admin.provisioning import Provisions
from courses.models import GradeColumn
from exports import exempting
from exports.admin.grades.exemptions import RequestsExemptions
from exports.mapping import deleting
from exports.models import Exemption, GradeInLearn


class DeletesInLearn(RequestsExemptions, Provisions):
    """The grade columns' admin."""

    @action(  # type: ignore[untyped-decorator]
        description=_("Delete in Learn"),
        url_path="delete-in-learn",
        permissions=["provision", "view_or_change"],
        icon="delete",
    )
    @recently_signed_in
    def delete_in_learn(self, request: HttpRequest, object_id: str) -> HttpResponse:
        column = self.row_or_404(request, object_id)
        assert isinstance(request.user, User)
        content = deleting.content_of(column)
        may_delete_graded = request.user.has_perm("courses.delete_graded_column")
        if content.holds_grades and may_delete_graded:
            typed, problem = request.POST.get("name", "").strip(), ""
            if request.method == "POST" and typed != column.name.strip():
                problem = gettext("This is not its name. Nothing was requested.")
            return self.of_column(request, column, Exemption.Kind.DELETE_COLUMN, problem=problem, content=content)
        problem = ""
        if request.method == "POST":
            try:
                name = request.POST.get("name", "")
                run = deleting.delete_in_learn(column, typed_name=name, although_graded=False, by=request.user)
            except deleting.DeletionRefused as refused:
                problem = str(refused)
            else:
                return HttpResponseRedirect(address(run))
        return self.confirm_page(
            request,
            "admin/exports/delete_in_learn.html",
            title=gettext("Delete in Learn"),
            back_url=address(column),
            problem=problem,
            row=column,
            name=column.name,
            content=content,
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Not in Learn any more"),
        url_path="not-in-learn",
        permissions=["provision", "view_or_change"],
        icon="link_off",
    )
    def not_in_learn(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Of a column with grades: requested by one person, approved by another. Others are marked in the list."""
        column = self.row_or_404(request, object_id)
        if not request.user.has_perm("courses.delete_graded_column"):
            raise PermissionDenied
        return self.of_column(request, column, Exemption.Kind.NOT_IN_LEARN)

    def of_column(
        self, request: HttpRequest, column: GradeColumn, kind: Exemption.Kind, **context: Any
    ) -> HttpResponse:
        ask, refuse = exempting.ask_for_column, exempting.refuse_column
        return self.exemption_page(request, column, kind, ask, refuse, name=column.name, **context)

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        match button:
            case "delete_in_learn":
                return may_be_in_learn(row)
            case "not_in_learn":
                may_mark = request.user.has_perm("courses.delete_graded_column")
                return may_mark and GradeInLearn.objects.in_column(row).exists()
        return super().offers(request, row, button)

    def take_out(self, request: HttpRequest, rows: QuerySet[Any]) -> int:
        """One person marks what holds no grade. Where grades are, two do, on the column's own page."""
        if not request.user.has_perm("courses.delete_graded_column"):
            raise PermissionDenied
        deleting.lock_flows(list(rows.values_list("pk", flat=True)))
        graded = [column for column in rows.select_related("course") if deleting.content_of(column).holds_grades]
        if graded:
            text = gettext(
                "Grades are in %(columns)s, so a second person must agree. Use the button “Not in Learn any more” on "
                "the page of each column."
            )
            messages.warning(request, text % {"columns": shortlist([str(column) for column in graded])})
        return deleting.mark_as_not_in_learn(rows.exclude(pk__in=[column.pk for column in graded]))


def may_be_in_learn(column: GradeColumn) -> bool:
    """Made by hand and never marked, a column is known to be in Learn by the grades in it."""
    if column.status in (GradeColumn.Status.NOT_PROVISIONED, GradeColumn.Status.FAILED):
        return GradeInLearn.objects.in_columns([column]).exists()
    return column.takes_grades
