"""What load balancers and Prometheus read."""

import pytest
from django.db import InterfaceError, OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from exports.models import Flow
from tests.factories import ExportAttemptFactory, FlowFactory, HoldFactory, ParticipantFactory


@pytest.mark.parametrize("path", ["/health/live", "/health/live/"])
def test_a_process_that_answers_is_alive_without_its_database(client, path):
    response = client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/ready", "/health/ready/"])
def test_a_process_with_a_migrated_database_is_ready(client, path):
    response = client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ready"})


@pytest.mark.django_db
def test_a_process_whose_database_lacks_a_migration_is_not_ready(client):
    MigrationRecorder.Migration.objects.filter(app="exports").delete()

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "migrations are missing: run migrate"}


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_process_whose_database_is_away_is_not_ready(client, monkeypatch, error):
    def away(*args, **kwargs):
        raise error("no answer")

    monkeypatch.setattr(MigrationExecutor, "__init__", away)

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "the database does not answer"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_count_by_state_and_name_nobody(client, path):
    flow = FlowFactory(title="Biology")
    ParticipantFactory(flow=flow, user_id="ann", failed=True)
    ParticipantFactory(flow=flow, user_id="bob", exported=True)
    ExportAttemptFactory(flow=flow)
    Flow.objects.refresh([flow.pk])

    response = client.get(path)
    lines = response.text.splitlines()

    assert response["Content-Type"].startswith("text/plain")
    assert 'gradebridge_flows{state="FAILED"} 1.0' in lines
    assert 'gradebridge_flows{state="EXPORTED"} 0.0' in lines
    assert 'gradebridge_participants{state="FAILED"} 1.0' in lines
    assert 'gradebridge_participants{state="EXPORTED"} 1.0' in lines
    assert 'gradebridge_participants{state="QUEUED"} 0.0' in lines
    assert 'gradebridge_attempts{state="FAILED"} 1.0' in lines
    assert not any(word in response.text for word in ("ann", "bob", "Biology"))


@pytest.mark.django_db
def test_metrics_say_what_is_held_and_whether_all_sending_is_paused(client):
    HoldFactory.create_batch(2)
    HoldFactory(person=True)
    HoldFactory(released=True, pause=True)

    lines = client.get("/metrics").text.splitlines()
    assert 'gradebridge_holds{kind="flow"} 2.0' in lines
    assert 'gradebridge_holds{kind="participant"} 1.0' in lines
    assert "gradebridge_sending_paused 0.0" in lines

    HoldFactory(pause=True)
    assert "gradebridge_sending_paused 1.0" in client.get("/metrics").text.splitlines()


@pytest.mark.django_db
def test_metrics_take_one_statement_for_each_thing_they_count(client, django_assert_num_queries):
    for _ in range(5):
        ExportAttemptFactory()

    with django_assert_num_queries(4):
        client.get("/metrics")
