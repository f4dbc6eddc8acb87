"""The mapping lock in the admin: the flow page with its mapping, the button `Unlock mapping`, and Learn's columns."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from common.admin.cells import address
from common.admin.exchanging import ExchangesKeys
from courses.models import Course, GradeColumn
from exports.mapping import locking, rescaling
from exports.models import ColumnMapping, Flow


class LockedMappings(ExchangesKeys):
    """The mappings on a flow's page. What is locked is greyed out, and refused if it is sent nevertheless."""

    keys = ("source_code",)
    moved: list[locking.Delivered]  # what stands where by the mappings that were changed, deleted or added

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.pk in self.locked:
            for name, field in form.fields.items():
                if not isinstance(field.widget, forms.HiddenInput):
                    # Browsers do not send what is greyed out. What is sent came from a page older than the lock.
                    field.disabled = form.add_prefix(name) not in form.data

    @cached_property
    def locked(self) -> dict[int, locking.Delivered]:
        """What stands where, by the mappings that are locked."""
        is_locked = self.instance.pk and not locking.is_unlocked(self.instance)
        return locking.grades_by_mapping(self.instance) if is_locked else {}

    def clean(self) -> None:
        """The flow's row stays locked until the page is saved: an export is recorded before this or after it."""
        super().clean()
        if not self.instance.pk:
            return
        self.instance.mapping_unlocked_at = (
            Flow.objects.select_for_update().values_list("mapping_unlocked_at", flat=True).get(pk=self.instance.pk)
        )
        self.__dict__.pop("locked", None)
        refused = [
            self.locked[form.instance.pk].refusal()
            for form in self.initial_forms
            if form.instance.pk in self.locked and (form.has_changed() or form in self.deleted_forms)
        ]
        if not locking.is_unlocked(self.instance):
            refused += [
                f"{f'Source {source}' if source else 'Every other source'}: {delivered.refusal()}"
                for (_pk, source), delivered in self.find_taken().items()
            ]
        if refused:
            raise ValidationError(refused)

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        """Which line there is twice."""
        kept = [form for form in self.forms if form not in self.deleted_forms]
        codes = Counter(form.cleaned_data["source_code"] for form in kept if "source_code" in form.cleaned_data)
        repeated = [code for code, number in codes.items() if number > 1]
        if not repeated or repeated == [""]:
            return "This flow already has a line without a source."
        return f"This flow already has a line for source {', '.join(filter(None, repeated))}."

    def find_taken(self) -> dict[locking.Source, locking.Delivered]:
        """What sources that are mapped anew would lead elsewhere."""
        added: dict[locking.Source, locking.Target] = {}
        for form in self.forms:
            values = getattr(form, "cleaned_data", {})
            column, translation = values.get("grade_column"), values.get("translation")
            is_new = form.instance.pk is None or "source_code" in form.changed_data
            if column and is_new and form not in self.deleted_forms:
                target = *locking.place_of(column), translation.name if translation else ""
                added[self.instance.pk, values.get("source_code", "")] = target
        return locking.find_taken(added)

    def save(self, commit: bool = True) -> Any:
        touched = {form.instance.pk for form in self.initial_forms if form.has_changed()}
        found = locking.grades_by_mapping(self.instance) if touched else {}
        self.moved = [delivered for pk, delivered in found.items() if pk in touched]
        self.moved += self.find_taken().values()
        saved = super().save(commit)
        if self.has_changed():
            locking.lock_again([self.instance.pk])
        return saved


class LocksMapping(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """The flows' admin."""

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("exports.unlock_mapping")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flow = self.get_object(request, unquote(object_id))
        context = {
            "delivered": locking.grades_of(flow) if flow else None,
            "may_unlock": self.has_unlock_permission(request),
        }
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if isinstance(formset, LockedMappings):
            for delivered in dict.fromkeys(formset.moved):
                messages.warning(request, f"The mapping has changed. {delivered.consequence()}")

    def unlock_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first, and say what stands where."""
        if not self.has_unlock_permission(request):
            raise PermissionDenied
        flow = get_object_or_404(Flow, pk=pk)
        delivered = locking.grades_of(flow)
        if not delivered or locking.is_unlocked(flow):
            messages.info(request, "There is nothing to unlock: the mapping can be changed.")
            return HttpResponseRedirect(address(flow))
        if request.method == "POST":
            with transaction.atomic():
                locking.unlock(Flow.objects.select_for_update().get(pk=pk))
            messages.warning(request, "The mapping can be changed now. The next change that is saved locks it again.")
            return HttpResponseRedirect(address(flow))
        context = {
            **self.admin_site.each_context(request),
            "title": "Unlock mapping",
            "opts": self.opts,
            "flow": flow,
            "flow_url": address(flow),
            "delivered": delivered,
        }
        return TemplateResponse(request, "admin/exports/unlock_mapping.html", context)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.unlock_page)
        return [path("<int:pk>/unlock-mapping/", page, name="exports_flow_unlock_mapping"), *super().get_urls()]


class KeepsPlaces(forms.ModelForm[Any]):
    """The form of a course or a grade column: its name stays as it is while delivered grades are there."""

    places: tuple[str, ...] = ()  # the fields that name the place

    def clean(self) -> dict[str, Any] | None:
        """Flows are locked before columns, in the order of who deletes a column in Learn."""
        changed = [name for name in self.places if name in self.changed_data]
        if self.instance.pk and changed:
            for delivered in locking.refuse_renaming(columns_of(self.instance)):
                self.add_error(changed[0], f"Flow {delivered.flow_id}: {delivered.refusal()}")
        return super().clean()


def columns_of(row: Course | GradeColumn) -> list[GradeColumn]:
    """As they stand now, whatever the form has put into `row`."""
    wanted = {"course": row.pk} if isinstance(row, Course) else {"pk": row.pk}
    return list(GradeColumn.objects.filter(**wanted).select_related("course"))


class LocksPlaces(ModelAdmin):  # type: ignore[misc]
    places: tuple[str, ...] = ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form)(form.__name__, (KeepsPlaces, form), {"places": self.places})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A change of the place uses up the unlocking. One of the points or schema says what it means."""
        super().save_model(request, obj, form, change)
        if change and not set(self.places).isdisjoint(form.changed_data):
            flows = ColumnMapping.objects.filter(grade_column__in=columns_of(obj)).order_by()
            locking.lock_again(set(flows.values_list("flow_id", flat=True)))
        if change and not set(rescaling.FIELDS).isdisjoint(form.changed_data):
            for sentence in rescaling.consequences([obj]).values():
                messages.warning(request, sentence)
