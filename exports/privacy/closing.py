"""Flows that no one works with any more, and flows that never were anything: deleted whole.

A flow that loses its mapping first can send nothing: whatever is gone of it afterwards, no grade is sent twice. A run
that is killed in the middle leaves such a flow, and the next run goes on with it.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from common import stopping
from courses.models import EnrolmentMetadata, Provisioned, ProvisioningStep
from exports.grades.causes import HELD_BACK, SKIPS
from exports.models import (
    ColumnMapping,
    Correction,
    Decision,
    Delivery,
    Evidence,
    Exemption,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    Hold,
    Participant,
)
from exports.models.flow import FlowQuerySet

CLOCK_DIFFERENCE = timedelta(minutes=1)  # between the machines of two processes
PEOPLE_AT_A_TIME = 500  # with their deliveries, grades and proofs, in one transaction


def closed_flows(before: datetime) -> FlowQuerySet:
    """Whose period ended before then, or that have none and were exported last before then; with nothing open.

    Not open: people who failed for a cause that leaves them out on purpose, and people of whom nothing ever came.
    """
    return nothing_open(ended(before)).exclude(shares_a_column(before)).exclude(is_empty())


def ended(before: datetime) -> FlowQuerySet:
    """With nothing younger than that: no attempt, grade, roster, fetch or change of its settings."""
    attempts = ExportAttempt.objects.filter(flow=OuterRef("pk")).order_by()
    people = Participant.objects.filter(flow=OuterRef("pk")).order_by()
    grades = GradeInLearn.objects.filter(participant__flow=OuterRef("pk")).order_by()
    # Attempts may have been purged already: that something has come is known from the flow's people.
    over = Q(assessment_ends_at__lt=before) | Q(assessment_ends_at__isnull=True) & ~Q(state=ExportState.NOT_EXPORTED)
    return (
        Flow.objects.filter(over)
        .exclude(roster_imported_at__gte=before)
        .exclude(synchronised_at__gte=before)
        .exclude(in_wiseflow__fetched_at__gte=before)
        .exclude(Exists(attempts.exclude(finished_at__lt=before)))
        .exclude(Exists(people.filter(Q(failed_at__gte=before) | Q(forgotten_at__gte=before))))
        .exclude(Exists(grades.filter(Q(since__gte=before) | Q(until__gte=before))))
        .exclude(changed_since(before))
    )


def changed_since(moment: datetime) -> Exists:
    return Exists(Flow.history.filter(id=OuterRef("pk"), history_date__gte=moment).order_by())


def nothing_open(flows: FlowQuerySet) -> FlowQuerySet:
    theirs = Q(participant__flow=OuterRef("pk"))
    people = Participant.objects.filter(flow=OuterRef("pk")).order_by()
    fails = Q(state=ExportState.FAILED) & ~Q(cause__in=SKIPS)
    waits = Q(state=ExportState.QUEUED) | Q(cause__in=HELD_BACK) | ~Q(approved_mark="")
    still_open: list[QuerySet[Any]] = [
        people.filter(fails | waits),
        Delivery.objects.filter(theirs, state__in=Delivery.OPEN).order_by(),
        Correction.objects.filter(theirs, state=Correction.State.ASKED).order_by(),
        Decision.objects.filter(theirs, state=Decision.State.ASKED).order_by(),
        Exemption.objects.filter(flow=OuterRef("pk"), state=Exemption.State.ASKED).order_by(),
        Hold.objects.open().filter(flow=OuterRef("pk")).order_by(),
        GradeInLearn.objects.left_behind().filter(theirs).order_by(),
        GradeInLearn.objects.different().filter(theirs).order_by(),
    ]
    for rows in still_open:
        flows = flows.exclude(Exists(rows))
    return flows


def shares_a_column(before: datetime) -> Q:
    """Of a flow: whether another one that is not over yet leads to one of its columns, as a resit does, or to one that
    a grade of it is or was in. What is there in Learn must stay known until that one is over too.
    """
    over = nothing_open(ended(before)).order_by().values("pk")
    others = ColumnMapping.objects.exclude(flow__in=over).order_by()
    same = others.exclude(flow=OuterRef("flow")).filter(grade_column=OuterRef("grade_column"))
    by_mapping = ColumnMapping.objects.filter(Exists(same), flow=OuterRef("pk")).order_by()
    lead = others.exclude(flow=OuterRef("participant__flow")).filter(
        grade_column__name=OuterRef("column_name"), grade_column__course__course_id=OuterRef("course_id")
    )
    by_grade = GradeInLearn.objects.filter(Exists(lead), participant__flow=OuterRef("pk")).order_by()
    return Exists(by_mapping) | Exists(by_grade)


def is_empty() -> Q:
    """What is left of a flow with evidence, of which the register needs to know the name."""
    evidence, people, attempts, mappings = (
        Exists(model.objects.filter(flow=OuterRef("pk")).order_by())
        for model in (Evidence, Participant, ExportAttempt, ColumnMapping)
    )
    return Q(evidence) & ~Q(people) & ~Q(attempts) & ~Q(mappings)


def unused_flows(before: datetime) -> FlowQuerySet:
    """Never mapped, never delivered, and with nothing younger than that: a mistyped address at WISEflow makes them."""
    younger = ExportAttempt.objects.filter(flow=OuterRef("pk")).exclude(finished_at__lt=before).order_by()
    flows = Flow.objects.never_used().exclude(Exists(younger)).exclude(changed_since(before))
    return flows.exclude(assessment_ends_at__gte=before).exclude(roster_imported_at__gte=before)


def delete_flows(flows: FlowQuerySet) -> int:
    """Returns how many."""
    deleted = 0
    for pk in list(flows.order_by("pk").values_list("pk", flat=True)):
        if stopping.is_requested():
            break
        deleted += delete_flow(flows, pk)
    return deleted


def delete_flow(flows: FlowQuerySet, pk: int) -> bool:
    """Whether it was still one of them once it was locked, and nothing has come until it was gone: that stays."""
    began = timezone.now() - CLOCK_DIFFERENCE
    with transaction.atomic():
        flow = Flow.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if flow is None or not flows.filter(pk=pk).exists():
            return False
        flow.column_mappings.all().delete()  # from here on nothing of it can be sent
        Flow.objects.filter(pk=pk).update(synchronised_at=None)  # no change that someone made: no line of the history
        last = flow.participants.aggregate(last=Max("pk"))["last"] or 0
    known = flow.participants.filter(pk__lte=last).order_by("pk")
    while people := list(known.values_list("pk", flat=True)[:PEOPLE_AT_A_TIME]):
        if stopping.is_requested():
            return False
        with transaction.atomic():
            Flow.objects.select_for_update(no_key=True).get(pk=pk)
            if flow.attempts.filter(started_at__gte=began).exists():
                return False
            if Delivery.objects.filter(participant__in=people, state__in=Delivery.OPEN).exists():
                return False
            Participant.objects.filter(pk__in=people).delete()
    with transaction.atomic():
        flow = Flow.objects.select_for_update(no_key=True).get(pk=pk)
        if flow.participants.exists() or flow.attempts.filter(started_at__gte=began).exists():
            return False
        flow.exemptions.all().delete()
        if not flow.evidence.exists():
            flow.delete()
            return True
        flow.attempts.all().delete()
        Flow.objects.filter(pk=pk).update(assessment_ends_at=None, roster_imported_at=None)  # nothing is expected
        Flow.objects.refresh([pk])
    return True


def old_metadata(before: datetime) -> QuerySet[EnrolmentMetadata]:
    """In Learn since before then. There it stays."""
    working = ProvisioningStep.objects.filter(metadata=OuterRef("pk"), state__in=ProvisioningStep.OPEN).order_by()
    in_learn = EnrolmentMetadata.objects.filter(status=Provisioned.Status.PROVISIONED, provisioned_at__lt=before)
    return in_learn.exclude(Exists(working))


def delete_metadata(rows: QuerySet[EnrolmentMetadata]) -> int:
    """Without a last line in its history, which would hold what it was."""
    with transaction.atomic():
        pks = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        ProvisioningStep.objects.filter(metadata__in=pks).update(metadata=None)
        chosen: Any = EnrolmentMetadata.objects.filter(pk__in=pks)
        chosen._raw_delete(chosen.db)
    return len(pks)
