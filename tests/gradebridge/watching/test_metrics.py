"""What Prometheus reads."""

from datetime import timedelta

import pytest
from django.utils import timezone

from exports.models import Delivery, ExportState, Flow
from gradebridge.environment import networks
from tests.factories import (
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    HoldFactory,
    ParticipantFactory,
    RefusedRequestFactory,
    ServiceCallFactory,
)

pytestmark = pytest.mark.django_db


def lines(client):
    return client.get("/metrics").text.splitlines()


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_count_by_state_and_name_no_one(client, path):
    flow = FlowFactory(title="Biology")
    ParticipantFactory(flow=flow, user_id="ann", failed=True)
    ParticipantFactory(flow=flow, user_id="bob", exported=True)
    ExportAttemptFactory(flow=flow)
    Flow.objects.refresh([flow.pk])

    response = client.get(path)
    found = response.text.splitlines()

    assert response["Content-Type"].startswith("text/plain")
    assert 'gradebridge_flows{state="FAILED"} 1.0' in found
    assert 'gradebridge_flows{state="EXPORTED"} 0.0' in found
    assert 'gradebridge_participants{state="FAILED"} 1.0' in found
    assert 'gradebridge_participants{state="EXPORTED"} 1.0' in found
    assert 'gradebridge_participants{state="QUEUED"} 0.0' in found
    assert 'gradebridge_attempts{state="FAILED"} 1.0' in found
    assert not any(word in response.text for word in ("ann", "bob", "Biology"))


def test_metrics_say_what_is_held_and_whether_all_sending_is_paused(client):
    HoldFactory.create_batch(2)
    HoldFactory(person=True)
    HoldFactory(released=True, pause=True)

    found = lines(client)
    assert 'gradebridge_holds{kind="flow"} 2.0' in found
    assert 'gradebridge_holds{kind="participant"} 1.0' in found
    assert "gradebridge_sending_paused 0.0" in found

    HoldFactory(pause=True)
    assert "gradebridge_sending_paused 1.0" in lines(client)


def test_grades_are_counted_by_outcome_and_cause_for_an_hour_and_while_they_are_failed(client):
    now = timezone.now()
    recent = ExportAttemptFactory(finished_at=now - timedelta(minutes=5))
    old = ExportAttemptFactory(finished_at=now - timedelta(hours=2))
    for attempt in (recent, old):
        person = ParticipantFactory(flow=attempt.flow, state=ExportState.FAILED, cause="LEARN_UNAVAILABLE")
        DeliveryFactory(
            attempt=attempt, participant=person, state=Delivery.State.FAILED, cause="LEARN_UNAVAILABLE", finished_at=now
        )

    found = lines(client)

    assert 'gradebridge_grades_lately{cause="LEARN_UNAVAILABLE",outcome="FAILED"} 1.0' in found
    assert 'gradebridge_failed_grades{cause="LEARN_UNAVAILABLE"} 2.0' in found


def test_calls_to_learn_are_a_histogram_of_the_last_hour_by_service_and_result(client):
    now = timezone.now()
    for seconds in (0.2, 0.3, 12):
        ServiceCallFactory(seconds=seconds, started_at=now)
    ServiceCallFactory(seconds=20, started_at=now, error="Unavailable")
    ServiceCallFactory(seconds=1, started_at=now - timedelta(hours=2))

    found = lines(client)

    ok = 'result="ok",service="gradeValueAPI"'
    assert f'gradebridge_learn_call_seconds_bucket{{le="0.25",{ok}}} 1.0' in found
    assert f'gradebridge_learn_call_seconds_bucket{{le="+Inf",{ok}}} 3.0' in found
    assert f"gradebridge_learn_call_seconds_gsum{{{ok}}} 12.5" in found
    assert 'gradebridge_learn_call_seconds_gcount{result="Unavailable",service="gradeValueAPI"} 1.0' in found
    assert "gradebridge_learn_calls_left 9995.0" in found


def test_what_waits_says_for_how_long(client):
    began = timezone.now() - timedelta(minutes=30)
    attempt = ExportAttemptFactory(running=True, started_at=began)
    DeliveryFactory(attempt=attempt, queued=True)

    found = dict(line.rsplit(" ", 1) for line in lines(client) if not line.startswith("#"))

    assert found["gradebridge_queued_grades"] == "1.0"
    assert float(found["gradebridge_queued_grades_oldest_seconds"]) == pytest.approx(1800, abs=30)


def test_what_should_have_been_proven_and_what_should_have_come_is_counted(client):
    now = timezone.now()
    GradeInLearnFactory(since=now - timedelta(days=2))
    GradeInLearnFactory(since=now)  # too young to be read back
    FlowFactory(assessment_ends_at=now - timedelta(days=3))

    found = dict(line.rsplit(" ", 1) for line in lines(client) if not line.startswith("#"))

    assert found["gradebridge_unproven_grades"] == "1.0"
    assert float(found["gradebridge_unproven_grades_oldest_seconds"]) == pytest.approx(172_800, abs=60)
    assert found["gradebridge_late_flows"] == "1.0"


def test_refused_requests_of_the_last_hour_are_counted_by_status(client):
    RefusedRequestFactory(status=401, count=7, last_at=timezone.now())

    assert 'gradebridge_refused_requests_lately{status="401"} 7.0' in lines(client)


def test_the_number_of_statements_does_not_depend_on_what_is_counted(client, django_assert_max_num_queries):
    for _ in range(5):
        ExportAttemptFactory()
        ServiceCallFactory()

    with django_assert_max_num_queries(24):
        client.get("/metrics")


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("192.0.2.1", 403)])
def test_metrics_can_be_for_some_networks_alone(client, settings, address, status):
    settings.METRICS_NETWORKS = networks("10.0.0.0/8")

    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


def test_a_proxy_that_is_not_trusted_does_not_open_metrics(client, settings):
    settings.METRICS_NETWORKS = networks("10.0.0.0/8")

    response = client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": "10.1.2.3"})

    assert response.status_code == 403
