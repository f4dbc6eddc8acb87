"""What all models whose texts people type have in common."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from common import spelling


class Spelled(models.Model):
    """A row whose texts follow `common.spelling` once they are validated, as every form of the admin does.

    Text of one of several choices, and what no form shows, is not typed by anyone and stays as it is.
    """

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        wrong: dict[str, Any] = {}
        for field in self._meta.concrete_fields:
            text = getattr(self, field.attname)
            if field.name in (exclude or ()) or not is_typed(field) or not isinstance(text, str):
                continue
            allowed = spelling.MULTILINE if isinstance(field, models.TextField) else ""
            try:
                setattr(self, field.attname, spelling.clean(text, allowed=allowed))
            except ValueError as reason:
                wrong[field.name] = str(reason)
        try:
            super().clean_fields({*(exclude or ()), *wrong})
        except ValidationError as error:
            wrong |= error.error_dict
        if wrong:
            raise ValidationError(wrong)


def is_typed(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, (models.CharField, models.TextField)) and field.editable and not field.choices
