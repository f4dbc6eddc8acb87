"""A line for each request, and an id that names it."""

import pytest
from django.db import OperationalError
from django.urls import reverse

from exports.models import ExportAttempt, Flow
from gradebridge.environment import networks
from tests.factories import FlowFactory, ParticipantFactory, UserFactory
from tests.signed_in import signed_in, text_of


def finished(logged):
    return [event for event in logged() if event["event"] == "request_finished"]


@pytest.mark.django_db
def test_a_request_is_one_line_with_the_id_of_its_answer(client, logged):
    response = client.get("/api/docs")

    [event] = finished(logged)
    assert event["request"] == "GET /api/docs"
    assert (event["code"], event["level"], event["address"]) == (200, "info", "127.0.0.1")
    assert event["request_id"] == response["X-Request-Id"]
    assert event["timestamp"][-6:] in ("+01:00", "+02:00")
    assert event["seconds"] >= 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/nothing", 404), ("/api/wiseflow/flows/77/export", 401), ("/nothing", 404), ("/health/live", 200)],
)
def test_every_answer_has_an_id(client, path, status):
    response = client.get(path)

    assert response.status_code == status
    assert len(response["X-Request-Id"]) == 32


@pytest.mark.django_db
def test_a_crash_has_its_id_and_one_line_with_the_traceback(client, logged, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("gradebridge.watching.metrics.counts_by_state", lambda: 1 / 0)

    response = client.get("/metrics?secret=1")

    [event] = [event for event in logged() if event["level"] == "error"]
    assert response.status_code == 500
    assert event["event"] == "request_failed"
    assert event["request_id"] == response["X-Request-Id"]
    assert "ZeroDivisionError" in event["exception"]
    assert "secret" not in str(event)


@pytest.mark.django_db
def test_a_database_that_is_away_answers_with_an_id(client, monkeypatch):
    def away(*args):
        raise OperationalError("no answer")

    monkeypatch.setattr("exports.api.authentication.find_client", away)

    response = client.get("/api/wiseflow/flows/77/export", headers={"X-Api-Key": "key"})

    assert response.status_code == 503
    assert response["X-Request-Id"]


@pytest.mark.django_db
def test_health_and_metrics_are_asked_for_too_often_to_be_logged(client, logged):
    for path in ("/health/live", "/health/ready/", "/metrics"):
        client.get(path)

    assert logged() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "proxy", "is_kept"),
    [
        ("7d2f-from-the-proxy", "10.0.0.1", True),
        ("Root=1-67891233-abcdef012345678912345678", "10.0.0.1", True),
        ("7d2f-from-a-stranger", "192.0.2.1", False),
        ("two words", "10.0.0.1", False),
        ("a" * 65, "10.0.0.1", False),
        ("-dash", "10.0.0.1", False),
        ("ümlaut", "10.0.0.1", False),
        ("", "10.0.0.1", False),
    ],
)
def test_an_id_is_believed_of_a_trusted_proxy_alone(client, settings, said, proxy, is_kept):
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")

    response = client.get("/health/live", REMOTE_ADDR=proxy, headers={"X-Request-Id": said})

    assert (response["X-Request-Id"] == said) is is_kept


@pytest.mark.django_db
def test_a_refusal_in_the_admin_is_one_line_with_the_name_of_the_person(logged):
    mia = UserFactory(username="mia", manager=True)
    browser = signed_in_as(mia)

    browser.get(reverse("admin:auth_user_change", args=[mia.pk]))

    [event] = [event for event in logged() if event["event"] == "request_finished"]
    assert (event["code"], event["user"], event["level"], event["row"]) == (403, "mia", "warning", mia.pk)
    assert event["request"] == "GET /admin/auth/user/<path:object_id>/change/"


def signed_in_as(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_neither_what_was_searched_for_nor_a_token_is_in_a_line(client, logged):
    ParticipantFactory(flow=FlowFactory(), user_id="s-4711-x")
    manager = signed_in(manager=True)

    manager.get("/admin/exports/participant/?q=s-4711-x")
    manager.get("/admin/exports/participant/s-4711-x/change/")
    manager.get("/admin/s-4711-x/")
    client.get("/welcome/s-4711-x/s-4711-x/")
    client.post("/admin/?q=s-4711-x", headers={"host": "elsewhere"})

    events = logged()
    assert len(events) >= 5
    assert "4711" not in str(events)


@pytest.mark.django_db(transaction=True)
def test_an_attempt_keeps_the_id_of_its_request_and_is_found_by_it(learn, flow, wiseflow, logged):
    response = wiseflow.post({"participants": [{"userId": "u1", "mark": "B"}]})

    attempt = ExportAttempt.objects.get()
    assert attempt.request_id == response["X-Request-Id"]
    events = [event for event in logged() if event.get("request_id") == attempt.request_id]
    assert {"export_received", "attempt_finished", "request_finished"} <= {event["event"] for event in events}

    manager = signed_in(manager=True)
    found = text_of(manager.get(f"/admin/exports/exportattempt/?q={attempt.request_id}"))
    assert f"/admin/exports/exportattempt/{attempt.pk}/change/" in found
    assert attempt.request_id in text_of(manager.get(f"/admin/exports/exportattempt/{attempt.pk}/change/"))


@pytest.mark.django_db
def test_who_asks_is_not_looked_up_for_the_log_alone(client, django_assert_num_queries):
    client.force_login(UserFactory())
    Flow.objects.count()

    with django_assert_num_queries(0):
        client.get("/health/live")
