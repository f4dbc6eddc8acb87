"""A grade column deleted in Learn: what stands in it, whether it may go, and what becomes of its grades."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from common.database.bulk import among
from common.moments import day
from courses import models, provisioning
from courses.models import GradeColumn, ProvisioningRun, ProvisioningStep
from courses.tasks import carry_out_run
from exports.grades.causes import Cause
from exports.models import ColumnMapping, Delivery, ExportState, Flow, GradeInLearn, Participant
from exports.models.grade_in_learn import GradeInLearnQuerySet


class DeletionRefused(Exception):
    """The column stays. The sentence says why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a column holds and who leads to it."""

    delivered: int  # grades that stand in it
    unconfirmed: int  # grades that may stand in it
    on_their_way: int  # grades that are being sent to it
    flows: list[str]  # ids of the flows that are mapped to it
    flows_with_grades: list[tuple[str, int]]  # whose grades stand in it, with their number

    @property
    def holds_grades(self) -> bool:
        """Or may hold some."""
        return bool(self.delivered or self.unconfirmed)


def content_of(column: GradeColumn) -> Content:
    mappings = ColumnMapping.objects.filter(grade_column=column)
    in_column = GradeInLearn.objects.in_column(column).order_by()
    certain = in_column.filter(certainty=GradeInLearn.Certainty.CONFIRMED)
    by_flow = certain.values_list("participant__flow__flow_id").annotate(Count("pk"))
    return Content(
        delivered=certain.count(),
        unconfirmed=in_column.count() - certain.count(),
        on_their_way=travelling_to(column).count(),
        flows=list(mappings.order_by("flow__flow_id").values_list("flow__flow_id", flat=True).distinct()),
        flows_with_grades=list(by_flow.order_by("participant__flow__flow_id")),
    )


def travelling_to(column: GradeColumn) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        course_id=column.course.course_id, column_name=column.name, state__in=Delivery.OPEN
    ).order_by()


@transaction.atomic
def delete_in_learn(
    column: GradeColumn, *, typed_name: str, although_graded: bool, by: User, in_background: bool = True
) -> ProvisioningRun:
    """Record a run that deletes the column in Learn, for a worker to carry out. Raises DeletionRefused.

    `although_graded`: somebody who may do so has said that the grades in it may go. From here on no grade is sent to
    the column: the rows of its flows are locked, so an export is recorded either before this, and seen, or after it,
    and refused.
    """
    lock_flows([column.pk])
    column = GradeColumn.objects.select_related("course").select_for_update(of=("self",)).get(pk=column.pk)
    if typed_name.strip() != column.name.strip():
        raise DeletionRefused(f"You typed '{typed_name}'; the column's name is '{column.name}'. Nothing was deleted.")
    if reason := reason_to_keep(column, content_of(column), although_graded=although_graded):
        raise DeletionRefused(reason)
    run = provisioning.request_deletion(column, by=by)
    if in_background:
        carry_out_run.enqueue(run.pk)
    return run


def reason_to_keep(column: GradeColumn, content: Content, *, although_graded: bool) -> str:
    """Why the column stays, "" if it may go."""
    if not column.takes_grades:
        return "It is deleted in Learn already, or a deletion is on its way."
    if ProvisioningStep.objects.filter(column=column, state__in=ProvisioningStep.OPEN).exists():
        return "Something else is being done to this column in Learn. Try again once that run has finished."
    if content.on_their_way:
        return "Grades are on their way to this column. Try again once they have arrived."
    if content.delivered and not although_graded:
        grades = "1 delivered grade stands" if content.delivered == 1 else f"{content.delivered} delivered grades stand"
        return f"{grades} in this column and would be lost. An administrator can say that they may go."
    if content.unconfirmed and not although_graded:
        grades = "1 grade" if content.unconfirmed == 1 else f"{content.unconfirmed} grades"
        return (
            f"{grades} may stand in this column, unconfirmed. Retry first, or an administrator says that they may go."
        )
    return ""


@transaction.atomic
def mark_as_not_in_learn(columns: QuerySet[GradeColumn]) -> int:
    """Somebody has looked, and these columns do not stand in Learn: nor do the grades that were delivered to them."""
    present = models.not_known_to_be_gone(columns)
    lock_flows(list(present.values_list("pk", flat=True)))
    for column in present.select_related("course"):
        take_grades_out(GradeColumn, column=column, is_certain=True)
    present.update(external_set_at=None, external_message="")
    return models.mark_as_not_in_learn(present)


def lock_flows_before_columns(sender: Any, *, columns: Collection[int], **_: Any) -> None:
    """Connected to `provisioning.columns_locking`."""
    lock_flows(columns)


def lock_flows(columns: Collection[int]) -> None:
    """Lock the flows that lead to these columns or have grades there, in the order of their keys, until the transaction
    ends. Whoever locks columns as well does this first, so that no two wait for each other.
    """
    flows = set(ColumnMapping.objects.filter(grade_column__in=columns).order_by().values_list("flow", flat=True))
    for column in GradeColumn.objects.filter(pk__in=columns).select_related("course"):
        grades = GradeInLearn.objects.in_column(column).order_by()
        flows.update(grades.values_list("participant__flow", flat=True).distinct())
    list(Flow.objects.filter(among("id", flows)).order_by("pk").select_for_update().values_list("pk"))


def take_grades_out(sender: Any, *, column: GradeColumn, is_certain: bool, **_: Any) -> None:
    """Learn has deleted the column, or may have: nobody's grade there is taken for exported any more.

    Connected to `provisioning.column_deleted`. What was exported stays known, so that an alternative grade keeps its
    lock (R11) and nothing but the same grade is sent again (R3).
    """
    cause, detail = Cause.COLUMN_DELETED, column.name
    if not is_certain:
        cause = Cause.UNCONFIRMED
        detail = f"Column {column.name} may have been deleted in Learn on {day(timezone.now())}"
    grades = GradeInLearn.objects.in_column(column)
    flows = Flow.objects.filter(pk__in=grades.order_by().values("participant__flow")).order_by("pk")
    pks = list(flows.select_for_update().values_list("pk", flat=True))
    theirs = Participant.objects.filter(
        pk__in=list(grades.filter(left_behind_at__isnull=True).values_list("participant", flat=True))
    )
    # Not who has an overwrite on its way to another column: that one decides.
    theirs.exclude(state=ExportState.QUEUED).update(
        state=ExportState.FAILED, cause=cause, detail=detail, cause_source_code=""
    )
    end_with_column(grades, is_certain=is_certain)
    Flow.objects.refresh(pks)


def end_with_column(grades: GradeInLearnQuerySet, *, is_certain: bool) -> None:
    """End these grades in the ledger; where it is not certain, they go on as doubtful ones."""
    now = timezone.now()
    ended = list(grades) if not is_certain else []
    Ending = GradeInLearn.Ending
    grades.update(until=now, is_in_learn=None, ended_as=Ending.COLUMN_DELETED if is_certain else Ending.COLUMN_DOUBTED)
    for grade in ended:
        grade.pk, grade.certainty, grade.since = None, GradeInLearn.Certainty.DOUBTFUL, now
    GradeInLearn.objects.bulk_create(ended, batch_size=1000)
