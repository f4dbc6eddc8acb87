"""Lines of a page that take each other's place: two rows may exchange what only one of them may have."""

from typing import Any
from uuid import uuid4

from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet


def is_deleted(form: Any) -> bool:
    return bool(getattr(form, "cleaned_data", {}).get(DELETION_FIELD_NAME))


class ExchangesKeys(BaseInlineFormSet):  # type: ignore[type-arg]
    """Rows are saved one by one. Those that give up their key leave it before the first of them is saved."""

    keys: tuple[str, ...] = ()  # the fields by which a row is told apart; the last one is a text

    @property
    def kept_forms(self) -> list[Any]:
        """Those that are not to be deleted. Django's own `deleted_forms` looks at all forms each time it is asked."""
        return [form for form in self.forms if not is_deleted(form)]

    def save_existing_objects(self, commit: bool = True) -> Any:
        leaving = [
            form.instance.pk
            for form in self.initial_forms
            if is_deleted(form) or not set(self.keys).isdisjoint(form.changed_data)
        ]
        if commit and len(leaving) > 1:
            assert self.model is not None  # it is made for one
            rows = self.model._default_manager
            for pk in leaving:
                rows.filter(pk=pk).update(**{self.keys[-1]: f"leaving {uuid4()}"})
        return super().save_existing_objects(commit)
