"""Translations: how marks and alternative grades are converted for Learn."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common.admin.addresses import can_be
from common.history.pages import ConfigurationAdmin
from common.spreadsheets.pages import ImportExportMixin
from common.spreadsheets.sheets import Sheet
from courses.models import GradeColumn
from exports.admin.grades.guidance import may_configure
from exports.admin.mapping.translation_lock import LockedLines, LockedRule, LocksTranslation
from exports.delivering.judging import column_facts
from exports.grades.causes import Cause
from exports.grades.facts import Column, Entry, Refused
from exports.grades.rules import value_of
from exports.grades.sentences import error_info
from exports.grades.translating import VALUE_LENGTH, Marks
from exports.importing.translations import TranslationSheet
from exports.mapping import locking
from exports.mapping.showing import find_unshown
from exports.models import ColumnMapping, Flow, TranslatedGrade, Translation
from exports.reading.body import grade_of
from exports.reading.values import Unreadable

MAX_FLOWS = 25  # on a translation's page
ONLY_NUMBERS = "typeof marks === 'undefined' || marks == 'NUMERIC'"  # without a form there is no `marks`


class TranslationForm(LockedRule):
    class Meta:
        labels = {
            "marks": _("Marks are sent to Learn"),
            "divisor": _("Divide by"),
            "decimals": _("Digits after the point"),
        }
        help_texts = {
            "name": _("The name that administrators choose when they map a flow, such as “7-point scale to letters”."),
            "divisor": _("1 leaves the number as it is. With 100 the mark 8999 becomes 89.99."),
            "decimals": _("2 turns 75 into 75.00. Leave empty to keep the digits of the number."),
            "rounding": _("How further digits are rounded."),
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
    verbose_name = _("line")
    verbose_name_plural = _("Table of grades: an alternative grade without a line here is refused")

    def get_extra(self, request: HttpRequest, obj: Translation | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1


class PreviewForm(forms.Form):
    """A grade as WISEflow might give it, and perhaps the column that it would be sent to."""

    grade = forms.CharField(label=_("Grade"), max_length=VALUE_LENGTH, strip=False, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(label=_("It is"), choices=TranslatedGrade.Kind, widget=UnfoldAdminSelectWidget)
    column = forms.ModelChoiceField(
        label=_("Grade column"),
        queryset=GradeColumn.objects.select_related("course", "grade_schema"),
        required=False,
        help_text=_("Optional. If you choose one, the value is checked against the column's points or grade schema."),
        widget=AutocompleteSelect(ColumnMapping._meta.get_field("grade_column"), admin.site),
    )

    def result(self, translation: Translation) -> str | Refused:
        """What Learn would show, or why nothing would be sent."""
        column = self.cleaned_data["column"]
        is_mark = self.cleaned_data["kind"] == TranslatedGrade.Kind.MARK
        try:
            grade = grade_of(self.cleaned_data["grade"], VALUE_LENGTH)
        except Unreadable as error:
            return Refused(Cause.ENTRY_NOT_USABLE, error.at(gettext("the grade")).detail)
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
class TranslationAdmin(LocksTranslation, ImportExportMixin, ConfigurationAdmin):
    actions_detail = ["preview"]
    unlinked = ("preview",)
    form = TranslationForm
    list_display = ["name", "of_marks", "lines", "flows"]
    search_fields = ["name"]
    fields = ["name", "marks", "divisor", "decimals", "rounding"]
    conditional_fields = dict.fromkeys(["divisor", "decimals", "rounding"], ONLY_NUMBERS)
    inlines = [TranslatedGradeInline]
    change_form_outer_after_template = "admin/exports/translation.html"

    def sheet(self) -> Sheet:
        return TranslationSheet()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Translation]:
        translations: QuerySet[Translation] = super().get_queryset(request)
        return translations.annotate(
            line_count=Count("grades", distinct=True), flow_count=Count("column_mappings__flow", distinct=True)
        )

    def get_fields(self, request: HttpRequest, obj: Translation | None = None) -> list[str]:
        """People who may only view it see it in words."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        rounds = obj.marks == Marks.NUMERIC and obj.decimals is not None
        return ["name", "of_marks", *(["rounding"] if rounds else [])]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A value that no column can show is saved all the same: its schema may follow."""
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            lines = form.instance.grades.all()
            if form.instance.marks != Marks.TABLE:
                lines = lines.exclude(kind=TranslatedGrade.Kind.MARK)
            for sentence in find_unshown({form.instance.name: lines.values_list("value", flat=True)}).values():
                messages.warning(request, sentence)

    def page_context(self, request: HttpRequest, row: Translation) -> dict[str, Any]:
        """Which flows use it, why it is locked, and whether its table has lines that it does not use."""
        flows = Flow.objects.filter(column_mappings__translation=row).distinct()
        lines = row.grades.filter(kind=TranslatedGrade.Kind.MARK)
        return super().page_context(request, row) | {
            "preview": PreviewForm(),
            "flows": (shown := list(flows[: MAX_FLOWS + 1]))[:MAX_FLOWS],
            "more_flows": flows.count() - MAX_FLOWS if len(shown) > MAX_FLOWS else 0,
            "lock": locking.refuse_translating(locking.find_uses([row.pk])),
            "has_idle_lines": row.marks != Marks.TABLE and lines.exists(),
        }

    @action(url_path="preview", permissions=["view_or_change"])  # type: ignore[untyped-decorator]
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What would become of one grade, as the translation is saved now. Nothing is stored, nothing is sent."""
        translation = self.row_or_404(request, object_id)
        form = PreviewForm(usable(request.GET) or None)
        result = form.result(translation) if form.is_valid() else None
        value = result if isinstance(result, str) else ""
        no_column = form.is_valid() and not form.cleaned_data["column"]
        return self.page(
            request,
            "admin/exports/translation_preview.html",
            title=gettext("Try a grade"),
            original=translation,
            preview=form,
            value=value,
            doubt=find_unshown({translation.name: [value]}).get(translation.name, "") if value and no_column else "",
            refusal=error_info(result.cause, result.detail, may_configure=may_configure(request))
            if isinstance(result, Refused)
            else "",
        )

    @admin.display(description=_("Marks"))
    def of_marks(self, translation: Translation) -> str:
        if translation.marks == Marks.AS_WRITTEN:
            return gettext("As written")
        if translation.marks == Marks.TABLE:
            return gettext("By the table; other marks are refused")
        divisor, digits = plain(translation.divisor), translation.decimals
        is_divided = translation.divisor != 1
        if digits is None:
            text = gettext("As numbers, divided by %(divisor)s") if is_divided else gettext("As numbers")
        elif is_divided:
            text = ngettext(
                "As numbers, divided by %(divisor)s, with %(digits)s digit after the point",
                "As numbers, divided by %(divisor)s, with %(digits)s digits after the point",
                digits,
            )
        else:
            text = ngettext(
                "As numbers, with %(digits)s digit after the point",
                "As numbers, with %(digits)s digits after the point",
                digits,
            )
        return text % {"divisor": divisor, "digits": digits}

    @admin.display(description=_("Lines"))
    def lines(self, translation: Any) -> int:
        count: int = translation.line_count
        return count

    @admin.display(description=_("Flows"))
    def flows(self, translation: Any) -> int:
        count: int = translation.flow_count
        return count


def usable(given: QueryDict) -> dict[str, Any]:
    """An address may name a column that cannot exist; the form could not even be shown."""
    values: dict[str, Any] = given.dict()
    if not can_be(GradeColumn._meta.pk, values.get("column") or 1):
        del values["column"]
    return values


def plain(number: Decimal) -> str:
    """100 of 100.00000000."""
    return f"{number.normalize():f}"
