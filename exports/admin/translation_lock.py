"""The mapping lock on a translation's page: what delivered grades were translated by stays as it is."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from common.admin.exchanging import ExchangesKeys
from common.sentences import MOST_NAMED
from exports.mapping import locking
from exports.models import Translation

RULE = ("marks", "divisor", "decimals", "rounding")  # what becomes of a mark, beside the table


def refusal(translation: Translation) -> str:
    """Why it cannot be changed. The rows of its flows stay locked until the page is saved."""
    locking.lock_flows_using([translation.pk])
    return locking.refuse_translating(locking.find_uses([translation.pk]))


class LockedRule(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a translation. Its name may change at any time."""

    @property
    def touched(self) -> list[str]:
        return [name for name in RULE if name in self.changed_data] if self.instance.pk else []

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.touched and (reason := refusal(self.instance)):
            self.add_error(self.touched[0], reason)
        return cleaned


class LockedLines(ExchangesKeys):
    """The lines of its tables. Those that are there stay; one for a grade that had none may be added."""

    keys = ("kind", "given")

    @property
    def touched(self) -> bool:
        return any(form.has_changed() for form in self.initial_forms)

    def clean(self) -> None:
        super().clean()
        if self.touched and (reason := refusal(self.instance)):
            raise ValidationError(reason)


class LocksTranslation(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """The translations' admin."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A change uses up the unlocking of the flows, and says what becomes of their grades."""
        super().save_related(request, form, formsets, change)
        if change and (form.touched or any(formset.touched for formset in formsets)):
            uses = locking.find_uses([form.instance.pk])
            locking.lock_again([use.flow for use in uses])
            for use in uses[:MOST_NAMED]:
                messages.warning(request, f"The translation has changed. {use.consequence()}")
            if (more := len(uses) - MOST_NAMED) > 0:
                messages.warning(request, f"So it is with {more} more {'flow' if more == 1 else 'flows'}.")
