"""The mapping lock in the admin: the flow page with its mapping, the button `Unlock mapping`, and Learn's columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.exchanging import ExchangesKeys, is_deleted
from common.sentences import shortlist
from common.signing_in.recent import recently_signed_in
from courses.models import Course, GradeColumn
from exports import exempting
from exports.admin.grades.exemptions import RequestsExemptions
from exports.grades.sentences import of_source
from exports.mapping import locking, rescaling
from exports.models import ColumnMapping, Exemption, Flow


class LockedMappings(ExchangesKeys):
    """The mappings on a flow's page. What is locked is greyed out, and refused if it is sent all the same."""

    keys = ("source_code",)
    moved: list[locking.Delivered]  # grades in Learn by the mappings that were changed, deleted or added

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.pk in self.locked:
            for name, field in form.fields.items():
                if not isinstance(field.widget, forms.HiddenInput):
                    # Browsers do not send what is greyed out. What is sent came from a page older than the lock.
                    field.disabled = form.add_prefix(name) not in form.data

    @cached_property
    def locked(self) -> dict[int, locking.Delivered]:
        """Grades in Learn, by the mappings that are locked."""
        is_locked = self.instance.pk and not locking.is_unlocked(self.instance)
        if not is_locked:
            return {}
        found = None if self.is_bound else delivered_by_source(self.instance)  # what is saved looks again
        return locking.grades_by_mapping(self.instance, found)

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
            if form.instance.pk in self.locked and (form.has_changed() or is_deleted(form))
        ]
        if not locking.is_unlocked(self.instance):
            refused += [
                of_source(source, delivered.refusal())
                if source
                else gettext("All other sources: %(text)s") % {"text": delivered.refusal()}
                for (_pk, source), delivered in self.find_taken().items()
            ]
        if refused:
            raise ValidationError(refused)

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        """Which line there is twice."""
        values = [getattr(form, "cleaned_data", {}) for form in self.kept_forms]
        codes = Counter(each["source_code"] for each in values if "source_code" in each)
        repeated = [code for code, number in codes.items() if number > 1]
        if not repeated or repeated == [""]:
            return gettext("This flow already has a line without a source.")
        sources = shortlist(list(filter(None, repeated)))
        return gettext("This flow already has a line for source %(sources)s.") % {"sources": sources}

    def get_form_error(self) -> str:
        """What is said at the later line itself."""
        return gettext("Another line above has the same source. Change it here, or remove one of the two lines.")

    def find_taken(self) -> dict[locking.Source, locking.Delivered]:
        """Grades of sources that newly mapped columns would lead elsewhere."""
        added: dict[locking.Source, locking.Target] = {}
        for form in self.kept_forms:
            values = getattr(form, "cleaned_data", {})
            column, translation = values.get("grade_column"), values.get("translation")
            is_new = form.instance.pk is None or "source_code" in form.changed_data
            if column and is_new:
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


class LocksMapping(RequestsExemptions):
    """The flows' admin."""

    def has_unlock_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("exports.unlock_mapping")

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        context = super().page_context(request, row)
        return context | {"delivered": delivered_of(row), "may_unlock": self.has_unlock_permission(request)}

    def offers(self, request: HttpRequest, row: Flow, button: str) -> bool:
        if button == "unlock_mapping":
            return not locking.is_unlocked(row) and delivered_of(row) is not None
        return super().offers(request, row, button)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if isinstance(formset, LockedMappings):
            for delivered in dict.fromkeys(formset.moved):
                changed = gettext("The mapping has changed.")
                messages.warning(request, f"{changed} {delivered.consequence()}")

    @action(description=_("Unlock mapping"), url_path="unlock-mapping", permissions=["unlock"], icon="lock_open")  # type: ignore[untyped-decorator]
    @recently_signed_in
    def unlock_mapping(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows which grades are in Learn, and requests it: another person approves."""
        flow = self.row_or_404(request, object_id)
        kind, delivered = Exemption.Kind.UNLOCK_MAPPING, locking.grades_of(flow)
        ask, refuse = exempting.ask_for_flow, exempting.refuse_flow
        return self.exemption_page(request, flow, kind, ask, refuse, delivered=delivered)


def delivered_of(flow: Flow) -> locking.Delivered | None:
    """All that was delivered of it."""
    return locking.all_of(delivered_by_source(flow))


def delivered_by_source(flow: Any) -> Mapping[str, locking.Delivered]:
    """Read once for a page: its form, its note and its button ask for the same."""
    if not hasattr(flow, "delivered_found"):
        flow.delivered_found = locking.find_delivered([flow.pk]).get(flow.pk, {})
    found: Mapping[str, locking.Delivered] = flow.delivered_found
    return found


class KeepsPlaces(forms.ModelForm[Any]):
    """The form of a course or a grade column: its name stays as it is while delivered grades are there."""

    places: tuple[str, ...] = ()  # the fields that name the place

    def clean(self) -> dict[str, Any] | None:
        """Flows are locked before columns, in the order of who deletes a column in Learn."""
        changed = [name for name in self.places if name in self.changed_data]
        if self.instance.pk and changed:
            for delivered in locking.refuse_renaming(columns_of(self.instance)):
                text = gettext("Flow %(flow)s: %(text)s")
                self.add_error(changed[0], text % {"flow": delivered.flow_id, "text": delivered.refusal()})
        return super().clean()


def columns_of(row: Course | GradeColumn) -> list[GradeColumn]:
    """As they are now, whatever the form has put into `row`."""
    chosen = {"course": row.pk} if isinstance(row, Course) else {"pk": row.pk}
    return list(GradeColumn.objects.filter(**chosen).select_related("course"))


class LocksPlaces(BaseAdmin):
    """The admin of a course or a grade column, with a form that keeps places."""

    form: type[KeepsPlaces]

    def lock_first(self, row: Course | GradeColumn) -> None:
        locking.lock_flows_mapped_to(columns_of(row))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A change of the place uses up the unlocking. A change of the points or schema shows what it means."""
        super().save_model(request, obj, form, change)
        if change and not set(self.form.places).isdisjoint(form.changed_data):
            flows = ColumnMapping.objects.filter(grade_column__in=columns_of(obj)).order_by()
            locking.lock_again(set(flows.values_list("flow_id", flat=True)))
        if change and not set(rescaling.FIELDS).isdisjoint(form.changed_data):
            for sentence in rescaling.consequences([obj]).values():
                messages.warning(request, sentence)
