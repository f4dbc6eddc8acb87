"""Deliveries: each person's value in each attempt."""

from django.contrib import admin

from common.admin.cells import link, state_pill
from common.admin.filters import OnlyChosen
from common.admin.read_only import HistoryAdmin
from exports.models import Delivery
from exports.templatetags.grades import reason


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    list_display = ["user_id", "in_flow", "in_attempt", "value", "destination", "standing", "reason", "settled_at"]
    list_filter = ["state", "cause", ("attempt", OnlyChosen), ("participant", OnlyChosen)]
    list_select_related = ["participant", "attempt__flow"]
    search_fields = ["participant__user_id", "participant__learn_user_id"]
    search_help_text = "WISEflow or Learn user id"
    ordering = ["-pk"]
    readonly_fields = ["standing", "reason", "of_participant", "in_flow", "in_attempt"]
    fieldsets = [
        ("What became of it", {"fields": ["standing", "reason", "settled_at"]}),
        ("Grade", {"fields": ["of_participant", "in_flow", "in_attempt", "mark", "alternative_grade"]}),
        ("What went to Learn", {"fields": ["value", "course_id", "column_name", "learn_user_id"]}),
    ]

    @admin.display(description="User id")
    def user_id(self, delivery: Delivery) -> str:
        return delivery.participant.user_id

    @admin.display(description="Participant")
    def of_participant(self, delivery: Delivery) -> str:
        return link(delivery.participant, delivery.participant.user_id)

    @admin.display(description="Flow")
    def in_flow(self, delivery: Delivery) -> str:
        return link(delivery.attempt.flow, delivery.attempt.flow.flow_id)

    @admin.display(description="Attempt")
    def in_attempt(self, delivery: Delivery) -> str:
        return link(delivery.attempt, delivery.attempt_id)

    @admin.display(description="Course and column")
    def destination(self, delivery: Delivery) -> str | None:
        return f"{delivery.course_id} · {delivery.column_name}" if delivery.course_id else None

    @admin.display(description="State")
    def standing(self, delivery: Delivery) -> str:
        return state_pill(delivery)

    @admin.display(description="Cause and what to do")
    def reason(self, delivery: Delivery) -> str:
        return reason(delivery)
