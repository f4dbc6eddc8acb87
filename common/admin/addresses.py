"""What an address of the admin may contain. People mangle addresses, and a link may be sent to them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

ENDINGS = ("__exact", "__isnull")  # what the filters, tabs and links of the site write
MAX_NUMBER = 2**63  # beyond it no database has a number


class GuardsAddresses(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """The base of every page. A list is filtered by what its own filters and links use: any other lookup (a regular
    expression, a range) could hold a worker for minutes, or fail in the database.
    """

    linked_by: tuple[str, ...] = ()  # fields without a filter of their own that links of the site filter by

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in self.lookups(request) and not is_too_large(value)

    def lookups(self, request: HttpRequest | None) -> Iterator[str]:
        listed = self.list_filter if request is None else self.get_list_filter(request)
        for name in (*listed, *self.linked_by):
            path = name[0] if isinstance(name, (list, tuple)) else name
            if not isinstance(path, str):
                yield from path.parameters() if hasattr(path, "parameters") else [path.parameter_name]
                continue
            yield path
            yield from (f"{path}{ending}" for ending in ENDINGS)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Who lost a permission between the question and the answer reads so; Django would speak of no selection."""
        action = request.POST.get("action")
        if action and self.has_view_or_change_permission(request) and action not in self.get_actions(request):
            messages.error(request, _("Nothing was done: you are not allowed to do that."))
            return HttpResponseRedirect(request.get_full_path())
        response: HttpResponse = super().changelist_view(request, extra_context)
        if response.headers.get("Location") == f"{request.path}?{ERROR_FLAG}=1":
            text = _("The address has a filter with a value that cannot be read, so the list is shown without filters.")
            messages.warning(request, text)
        return response

    def response_action(self, request: Any, queryset: QuerySet[Any]) -> Any:
        """A row that cannot be is none, so nothing is done about it."""
        chosen = [value for value in request.POST.getlist(ACTION_CHECKBOX_NAME) if can_be(self.opts.pk, value)]
        request.POST = request.POST.copy()
        request.POST.setlist(ACTION_CHECKBOX_NAME, chosen)
        return super().response_action(request, queryset)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Of what the address of an empty form fills in, what its fields can hold."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {name: value for name, value in initial.items() if self.can_hold(name, value)}

    def can_hold(self, name: str, value: Any) -> bool:
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        values = value if isinstance(value, list) else [value]
        return isinstance(field, Field) and all(can_be(field, each) for each in values)


def can_be(field: Any, value: Any) -> bool:
    """Whether a row's field, or the key of a row that it points to, could be this value."""
    field = getattr(field, "target_field", field)
    try:
        return field.to_python(value) is not None and not is_too_large(value)
    except (ValidationError, ValueError, OverflowError):
        return False


def is_too_large(value: Any) -> bool:
    try:
        return abs(int(value)) >= MAX_NUMBER
    except (TypeError, ValueError):  # no number, of which Django says so
        return False
