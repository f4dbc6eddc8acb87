"""Deliveries: each person's value in each attempt."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link, state_pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from exports.admin.grades.guidance import ExplainsCauses
from exports.admin.grades.people import FindsSeveral
from exports.models import Delivery
from exports.models.delivery import PROBLEMS_FIRST
from exports.templatetags.grades import person, person_cell


@admin.register(Delivery)
class DeliveryAdmin(FindsSeveral, ExplainsCauses, HistoryAdmin):
    list_display = ["user_id", "in_flow", "in_attempt", "value", "destination", "status", "reason", "finished_at"]
    list_filter = ["state", "cause", ("attempt", LinkedRowFilter), ("participant", LinkedRowFilter)]
    list_select_related = ["participant", "attempt__flow"]
    search_fields = ["participant__user_id", "participant__learn_user_id"]
    search_help_text = _("One or several user ids")
    readonly_fields = ["status", *ExplainsCauses.readonly_fields, "of_participant", "in_flow", "in_attempt"]
    fieldsets = [
        (_("Result"), {"fields": ["status", "reason", "finished_at"]}),
        (_("Grade"), {"fields": ["of_participant", "in_flow", "in_attempt", "mark", "alternative_grade"]}),
        (_("Sent to Learn"), {"fields": ["value", "course_id", "column_name", "learn_user_id"]}),
    ]

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """The newest first, which an index serves; those of one attempt as on its page, problems first."""
        return PROBLEMS_FIRST if request.GET.get("attempt__exact") else ["-pk"]

    @admin.display(description=_("User id"))
    def user_id(self, delivery: Delivery) -> str:
        return person_cell(delivery.participant, delivery.participant.user_id)

    @admin.display(description=_("Participant"))
    def of_participant(self, delivery: Delivery) -> str:
        return person(delivery.participant)

    @admin.display(description=_("Flow"))
    def in_flow(self, delivery: Delivery) -> str:
        return link(delivery.attempt.flow, delivery.attempt.flow.flow_id)

    @admin.display(description=_("Attempt"))
    def in_attempt(self, delivery: Delivery) -> str:
        return link(delivery.attempt, delivery.attempt_id)

    @admin.display(description=_("Course and column"))
    def destination(self, delivery: Delivery) -> str | None:
        return f"{delivery.course_id} · {delivery.column_name}" if delivery.course_id else None

    @admin.display(description=_("State"))
    def status(self, delivery: Delivery) -> str:
        return state_pill(delivery)
