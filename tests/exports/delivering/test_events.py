"""What is recorded when an attempt ends: of failures and retries a row each, of all else nothing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports import retrying
from exports.delivering import finishing, workers
from exports.grades.causes import Cause
from exports.models import Event, ExportAttempt, Participant
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory

pytestmark = pytest.mark.django_db(transaction=True)

Kind = Event.Kind


def test_an_export_that_ends_well_leaves_no_event(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"})

    assert not Event.objects.exists()


def test_an_export_that_fails_in_part_leaves_one_with_counts_and_causes(learn, flow, wiseflow):
    wiseflow.export(
        *({"userId": f"u{number}", "mark": "B"} for number in range(1, 4)),
        *({"userId": f"nobody{number}", "mark": "B"} for number in range(2)),
        {"userId": "u9"},  # no assessment
        {"mark": "B"},  # no one
    )

    event = Event.objects.get()
    assert (event.kind, event.flow) == (Kind.EXPORT_FAILED, flow)
    assert event.data == {
        "attempt": ExportAttempt.objects.get().pk,
        "trigger": "EXPORT",
        "delivered": 3,
        "not_delivered": 4,
        "causes": {"NO_ASSESSMENT": 1, "NO_USER_ID": 1, "REJECTED_BY_LEARN": 2},
    }


def test_an_export_that_is_refused_at_once_leaves_one_too(learn, wiseflow):
    FlowFactory(flow_id="77")  # not mapped

    wiseflow.export({"userId": "u1", "mark": "B"})

    assert Event.objects.get().data["causes"] == {Cause.NOT_MAPPED: 1}


def test_people_who_are_left_out_on_purpose_are_no_failure(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2"})

    assert not Event.objects.exists()


def test_a_retry_leaves_one_however_it_ends(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"})
    learn.world.replace({"courses": {}})
    wiseflow.export({"userId": "u2", "mark": "B"})
    Event.objects.all().delete()

    again = retrying.retry(Participant.objects.failed(), by=None, in_background=False)
    workers.deliver(again.attempts[0], queued=again.queued, until=again.attempts[0].ends_by)

    event = Event.objects.get()
    assert (event.kind, event.data["trigger"], event.data["not_delivered"]) == (Kind.RETRY_FINISHED, "RETRY", 1)


def test_attempts_that_are_finished_together_leave_their_events_in_one_statement():
    deliveries = [DeliveryFactory(failed=True, attempt=ExportAttemptFactory(running=True)) for _number in range(5)]

    with CaptureQueriesContext(
        connection,
    ) as statements:
        finishing.finish([delivery.attempt_id for delivery in deliveries])

    assert Event.objects.count() == 5
    assert sum("exports_event" in each["sql"] for each in statements) == 1


def test_an_attempt_that_is_swept_leaves_its_event():
    DeliveryFactory(attempt=ExportAttemptFactory(dead=True), queued=True, participant__queued=True)

    finishing.sweep()
    finishing.sweep()

    assert Event.objects.get().data["causes"] == {Cause.INTERRUPTED: 1}


def test_a_correction_that_is_requested_leaves_one(exported, asker):
    from exports import correcting

    correction = correcting.ask(exported, mark="A", reason="Added up wrongly", by=asker)

    event = Event.objects.get()
    assert (event.kind, event.flow, event.data) == (
        Kind.CORRECTION_REQUESTED,
        exported.flow,
        {"correction": correction.pk},
    )
