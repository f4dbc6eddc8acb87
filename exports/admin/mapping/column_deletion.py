"""Deleting a grade column in Learn: the name is typed, and delivered grades are not lost without a confirmation."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.cells import address
from common.signing_in.recent import recently_signed_in
from courses.admin.provisioning import Provisions
from courses.models import GradeColumn
from exports.mapping import deleting
from exports.models import GradeInLearn


class DeletesInLearn(Provisions):
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
        may_delete_graded, problem = request.user.has_perm("courses.delete_graded_column"), ""
        if request.method == "POST":
            try:
                run = deleting.delete_in_learn(
                    column,
                    typed_name=request.POST.get("name", ""),
                    although_graded=may_delete_graded and request.POST.get("although_graded") == "yes",
                    by=request.user,
                )
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
            content=deleting.content_of(column),
            may_delete_graded=may_delete_graded,
        )

    def offers(self, request: HttpRequest, row: Any, button: str) -> bool:
        return may_be_in_learn(row) if button == "delete_in_learn" else super().offers(request, row, button)

    def take_out(self, request: HttpRequest, rows: QuerySet[Any]) -> int:
        """What was delivered to a column that is not in Learn counts as failed, as after a deletion in GradeBridge."""
        if not request.user.has_perm("courses.delete_graded_column"):
            raise PermissionDenied
        return deleting.mark_as_not_in_learn(rows)


def may_be_in_learn(column: GradeColumn) -> bool:
    """Made by hand and never marked, a column is known to be in Learn by the grades in it."""
    if column.status in (GradeColumn.Status.NOT_PROVISIONED, GradeColumn.Status.FAILED):
        return GradeInLearn.objects.in_columns([column]).exists()
    return column.takes_grades
