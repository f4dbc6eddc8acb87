"""Filters that Django does not have ready."""

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from exports.models import Correction, Flow, Participant


class ChangedSinceExport(admin.SimpleListFilter):
    """Flows with people whose grade has changed in WISEflow after it was exported."""

    title = "changed since export"
    parameter_name = "changed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Has people changed since export")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Participant.objects.filter(changed_since_export=True).order_by().values("flow"))


class Undelivered(admin.SimpleListFilter):
    """Approved corrections that a rule has refused, or that have not arrived."""

    title = "not in Learn yet"
    parameter_name = "undelivered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Approved, not in Learn yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Correction]) -> QuerySet[Correction]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=Correction.objects.undelivered().order_by().values("pk"))


class OnlyChosen(admin.FieldListFilter):
    """The rows of one flow, attempt or person, chosen by a link on its page. Offers no list: it would be endless."""

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.parameter = f"{field_path}__exact"
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter]

    def has_output(self) -> bool:
        return bool(self.used_parameters)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        rows = cast(type[Model], self.field.related_model)._default_manager
        chosen = rows.filter(pk__in=self.used_parameters[self.parameter])
        yield {
            "selected": False,
            "query_string": changelist.get_query_string(remove=[self.parameter]),
            "display": "All",
        }
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": chosen.first() or "?"}
