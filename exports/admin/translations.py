"""Translations: what becomes of a mark or an alternative grade on its way to Learn."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common.admin.addresses import can_be
from courses.admin.base import LearnAdmin
from courses.models import GradeColumn
from exports.admin.imports import TranslationFilesMixin
from exports.admin.translation_lock import LockedLines, LockedRule, LocksTranslation
from exports.delivering.judging import column_facts
from exports.grades.causes import Cause
from exports.grades.facts import Column, Entry, Refused
from exports.grades.rules import value_of
from exports.grades.translating import VALUE_LENGTH, Marks
from exports.mapping import locking
from exports.models import ColumnMapping, Flow, TranslatedGrade, Translation
from exports.reading.body import grade_of

MOST_FLOWS = 25  # on a translation's page
ONLY_NUMBERS = "typeof marks === 'undefined' || marks == 'NUMERIC'"  # without a form there is no `marks`


class TranslationForm(LockedRule):
    class Meta:
        labels = {"marks": "Marks go to Learn", "divisor": "Divide by", "decimals": "Digits after the point"}
        help_texts = {
            "name": "As administrators find it when they map a flow, such as “7-point scale to letters”.",
            "divisor": "1 leaves the number as it is. With 100 the mark 8999 becomes 89.99.",
            "decimals": "2 turns 75 into 75.00. Empty: as many as the number has.",
            "rounding": "What becomes of further digits.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "divisor" in self.initial:  # 100 rather than 100.00000000
            self.initial["divisor"] = Decimal(plain(self.initial["divisor"]))


class TranslatedGradeInline(TabularInline):  # type: ignore[misc]  # Unfold is untyped
    model = TranslatedGrade
    formset = LockedLines
    fields = ["kind", "given", "value"]
    hide_title = True  # it would say the same as the fields
    verbose_name = "line"
    verbose_name_plural = "Table of grades: an alternative grade without a line here is refused"

    def get_extra(self, request: HttpRequest, obj: Translation | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1


class PreviewForm(forms.Form):
    """A grade as WISEflow might give it, and perhaps the column that it would go to."""

    grade = forms.CharField(max_length=VALUE_LENGTH, strip=False, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(label="It is", choices=TranslatedGrade.Kind, widget=UnfoldAdminSelectWidget)
    column = forms.ModelChoiceField(
        label="Grade column",
        queryset=GradeColumn.objects.select_related("course", "grade_schema"),
        required=False,
        help_text="Optional: with it the value is checked against the column's points or grade schema.",
        widget=AutocompleteSelect(ColumnMapping._meta.get_field("grade_column"), admin.site),
    )

    def result(self, translation: Translation) -> str | Refused:
        """What Learn would show, or why nothing would be sent."""
        column = self.cleaned_data["column"]
        is_mark = self.cleaned_data["kind"] == TranslatedGrade.Kind.MARK
        try:
            grade = grade_of(self.cleaned_data["grade"], VALUE_LENGTH)
        except ValueError as reason:
            return Refused(Cause.ENTRY_NOT_USABLE, f"the grade {reason}")
        if not grade:
            return Refused(Cause.NO_ASSESSMENT)
        entry = Entry(user_id="", mark=grade if is_mark else "", alternative_grade="" if is_mark else grade)
        place = (
            column_facts(ColumnMapping(grade_column=column, translation=translation))
            if column
            else Column(course_id="", name="", translator=translation.translator())
        )
        value = value_of(entry, place)
        assert value is not None  # there are a grade and a column
        return value


@admin.register(Translation)
class TranslationAdmin(LocksTranslation, TranslationFilesMixin, LearnAdmin):
    form = TranslationForm
    list_display = ["name", "of_marks", "lines", "flows"]
    search_fields = ["name"]
    fields = ["name", "marks", "divisor", "decimals", "rounding"]
    conditional_fields = dict.fromkeys(["divisor", "decimals", "rounding"], ONLY_NUMBERS)
    inlines = [TranslatedGradeInline]
    change_form_outer_after_template = "admin/exports/translation.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Translation]:
        translations: QuerySet[Translation] = super().get_queryset(request)
        return translations.annotate(
            line_count=Count("grades", distinct=True), flow_count=Count("column_mappings__flow", distinct=True)
        )

    def get_fields(self, request: HttpRequest, obj: Translation | None = None) -> list[str]:
        """Who only looks sees it in words."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        rounds = obj.marks == Marks.NUMERIC and obj.decimals is not None
        return ["name", "of_marks", *(["rounding"] if rounds else [])]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        translation = self.get_object(request, object_id)
        context = self.use_of(translation) | {"preview": PreviewForm()} if translation else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def use_of(self, translation: Translation) -> dict[str, Any]:
        """Which flows use it, why it is locked, and whether its table has lines that it does not use."""
        flows = Flow.objects.filter(column_mappings__translation=translation).distinct()
        lines = translation.grades.filter(kind=TranslatedGrade.Kind.MARK)
        return {
            "flows": (shown := list(flows[: MOST_FLOWS + 1]))[:MOST_FLOWS],
            "more_flows": flows.count() - MOST_FLOWS if len(shown) > MOST_FLOWS else 0,
            "lock": locking.refuse_translating(locking.find_uses([translation.pk])),
            "has_idle_lines": translation.marks != Marks.TABLE and lines.exists(),
        }

    def preview_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What would become of one grade, as the translation is saved now. Nothing is stored, nothing is sent."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        translation = Translation.objects.filter(pk=pk).first()
        if translation is None:
            raise Http404
        form = PreviewForm(usable(request.GET) or None)
        result = form.result(translation) if form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "title": "Try a grade",
            "opts": self.opts,
            "original": translation,
            "preview": form,
            "value": result if isinstance(result, str) else "",
            "refusal": result.cause.error_info(result.detail) if isinstance(result, Refused) else "",
        }
        return TemplateResponse(request, "admin/exports/translation_preview.html", context)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.preview_page)
        return [path("<int:pk>/preview/", page, name="exports_translation_preview"), *super().get_urls()]

    @admin.display(description="Marks")
    def of_marks(self, translation: Translation) -> str:
        if translation.marks == Marks.AS_WRITTEN:
            return "As written"
        if translation.marks == Marks.TABLE:
            return "By the table; other marks are refused"
        scaled = f"divided by {plain(translation.divisor)}" if translation.divisor != 1 else "as they are"
        if translation.decimals is None:
            return f"As numbers, {scaled}"
        digits = f"{translation.decimals} {'digit' if translation.decimals == 1 else 'digits'} after the point"
        return f"As numbers, {scaled}, with {digits}"

    @admin.display(description="Lines")
    def lines(self, translation: Any) -> int:
        count: int = translation.line_count
        return count

    @admin.display(description="Flows")
    def flows(self, translation: Any) -> int:
        count: int = translation.flow_count
        return count


def usable(given: QueryDict) -> dict[str, Any]:
    """What an address has typed in it may name a column that cannot be; the form could not even be shown."""
    values: dict[str, Any] = given.dict()
    if not can_be(GradeColumn._meta.pk, values.get("column") or 1):
        del values["column"]
    return values


def plain(number: Decimal) -> str:
    """100 of 100.00000000."""
    return f"{number.normalize():f}"
