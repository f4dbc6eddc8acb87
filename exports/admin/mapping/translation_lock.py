"""The mapping lock on a translation's page: what has translated delivered grades stays as it is."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.base import BaseAdmin
from common.admin.exchanging import ExchangesKeys
from common.sentences import MAX_NAMED, shortlist
from exports.mapping import locking
from exports.models import TranslatedGrade, Translation

RULE = ("marks", "divisor", "decimals", "rounding")  # how a mark is converted, beside the table


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
    """The lines of its tables. Those that exist stay; one for a grade that had none may be added."""

    keys = ("kind", "given")

    @property
    def touched(self) -> bool:
        return any(form.has_changed() for form in self.initial_forms)

    def clean(self) -> None:
        super().clean()
        if self.touched and (reason := refusal(self.instance)):
            raise ValidationError(reason)

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name, text in (
            ("given", _("Enter the grade as WISEflow sends it, or remove this line.")),
            ("value", _("Enter what Learn is to show, or remove this line.")),
        ):
            if name in form.fields:
                form.fields[name].error_messages["required"] = text

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        """Which lines appear twice."""
        kept = [getattr(form, "cleaned_data", {}) for form in self.kept_forms]
        lines = Counter((values["kind"], values["given"]) for values in kept if values.keys() >= {"kind", "given"})
        named = {
            TranslatedGrade.Kind.MARK: _("mark %(grade)s"),
            TranslatedGrade.Kind.ALTERNATIVE_GRADE: _("alternative grade %(grade)s"),
        }
        repeated = [named[kind] % {"grade": given} for (kind, given), n in lines.items() if n > 1]
        return _("There is more than one line for %(grades)s.") % {"grades": shortlist(repeated)}


class LocksTranslation(BaseAdmin):
    """The translations' admin."""

    def lock_first(self, row: Translation) -> None:
        locking.lock_flows_using([row.pk])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A change locks the flows again, and says what it means for their grades."""
        super().save_related(request, form, formsets, change)
        if change and (form.touched or any(formset.touched for formset in formsets)):
            uses = locking.find_uses([form.instance.pk])
            locking.lock_again([use.flow for use in uses])
            for use in uses[:MAX_NAMED]:
                changed = _("The translation has changed.")
                messages.warning(request, f"{changed} {use.consequence()}")
            if (more := len(uses) - MAX_NAMED) > 0:
                text = ngettext(
                    "The same applies to %(count)s other flow.", "The same applies to %(count)s other flows.", more
                )
                messages.warning(request, text % {"count": intcomma(more)})
