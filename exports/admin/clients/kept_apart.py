"""What only integrators change: who decides where grades go sees it, and changes nothing of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from common.admin.base import BaseAdmin
from exports.roles import is_kept_apart


class KeptApart(BaseAdmin):
    """The admin of API clients and of request profiles."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and not is_kept_apart(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and not is_kept_apart(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and not is_kept_apart(request.user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Who has both roles reads why one of them does not count."""
        if super().has_change_permission(request) and is_kept_apart(request.user):
            text = gettext(
                "You may also change flows or columns, so you cannot change who calls the API: that takes two people. "
                "Ask whoever manages the accounts to take one of the two roles from you."
            )
            messages.info(request, text)
        return super().changelist_view(request, extra_context)
