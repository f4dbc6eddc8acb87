"""What is older than a moment and of no more use, kind by kind. Nothing that is open, or that a manager still needs;
and never what is known of a grade's place in Learn, without which it could be sent twice.
"""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from courses.models import ServiceCall
from exports.grades.causes import HELD_BACK
from exports.models import (
    Correction,
    Decision,
    Delivery,
    Digest,
    Event,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    LearnCheck,
    Participant,
    Proof,
    RetryRun,
    WebhookMessage,
)


def old_attempts(before: datetime) -> QuerySet[ExportAttempt]:
    """Finished ones that no manager needs any more. An attempt and all its deliveries are purged, or none of them."""
    deliveries = Delivery.objects.filter(attempt=OuterRef("pk"))
    # Of what was held back of several sources, the deliveries alone know which grade was for which.
    held_back = Q(participant__state=ExportState.EXPORTED, participant__cause__in=HELD_BACK)
    known = Q(participant__forgotten_at__isnull=True)
    return (
        ExportAttempt.objects.filter(finished_at__lt=before)
        .exclude(Exists(deliveries.filter(state__in=Delivery.OPEN)))
        .exclude(Exists(deliveries.filter(Q(participant__state=ExportState.FAILED) & known | held_back)))
    )


def old_deliveries(before: datetime) -> QuerySet[Delivery]:
    """They go with their attempts."""
    return Delivery.objects.filter(attempt__in=old_attempts(before).order_by())


def old_retries(before: datetime) -> QuerySet[RetryRun]:
    return RetryRun.objects.filter(requested_at__lt=before, attempts__isnull=True)


def old_corrections(before: datetime) -> QuerySet[Correction]:
    """Decided ones, unless their mark is not in Learn yet."""
    people = Participant.objects.filter(pk=OuterRef("participant")).order_by()
    waiting = people.filter(~Q(approved_mark="") | Q(state__in=[ExportState.FAILED, ExportState.QUEUED]))
    approved = Q(state=Correction.State.APPROVED)
    decided = Correction.objects.filter(decided_at__lt=before)
    return decided.exclude(approved & Exists(waiting.filter(forgotten_at__isnull=True)))


def old_decisions(before: datetime) -> QuerySet[Decision]:
    """Declined ones, and those that a newer one about the place replaces. What is in force goes with its flow."""
    newer = Decision.objects.in_force().filter(
        course_id=OuterRef("course_id"),
        column_name=OuterRef("column_name"),
        learn_user_id=OuterRef("learn_user_id"),
        decided_at__gt=OuterRef("decided_at"),
    )
    decided = Decision.objects.filter(decided_at__lt=before)
    return decided.filter(Q(state=Decision.State.DECLINED) | Exists(newer.order_by()))


def old_proofs(before: datetime) -> QuerySet[Proof]:
    """Those that a newer one of the same grade has followed."""
    latest = GradeInLearn.objects.filter(proof=OuterRef("pk"), pk=OuterRef("grade")).order_by()
    return Proof.objects.filter(read_at__lt=before).exclude(Exists(latest))


def old_checks(before: datetime) -> QuerySet[LearnCheck]:
    """Of exams that are over."""
    return LearnCheck.objects.filter(flow__assessment_ends_at__lt=before, tried_at__lt=before, requested_at=None)


def old_calls(before: datetime, attempts: QuerySet[ExportAttempt]) -> QuerySet[ServiceCall]:
    """Of no attempt but those, which go too. The quota is counted from calls of 24 hours: `before` is earlier."""
    kept = ExportAttempt.calls.through.objects.filter(servicecall=OuterRef("pk")).order_by()
    calls = ServiceCall.objects.filter(started_at__lt=before).exclude(lifts_at__gt=timezone.now())
    return calls.exclude(Exists(kept.exclude(exportattempt__in=attempts.order_by())))


def old_tasks(before: datetime) -> QuerySet[Any]:
    found: QuerySet[Any] = DBTaskResult.objects.finished().filter(finished_at__lt=before)
    return found


def old_events(before: datetime) -> QuerySet[Event]:
    """With their messages to webhooks. What is still so would be recorded again, and is kept."""
    late = Flow.objects.late(timezone.now()).order_by().values("pk")
    ending = Flow.objects.filter(assessment_ends_at__gt=timezone.now()).order_by().values("pk")
    kept = Q(kind=Event.Kind.NOT_ARRIVED, flow__in=late) | Q(kind=Event.Kind.MAPPING_FAULTS, flow__in=ending)
    being_sent = Q(digests__state__in=Digest.OPEN) | Q(messages__state__in=WebhookMessage.OPEN)
    return (
        Event.objects.filter(at__lt=before).exclude(kept).exclude(pk__in=Event.objects.filter(being_sent).values("pk"))
    )


def historical_models() -> list[Any]:
    return [model for model in apps.get_models() if hasattr(model, "history_date")]


def old_history(model: Any, before: datetime) -> QuerySet[Any]:
    """Of what is there still, the last change stays: it says who has made it what it is."""
    key = model.instance_type._meta.pk.attname
    newer = model.objects.filter(**{key: OuterRef(key)}, history_id__gt=OuterRef("history_id")).order_by()
    live = model.instance_type.objects.filter(pk=OuterRef(key)).order_by()
    rows: QuerySet[Any] = model.objects.filter(history_date__lt=before).filter(Exists(newer) | ~Exists(live))
    return rows
