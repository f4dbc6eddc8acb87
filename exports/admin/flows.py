"""Flows: what may be exported, where it goes, and its progress."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, ForeignKey, OuterRef, Q, QuerySet, Subquery
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from common.database.bulk import among
from common.history.pages import ConfigurationAdmin
from common.moments import short_moment
from common.signing_in.recent import ask_to_sign_in_again
from courses.models import GradeColumn
from exports.admin.deleting import DeletesNeverUsed
from exports.admin.desk.evidence import MakesEvidence
from exports.admin.desk.flow_page import TellsWhatHappened, people_of_flow
from exports.admin.desk.holding import HoldsFlows
from exports.admin.desk.proof import proof_summary
from exports.admin.desk.reconciliation import Reconciles
from exports.admin.desk.refused_requests import refusals_of
from exports.admin.filters import (
    ChangedSinceExport,
    Ended,
    FailedBecause,
    Incomplete,
    Late,
    NeedsAttention,
    OfCourse,
    ProofOfFlows,
)
from exports.admin.grades.people import FindsSeveral, Found, spellings, words_of
from exports.admin.grades.proving import ProvesInBackground, may_prove
from exports.admin.grades.retry import RetriesFailed
from exports.admin.mapping.imports import MappingFilesMixin
from exports.admin.mapping.learn_checks import ChecksWithLearn
from exports.admin.mapping.mapping_lock import LockedMappings, LocksMapping
from exports.admin.mapping.overwriting import AllowsOverwriting, FlowForm
from exports.admin.mapping.synchronising import MarksSynchronised
from exports.grades.dates import doubts
from exports.mapping.health import errors_of
from exports.models import ColumnMapping, Evidence, ExportAttempt, Flow, GradeInLearn, Hold, Participant
from exports.models.flow import attention_first
from exports.models.participant import ParticipantQuerySet
from exports.proving.background import FLOW
from exports.retrying import Scope
from exports.templatetags.grades import changed_badge, flow_pill
from exports.templatetags.holds import with_holds
from exports.templatetags.proofs import different_badge


class FilledMappings(LockedMappings):
    """A row that was added and left empty is refused; Django would ignore it without a word."""

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
    verbose_name_plural = _("Column mapping: where grades are sent in Learn")

    def get_extra(self, request: HttpRequest, obj: Flow | None = None, **kwargs: Any) -> int:
        return 0 if obj and obj.is_mapped else 1  # type: ignore[attr-defined]  # as FlowAdmin has found it

    def get_queryset(self, request: HttpRequest) -> QuerySet[ColumnMapping]:
        mappings: QuerySet[ColumnMapping] = super().get_queryset(request)
        return mappings.select_related("grade_column__course", "translation")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "grade_column":
            kwargs["queryset"] = GradeColumn.objects.select_related("course")  # a column is shown with its course
            kwargs["error_messages"] = {"required": gettext("Choose a grade column, or remove this row.")}
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field


@admin.register(Flow)
class FlowAdmin(
    FindsSeveral,
    TellsWhatHappened,
    MakesEvidence,
    ProvesInBackground,
    MarksSynchronised,
    LocksMapping,
    AllowsOverwriting,
    MappingFilesMixin,
    ChecksWithLearn,
    DeletesNeverUsed,
    ConfigurationAdmin,
    RetriesFailed,
    HoldsFlows,
    Reconciles,
):
    unlinked = (*TellsWhatHappened.unlinked, *MakesEvidence.unlinked, *Reconciles.unlinked, "prove", "proving")
    form = FlowForm
    proves = FLOW
    actions_detail = [
        *("retry", "hold", "release", "mark_synchronised", "unlock_mapping", "allow_overwriting"),
        "check_with_learn",
        *("evidence", "print_evidence", "timeline", "fetch", "pull", "reconciliation", "prove", "proving"),
        *MappingFilesMixin.actions_detail,
    ]
    actions = [
        *("retry_failed", "hold_chosen", "release_chosen", "mark_as_synchronised", "fetch_chosen"),
        *("check_chosen_with_learn", "delete_never_used"),
        *MappingFilesMixin.FILE_ACTIONS,
    ]
    list_display = [
        *("flow_id", "title", "status", "exported", "failed", "queued", "missing", "ends", "last_attempt"),
    ]
    list_filter = [
        *("state", OfCourse, Ended, NeedsAttention, Incomplete, Late, ChangedSinceExport, ProofOfFlows),
        *(FailedBecause, "instant_export"),
    ]
    search_fields = ["flow_id", "title"]
    search_help_text = _("Title, one or several flow ids or complete user ids")
    readonly_fields = ["roster_imported_at"]
    fieldsets = [
        (None, {"fields": ["flow_id", "title"]}),
        (
            _("When grades are exported"),
            {
                "fields": [
                    *("synchronised_at", "assessment_ends_at"),
                    *("instant_export", "allow_overwrite", "protect_first_export"),
                ]
            },
        ),
        (_("Roster"), {"fields": ["roster_imported_at"]}),
    ]
    inlines = [ColumnMappingInline]
    change_form_outer_before_template = "admin/exports/flow.html"
    change_form_outer_after_template = "admin/exports/desk/timeline_of_flow.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        flows: QuerySet[Flow] = super().get_queryset(request)
        changed = Participant.objects.filter(flow=OuterRef("pk"), changed_since_export=True).order_by()
        return flows.annotate(  # the database looks for the rows of one page only
            last_attempt=Subquery(
                ExportAttempt.objects.filter(flow=OuterRef("pk")).order_by("-pk").values("started_at")[:1]
            ),
            different_count=Subquery(
                GradeInLearn.objects.different()
                .filter(participant__flow=OuterRef("pk"))
                .order_by()
                .values("participant__flow")
                .annotate(grades=Count("pk"))
                .values("grades")
            ),
            is_mapped=Exists(ColumnMapping.objects.filter(flow=OuterRef("pk"))),
            changed_count=Subquery(changed.values("flow").annotate(people=Count("pk")).values("people")),
        )

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        return attention_first(timezone.now())

    def with_any(self, rows: QuerySet[Flow], text: str, found: Found) -> QuerySet[Flow]:
        theirs = Participant.objects.filter(among("pk", found.people)).order_by()
        return rows.filter(pk__in=theirs.values("flow")) | rows.filter(flow_id__in=spellings(words_of(text)))

    def failed_among(self, queryset: QuerySet[Flow]) -> ParticipantQuerySet:
        return Participant.objects.retryable().filter(flow__in=queryset.order_by().values("pk"))

    def scope_of(self, row: Flow) -> Scope:
        return Scope(flow=row)

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> list[str]:
        return ["flow_id", *self.readonly_fields] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Only a flow without history, or one that was never used: what was exported or held must stay visible."""
        allowed: bool = super().has_delete_permission(request, obj)
        if not allowed or obj is None:
            return False
        kept = (model.objects.filter(flow=OuterRef("pk")) for model in (Participant, ExportAttempt, Hold, Evidence))
        flow = Flow.objects.filter(pk=obj.pk)
        return (flow.exclude(reduce(or_, map(Q, map(Exists, kept)))) | flow.never_used()).exists()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Who begins to allow overwriting shows who they are first."""
        if self.allows_overwriting(request, object_id) and (asked := ask_to_sign_in_again(request)):
            return asked
        return super().changeform_view(request, object_id, form_url, extra_context)

    def allows_overwriting(self, request: HttpRequest, object_id: str | None) -> bool:
        if request.method != "POST" or "allow_overwrite" not in request.POST:
            return False
        flow = self.get_object(request, unquote(object_id)) if object_id else None
        allowed: bool = self.has_change_permission(request, flow) if object_id else self.has_add_permission(request)
        return allowed and not (flow and flow.allow_overwrite)

    def save_model(self, request: HttpRequest, obj: Flow, form: Any, change: bool) -> None:
        """Only what the form changed: an export may have changed the state and the counts since then."""
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)
        if not {"synchronised_at", "assessment_ends_at"}.isdisjoint(form.changed_data):
            for sentence in doubts(obj.synchronised_at, obj.assessment_ends_at, timezone.now()):
                messages.warning(request, sentence)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """An unmapped flow's page offers one row. Left empty it is no mistake, and no mapping."""
        super().save_related(request, form, formsets, change)
        if not form.instance.column_mappings.exists():
            text = gettext("No grade column is chosen, so the grades of this flow are refused. Choose one below.")
            messages.warning(request, text)
        if any(formset.has_changed() for formset in formsets):
            related = "grade_column__course", "grade_column__grade_schema"
            mappings = form.instance.column_mappings.select_related(*related)
            for sentence in errors_of(mappings.prefetch_related("translation__grades")):
                messages.warning(request, sentence)

    def page_context(self, request: HttpRequest, row: Flow) -> dict[str, Any]:
        return super().page_context(request, row) | {
            "people": people_of(row),
            **refusals_of(row, request),
            **people_of_flow(row, request),
            **self.proof_of(request, row),
            "counts": list(row.counts.items()),
            "changed": row.changed_count or 0,  # type: ignore[attr-defined]  # counted with the row
            "has_roster": row.roster_imported_at is not None,
            "is_late": row.is_late(timezone.now()),
            "is_mapped": row.is_mapped,  # type: ignore[attr-defined]
            "is_synchronised": row.synchronised_at is not None and row.synchronised_at <= timezone.now(),
        }

    def proof_of(self, request: HttpRequest, flow: Flow) -> dict[str, Any]:
        if not request.user.has_perm("exports.view_gradeinlearn"):
            return {}
        grades = GradeInLearn.objects.filter(participant__flow=flow)
        url = reverse("admin:exports_flow_prove", args=[flow.pk]) if may_prove(request) else ""
        return {"proof_summary": proof_summary(grades, with_time=True, **self.proof_filters(flow)), "prove_url": url}

    def proof_filters(self, row: Flow) -> dict[str, Any]:
        return {"participant__flow__exact": row.pk}

    @admin.display(description=_("State"), ordering="state")
    def status(self, flow: Any) -> str:
        badges = changed_badge(flow, flow.changed_count), different_badge(flow, flow.different_count)
        return format_html("{} {} {}", with_holds(flow_pill(flow), flow), *badges)

    @admin.display(description=_("Exported"), ordering="exported_count")
    def exported(self, flow: Flow) -> int:
        return flow.exported_count

    @admin.display(description=_("Failed"), ordering="failed_count")
    def failed(self, flow: Flow) -> int:
        return flow.failed_count

    @admin.display(description=_("In progress"), ordering="queued_count")
    def queued(self, flow: Flow) -> int:
        return flow.queued_count

    @admin.display(description=_("Missing"), ordering="missing_count")
    def missing(self, flow: Flow) -> str | None:
        """`3 of 12`, which leads to the three; empty for a flow that expects no one."""
        if not flow.expected_count:
            return None
        numbers = {"missing": intcomma(flow.missing_count), "expected": intcomma(flow.expected_count)}
        text = gettext("%(missing)s of %(expected)s") % numbers
        if not flow.missing_count:
            return text
        return format_html('<a class="gb-link" href="{}&amp;missing=yes">{}</a>', people_of(flow), text)

    @admin.display(description=_("Assessment ends"), ordering="assessment_ends_at")
    def ends(self, flow: Flow) -> str | None:
        return short_moment(flow.assessment_ends_at) if flow.assessment_ends_at else None

    @admin.display(description=_("Last attempt"))
    def last_attempt(self, flow: Any) -> str:
        return short_moment(flow.last_attempt) if flow.last_attempt else gettext("None yet")


def people_of(flow: Flow) -> str:
    """The address of the list of the flow's participants."""
    return f"{reverse('admin:exports_participant_changelist')}?flow__exact={flow.pk}"
