"""Exams that are over, as a purge finds them."""

from datetime import timedelta

from django.utils import timezone

from exports.models import Flow
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def exam(**traits):
    """One that was exported and ended 31 days ago, with nothing younger."""
    dates = {"assessment_ends_at": days_ago(31), "synchronised_at": days_ago(40)}
    flow = FlowFactory(mapped=True, **{**dates, **traits})
    person = ParticipantFactory(flow=flow, exported=True)
    DeliveryFactory(attempt=attempt_of(flow), participant=person, finished_at=days_ago(31))
    Flow.history.update(history_date=days_ago(40))
    return flow


def attempt_of(flow, days=31):
    return ExportAttemptFactory(flow=flow, started_at=days_ago(days), finished_at=days_ago(days))
