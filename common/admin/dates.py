"""Dates that people type on a page: a year of long ago, or of a far future, is a slip of the finger."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Field
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from common.moments import year_refusal


def refuse_odd_year(when: date) -> None:
    if reason := year_refusal(when):
        raise ValidationError(f"{reason}.")


class ChecksYears(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """The page takes the years that an import takes, so that its export can be read again."""

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, (forms.DateField, forms.DateTimeField, forms.SplitDateTimeField)):
            field.validators = [*field.validators, refuse_odd_year]
        return field
