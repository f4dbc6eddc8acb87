"""Participants: where every person's grade stands."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.text import Truncator

from common.admin.cells import link, state_pill
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from exports.admin.corrections import is_correctable, may_ask
from exports.admin.imports import ExportFailedMixin
from exports.admin.retry import RetriesFailed
from exports.models import Flow, GradeInLearn, Participant
from exports.models.participant import ParticipantQuerySet
from exports.templatetags.grades import grade_cells, reason

MOST_DELIVERIES = 50  # on one page
MOST_CORRECTIONS = 10
MOST_CHARACTERS = 60  # of a flow's title in a cell


@admin.register(Participant)
class ParticipantAdmin(ExportFailedMixin, RetriesFailed, HistoryAdmin):
    actions = ["retry_failed", *ExportFailedMixin.FILE_ACTIONS]
    list_display = ["user_id", "learn_user_id", "of_flow", "standing", "value_in_learn", "since", "reason"]
    list_filter = ["state", "changed_since_export", "cause", ("flow", OnlyChosen)]
    list_select_related = ["flow"]
    search_fields = ["user_id", "learn_user_id"]
    search_help_text = "WISEflow or Learn user id, flow id or title"
    fieldsets = [
        (
            "Where the grade is",
            {"fields": ["standing", "reason", ("value_in_learn", "since"), "changed"]},
        ),
        ("What WISEflow sent last", {"fields": [("mark", "alternative_grade")]}),
        ("Person", {"fields": ["of_flow", ("user_id", "learn_user_id"), "roster", "by_source"]}),
    ]
    readonly_fields = ["standing", "reason", "value_in_learn", "since", "changed", "of_flow", "roster", "by_source"]
    change_form_outer_after_template = "admin/exports/participant.html"

    def get_queryset(self, request: HttpRequest) -> ParticipantQuerySet:
        people: ParticipantQuerySet = super().get_queryset(request)
        return people.with_grades()

    def failed_among(self, queryset: ParticipantQuerySet) -> ParticipantQuerySet:
        return queryset.retryable()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Participant], search_term: str
    ) -> tuple[QuerySet[Participant], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:  # a subquery: joined flows would cost a large table seconds
            flows = Flow.objects.filter(Q(flow_id__icontains=search_term) | Q(title__icontains=search_term))
            in_learn = GradeInLearn.objects.filter(learn_user_id__icontains=search_term).order_by()
            found |= queryset.filter(flow__in=flows.order_by()) | queryset.filter(pk__in=in_learn.values("participant"))
        return found, may_have_duplicates

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        participant = self.get_object(request, object_id)
        context = self.history_of(participant, request) if participant else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return response

    def history_of(self, participant: Participant, request: HttpRequest) -> dict[str, Any]:
        deliveries = participant.deliveries.select_related("attempt__flow").order_by("-pk")[: MOST_DELIVERIES + 1]
        corrections = participant.corrections.select_related("asked_by", "decided_by", "attempt")
        in_learn = participant.in_learn
        return {
            "in_learn": in_learn,
            "has_left_behind": any(grade.is_left_behind for grade in in_learn),
            "may_see_grades": request.user.has_perm("exports.view_gradeinlearn"),
            "deliveries": deliveries[:MOST_DELIVERIES],
            "has_more": len(deliveries) > MOST_DELIVERIES,
            "corrections": (latest := corrections[: MOST_CORRECTIONS + 1])[:MOST_CORRECTIONS],
            "has_more_corrections": len(latest) > MOST_CORRECTIONS,
            "may_correct": may_ask(request) and is_correctable(participant),
            "may_retry": self.has_retry_permission(request)
            and Participant.objects.retryable().filter(pk=participant.pk).exists(),
        }

    @admin.display(description="State")
    def standing(self, participant: Participant) -> str:
        return state_pill(participant)

    @admin.display(description="Flow")
    def of_flow(self, participant: Participant) -> str:
        return link(participant.flow, Truncator(participant.flow).chars(MOST_CHARACTERS))

    @admin.display(description="Value in Learn")
    def value_in_learn(self, participant: Participant) -> str | None:
        """Each value, with its Learn user where that is not who the person is said to be, and whether it is certain."""
        return grade_cells(participant) or None

    @admin.display(description="Since")
    def since(self, participant: Participant) -> str | None:
        when = participant.exported_at
        return formats.date_format(timezone.localtime(when), "SHORT_DATETIME_FORMAT") if when else None

    @admin.display(description="Changed since export")
    def changed(self, participant: Participant) -> str:
        return "Yes: WISEflow has sent another grade since" if participant.changed_since_export else "No"

    @admin.display(description="On the roster")
    def roster(self, participant: Participant) -> str:
        if not participant.on_roster:
            return "No"
        return "Yes, added by hand" if participant.added_by == Participant.AddedBy.MANUAL else "Yes, added by the SIS"

    @admin.display(description="Sources")
    def by_source(self, participant: Participant) -> str:
        how = {"SIS": "SIS", "MANUAL": "added by hand", "": "on the roster", None: "named by WISEflow"}
        return ", ".join(f"{code} ({how[added]})" for code, added in participant.sources.items()) or "None known"

    @admin.display(description="Cause and what to do")
    def reason(self, participant: Participant) -> str:
        return reason(participant)
