"""Flows: what may be exported, where it goes, and how far it has come."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, ForeignKey, OuterRef, QuerySet, Subquery
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import TabularInline

from common.admin.cells import state_pill
from common.history.pages import ShowsChanges
from courses.models import GradeColumn
from exports.admin.filters import ChangedSinceExport
from exports.admin.imports import MappingFilesMixin
from exports.admin.mapping_lock import LockedMappings, LocksMapping
from exports.admin.people import with_id
from exports.admin.retry import RetriesFailed
from exports.models import ColumnMapping, ExportAttempt, Flow, Participant
from exports.models.participant import ParticipantQuerySet
from exports.templatetags.grades import changed_badge


class FilledMappings(LockedMappings):
    """A row that somebody has added and left empty is refused; Django would take it for none, and say nothing."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs(index)
        if index is not None and index >= self.initial_form_count() + self.extra:
            kwargs["empty_permitted"] = False
        return kwargs


class ColumnMappingInline(TabularInline):  # type: ignore[misc]  # Unfold is untyped
    model = ColumnMapping
    formset = FilledMappings
    template_before = "admin/exports/mapping_lock.html"
    fields = ["source_code", "grade_column", "translation"]
    autocomplete_fields = ["grade_column", "translation"]
    verbose_name_plural = "Column mapping: where the grades go in Learn"

    def get_extra(self, request: HttpRequest, obj: Flow | None = None, **kwargs: Any) -> int:
        return 0 if obj and obj.column_mappings.exists() else 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[ColumnMapping]:
        mappings: QuerySet[ColumnMapping] = super().get_queryset(request)
        return mappings.select_related("grade_column__course", "translation")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "grade_column":
            kwargs["queryset"] = GradeColumn.objects.select_related("course")  # a column is shown with its course
            kwargs["error_messages"] = {"required": "Choose a grade column, or remove this row."}
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field


@admin.register(Flow)
class FlowAdmin(LocksMapping, MappingFilesMixin, ShowsChanges, RetriesFailed):
    actions = ["retry_failed", *MappingFilesMixin.FILE_ACTIONS]
    list_display = ["flow_id", "title", "standing", "exported", "failed", "queued", "changed", "last_attempt"]
    list_filter = ["state", ChangedSinceExport, "instant_export"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["flow_id", "title"]
    search_help_text = "Flow id, title or whole user id"
    readonly_fields = ["roster_imported_at"]
    fieldsets = [
        (None, {"fields": ["flow_id", "title"]}),
        (
            "When grades are exported",
            {"fields": ["synchronised_at", "assessment_ends_at", "instant_export", "allow_overwrite"]},
        ),
        ("Roster", {"fields": ["roster_imported_at"]}),
    ]
    inlines = [ColumnMappingInline]
    change_form_outer_before_template = "admin/exports/flow.html"
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        flows: QuerySet[Flow] = super().get_queryset(request)
        changed = Participant.objects.filter(flow=OuterRef("pk"), changed_since_export=True).order_by()
        return flows.annotate(  # the database looks for the rows of one page only
            last_attempt=Subquery(
                ExportAttempt.objects.filter(flow=OuterRef("pk")).order_by("-pk").values("started_at")[:1]
            ),
            changed_count=Subquery(changed.values("flow").annotate(people=Count("pk")).values("people")),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Flow], search_term: str
    ) -> tuple[QuerySet[Flow], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            found |= queryset.filter(pk__in=with_id(search_term).values("flow"))
        return found, may_have_duplicates

    def failed_among(self, queryset: QuerySet[Flow]) -> ParticipantQuerySet:
        return Participant.objects.retryable().filter(flow__in=queryset.order_by().values("pk"))

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> list[str]:
        return ["flow_id", *self.readonly_fields] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Only a flow without history, one by one: deleting must not take what was exported out of sight."""
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and obj is not None and not obj.participants.exists() and not obj.attempts.exists()

    def save_model(self, request: HttpRequest, obj: Flow, form: Any, change: bool) -> None:
        """Only what the form changed: an export may have moved the state and the counts meanwhile."""
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """An unmapped flow's page offers one row. Left empty it is no mistake, and not to be mistaken for a mapping."""
        super().save_related(request, form, formsets, change)
        if not form.instance.column_mappings.exists():
            text = "No grade column was chosen, so the flow is not mapped: its grades are refused until it is."
            messages.warning(request, text)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flow = self.get_object(request, object_id)
        context = self.standing_of(flow, request) if flow else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def standing_of(self, flow: Flow, request: HttpRequest) -> dict[str, Any]:
        return {
            "people": f"{reverse('admin:exports_participant_changelist')}?flow__exact={flow.pk}",
            "counts": list(flow.counts.items()),
            "changed": flow.participants.filter(changed_since_export=True).count(),
            "is_mapped": flow.column_mappings.exists(),
            "is_synchronised": flow.synchronised_at is not None and flow.synchronised_at <= timezone.now(),
            "may_retry": self.has_retry_permission(request) and flow.participants.retryable().exists(),
        }

    @admin.display(description="State", ordering="state")
    def standing(self, flow: Flow) -> str:
        return state_pill(flow)

    @admin.display(description="Exported", ordering="exported_count")
    def exported(self, flow: Flow) -> int:
        return flow.exported_count

    @admin.display(description="Failed", ordering="failed_count")
    def failed(self, flow: Flow) -> int:
        return flow.failed_count

    @admin.display(description="Queued", ordering="queued_count")
    def queued(self, flow: Flow) -> int:
        return flow.queued_count

    @admin.display(description="Changed")
    def changed(self, flow: Any) -> str:
        return changed_badge(flow, flow.changed_count)

    @admin.display(description="Last attempt", empty_value="None yet")
    def last_attempt(self, flow: Any) -> Any:
        return flow.last_attempt
