"""What is being sent to Learn cannot be changed here until it has arrived."""

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from common.history.pages import ConfigurationAdmin
from courses.models import Course, ProvisioningStep
from courses.provisioning.planning import Row, target_keys


class KeepsIdentity(forms.ModelForm[Any]):
    """The form of a row, whose fields keep what is sent."""

    kept: tuple[str, ...] | None = None  # None: all fields

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        changed = [name for name in self.changed_data if self.kept is None or name in self.kept]
        if self.instance.pk and changed:
            type(self.instance)._default_manager.select_for_update().get(pk=self.instance.pk)
            if run := open_steps(self.instance).values_list("run", flat=True).first():
                text = _("This is being sent to Learn in run %(run)s. Change it once the run has finished.")
                self.add_error(changed[0], text % {"run": run})
        return cleaned


class LocksWhileProvisioning(ConfigurationAdmin):
    """The admin of a row that a provisioning run may be about: it is neither changed nor deleted until that ends."""

    form = KeepsIdentity

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not open_steps(obj).exists())


def steps_of(row: Row | Course) -> QuerySet[ProvisioningStep]:
    """All that was ever done about the row in Learn, or in the course."""
    if isinstance(row, Course):
        return ProvisioningStep.objects.filter(Q(column__course=row) | Q(metadata__course=row))
    keys = zip(("schema", "column", "metadata"), target_keys(row), strict=True)
    return ProvisioningStep.objects.filter(**{name: pk for name, pk in keys if pk})


def open_steps(row: Row | Course) -> QuerySet[ProvisioningStep]:
    return steps_of(row).filter(state__in=ProvisioningStep.OPEN)
