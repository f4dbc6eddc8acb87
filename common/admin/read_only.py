"""What every page of history has in common: it is read, and nothing else."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from common.admin.addresses import GuardsAddresses


class HistoryAdmin(GuardsAddresses):
    """Nobody adds, changes or deletes history, whatever their permissions."""

    list_per_page = 50
    show_full_result_count = False  # would count the whole table beside the filtered rows
    sortable_by = ()  # newest first is what the indexes serve

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"show_history": False} | (extra_context or {})  # of edits: there are none
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
