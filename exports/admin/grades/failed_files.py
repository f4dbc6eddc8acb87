"""Who has failed, and why, as a file for a colleague: of a list of participants, and of one attempt."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from common.admin.base import BaseAdmin
from common.spreadsheets.pages import attachment
from exports.admin.grades.guidance import may_configure
from exports.grades.causes import Cause
from exports.grades.sentences import sentence, what_to_do
from exports.mapping.valid_values import Mappings, source_of
from exports.models import ColumnMapping, Delivery, ExportAttempt, Participant
from exports.models.participant import ParticipantQuerySet

FAILED_COLUMNS = (
    *("flow_id", "flow_title", "user_id", "first_name", "last_name", "learn_user_id", "source_code"),
    *("course_id", "column_name", "mark", "alternative_grade", "cause", "reason", "what_to_do", "valid_values"),
    "failed_at",
)


class ExportsFailed(BaseAdmin):
    """The participants' admin: who has failed among those selected, and why. `FILE_ACTIONS` are to be its actions."""

    FILE_ACTIONS = ("export_failed", "export_failed_xlsx")

    @admin.action(description=_("Export failed grades as CSV"), permissions=["view"])
    def export_failed(self, request: HttpRequest, queryset: ParticipantQuerySet) -> HttpResponse:
        return download_failed(request, queryset, "csv")

    @admin.action(description=_("Export failed grades as Excel"), permissions=["view"])
    def export_failed_xlsx(self, request: HttpRequest, queryset: ParticipantQuerySet) -> HttpResponse:
        return download_failed(request, queryset, "xlsx")


def download_failed(request: HttpRequest, participants: ParticipantQuerySet, ending: str) -> HttpResponse:
    """The failed among these, with where each leads today. Named for the flow, where they are all of one."""
    failed = participants.failed().prefetch_related(None)
    flows = dict(failed.order_by().values_list("flow_id", "flow__flow_id").distinct())
    mappings, may_act = Mappings(flows), may_configure(request)
    people = failed.select_related("flow").order_by("flow__flow_id", "user_id")
    rows = (failed_row(person, mappings, may_act) for person in people.iterator())
    of_flow = f"-{slugify(next(iter(flows.values())))}" if len(flows) == 1 else ""
    return attachment(f"failed-grades{of_flow}".rstrip("-"), ending, FAILED_COLUMNS, rows)


def failed_row(person: Participant, mappings: Mappings, may_act: bool) -> tuple[Any, ...]:
    mapping = mappings.of(person.flow_id, source_of(person))
    return (
        *who(person),
        person.learn_user_id or person.user_id,
        source_of(person) or person.source_names,
        *place_of(mapping),
        person.mark,
        person.alternative_grade,
        *why(person, may_act),
        mappings.valid_values(person, person.flow_id),
        person.failed_at,
    )


def download_undelivered(request: HttpRequest, attempt: ExportAttempt, ending: str) -> HttpResponse:
    """What an attempt did not deliver, as it was then."""
    mappings, may_act = Mappings([attempt.flow_id]), may_configure(request)
    failed = attempt.deliveries.exclude(cause="").select_related("participant__flow")
    name = f"failed-grades-{slugify(attempt.flow.flow_id)}-attempt-{attempt.pk}"
    return attachment(name, ending, FAILED_COLUMNS, undelivered_rows(failed, mappings, may_act))


def undelivered_rows(failed: Any, mappings: Mappings, may_act: bool) -> Iterator[tuple[Any, ...]]:
    for delivery in failed.order_by("participant__user_id", "pk").iterator():
        yield undelivered_row(delivery, mappings, may_act)


def undelivered_row(delivery: Delivery, mappings: Mappings, may_act: bool) -> tuple[Any, ...]:
    person: Participant = delivery.participant
    was_to_go = (delivery.course_id, delivery.column_name)
    failed_at: datetime | None = delivery.finished_at
    return (
        *who(person),
        delivery.learn_user_id or person.learn_user_id or person.user_id,
        delivery.source_code or person.source_names,
        *(was_to_go if delivery.course_id else place_of(mappings.of(person.flow_id, delivery.source_code))),
        delivery.mark,
        delivery.alternative_grade,
        *why(delivery, may_act),
        mappings.valid_values(delivery, person.flow_id),
        failed_at,
    )


def who(person: Participant) -> tuple[str, ...]:
    return person.flow.flow_id, person.flow.title, person.user_id, person.first_name, person.last_name


def place_of(mapping: ColumnMapping | None) -> tuple[str, str]:
    """Course and column."""
    return (mapping.grade_column.course.course_id, mapping.grade_column.name) if mapping else ("", "")


def why(row: Participant | Delivery, may_act: bool) -> tuple[str, str, str]:
    cause = Cause(row.cause)
    return cause.value, sentence(cause, row.detail), what_to_do(cause, may_configure=may_act)
