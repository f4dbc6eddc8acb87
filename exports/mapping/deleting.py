"""A grade column deleted in Learn: what is in it, whether it may be deleted, and what becomes of its grades."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from common.database.bulk import among
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

    delivered: int  # grades that are in it
    unconfirmed: int  # grades that may be in it
    in_progress: int  # grades that are being sent to it
    flows: list[str]  # ids of the flows that are mapped to it
    flows_with_grades: list[tuple[str, int]]  # whose grades are in it, with their number

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
        in_progress=being_sent_to(column).count(),
        flows=list(mappings.order_by("flow__flow_id").values_list("flow__flow_id", flat=True).distinct()),
        flows_with_grades=list(by_flow.order_by("participant__flow__flow_id")),
    )


def being_sent_to(column: GradeColumn) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        course_id=column.course.course_id, column_name=column.name, state__in=Delivery.OPEN
    ).order_by()


@transaction.atomic
def delete_in_learn(
    column: GradeColumn, *, typed_name: str, although_graded: bool, by: User, in_background: bool = True
) -> ProvisioningRun:
    """Record a run that deletes the column in Learn, for a worker to carry out. Raises DeletionRefused.

    `although_graded`: two people have agreed that the grades in it may be lost. From here on no grade is sent
    to the column: the rows of its flows are locked, so an export is recorded either before this, and seen, or after it,
    and refused.
    """
    lock_flows([column.pk])
    column = GradeColumn.objects.select_related("course").select_for_update(of=("self",)).get(pk=column.pk)
    if typed_name.strip() != column.name.strip():
        raise DeletionRefused(
            gettext("You typed '%(typed)s', but the name of the column is '%(name)s'. Nothing was deleted.")
            % {"typed": typed_name, "name": column.name}
        )
    if reason := reason_to_keep(column, content_of(column), although_graded=although_graded):
        raise DeletionRefused(reason)
    run = provisioning.request_deletion(column, by=by)
    if in_background:
        carry_out_run.enqueue(run.pk)
    return run


def reason_to_keep(column: GradeColumn, content: Content, *, although_graded: bool) -> str:
    """Why the column stays, "" if it may go."""
    if not column.takes_grades:
        return gettext("The column is deleted in Learn already, or is being deleted.")
    if ProvisioningStep.objects.filter(column=column, state__in=ProvisioningStep.OPEN).exists():
        return gettext("The column is already being changed in Learn. Try again when that run has finished.")
    if content.in_progress:
        return gettext("Grades are being sent to this column. Try again when they have been delivered.")
    if content.delivered and not although_graded:
        text = ngettext(
            "%(count)s delivered grade is in this column and would be lost. An administrator can request that, and a "
            "second person must agree.",
            "%(count)s delivered grades are in this column and would be lost. An administrator can request that, and a "
            "second person must agree.",
            content.delivered,
        )
        return text % {"count": intcomma(content.delivered)}
    if content.unconfirmed and not although_graded:
        text = ngettext(
            "%(count)s grade may be in this column: Learn has not confirmed it. Retry it first. An administrator can "
            "request that it is lost, and a second person must agree.",
            "%(count)s grades may be in this column: Learn has not confirmed them. Retry them first. An administrator "
            "can request that they are lost, and a second person must agree.",
            content.unconfirmed,
        )
        return text % {"count": intcomma(content.unconfirmed)}
    return ""


@transaction.atomic
def mark_as_not_in_learn(columns: QuerySet[GradeColumn]) -> int:
    """Someone has checked that these columns are not in Learn: nor are the grades that were delivered to them."""
    present = models.not_known_to_be_gone(columns)
    lock_flows(list(present.values_list("pk", flat=True)))
    for column in present.select_related("course"):
        take_grades_out(GradeColumn, column=column, is_certain=True)
    present.update(external_set_at=None, external_reason={})
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
    """Learn has deleted the column, or may have: no grade there counts as exported any more.

    Connected to `provisioning.column_deleted`. What was exported stays known, so that an alternative grade keeps its
    lock (R11) and nothing but the same grade is sent again (R3).
    """
    cause, detail = Cause.COLUMN_DELETED, {"column_name": column.name}
    if not is_certain:
        cause = Cause.UNCONFIRMED
        now = timezone.now().isoformat()
        detail = {"reason": "COLUMN_PERHAPS_DELETED", "column_name": column.name, "deleted_on": now}
    grades = GradeInLearn.objects.in_column(column)
    flows = Flow.objects.filter(pk__in=grades.order_by().values("participant__flow")).order_by("pk")
    pks = list(flows.select_for_update().values_list("pk", flat=True))
    theirs = Participant.objects.filter(
        pk__in=list(grades.filter(left_behind_at__isnull=True).values_list("participant", flat=True))
    )
    # Not who has an overwrite in progress to another column: that one decides.
    theirs.exclude(state=ExportState.QUEUED).update(
        state=ExportState.FAILED, cause=cause, detail=detail, cause_source_code="", failed_at=timezone.now()
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
