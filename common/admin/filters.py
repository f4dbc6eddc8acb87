"""A filter that Django does not have ready."""

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest


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
