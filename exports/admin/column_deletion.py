"""Deleting a grade column in Learn: the name is typed, and delivered grades are not lost unasked."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from common.admin.cells import address
from courses.admin.provisioning import Provisions
from courses.models import mark_as_not_in_learn
from exports.mapping import deleting

PAGE = "courses_gradecolumn_delete_in_learn"


class DeletesInLearn(Provisions):
    """The grade columns' admin."""

    def delete_in_learn_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        column = self.row_to_provision(request, pk)
        assert isinstance(request.user, User)
        may_delete_graded = request.user.has_perm("courses.delete_graded_column")
        context = {
            **self.admin_site.each_context(request),
            "title": "Delete in Learn",
            "opts": self.opts,
            "row": column,
            "name": column.name,
            "content": deleting.content_of(column),
            "may_delete_graded": may_delete_graded,
            "back_url": address(column),
        }
        if request.method == "POST":
            try:
                run = deleting.delete_in_learn(
                    column,
                    typed_name=request.POST.get("name", ""),
                    although_graded=may_delete_graded and request.POST.get("although_graded") == "yes",
                    by=request.user,
                )
            except deleting.DeletionRefused as refused:
                context["problem"] = str(refused)
            else:
                return HttpResponseRedirect(address(run))
        status = 422 if "problem" in context else 200
        return TemplateResponse(request, "admin/exports/delete_in_learn.html", context, status=status)

    def mark_rows(self, request: HttpRequest, rows: QuerySet[Any], mark: Callable[[QuerySet[Any]], int]) -> int:
        """What was delivered to a column that is not in Learn counts as failed, as after a deletion from here."""
        if mark is not mark_as_not_in_learn:
            return super().mark_rows(request, rows, mark)
        if not request.user.has_perm("courses.delete_graded_column"):
            raise PermissionDenied
        return deleting.mark_as_not_in_learn(rows)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.delete_in_learn_page)
        return [path("<int:pk>/delete-in-learn/", page, name=PAGE), *super().get_urls()]

    def standing_of(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().standing_of(row, request)
        may_delete = request.user.has_perm("courses.provision") and row.takes_grades
        return context | {"deletion_url": reverse(f"admin:{PAGE}", args=[row.pk]) if may_delete else ""}
