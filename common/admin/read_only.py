"""What every page of history has in common: it is read, and nothing else."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from common.admin.base import BaseAdmin


class HistoryAdmin(BaseAdmin):
    """No one adds, changes or deletes history, whatever their permissions."""

    list_per_page = 50
    show_full_result_count = False  # would count the whole table beside the filtered rows
    sortable_by: Sequence[str] = ()  # newest first is what the indexes serve

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"show_history": False}  # of edits: there are none

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WatchedAdmin(HistoryAdmin):
    """What runs for a while, until `finished_at`: its page renews a part of itself as long as it does."""

    def change_page(self, request: HttpRequest, row: Any, *args: Any) -> HttpResponse:
        response = super().change_page(request, row, *args)
        if row and row.finished_at and "HX-Request" in request.headers:
            response["HX-Refresh"] = "true"  # the page was watching it run: show it whole
        return response
