"""A client that is bound to flows: no address lets it at another one, nor shows whether that exists."""

import json

import pytest

from exports.models import ExportAttempt, Flow, RefusedRequest
from tests.exports.api.test_oauth2 import ask, basic
from tests.factories import ApiClientFactory, FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db

BODY = {"participants": [{"userId": "u1", "mark": "B"}]}
CALLS = [
    ("POST", "/api/wiseflow/flows/{}/export", BODY),
    ("PATCH", "/api/wiseflow/flows/{}/export/", BODY),
    ("POST", "/api/wiseflow/flows/{}/export?rehearsal=true", BODY),
    ("POST", "/api/wiseflow/flows/%20{}%20/export", BODY),
    ("GET", "/api/wiseflow/flows/{}/export", None),
    ("HEAD", "/api/wiseflow/flows/{}/export", None),
    ("OPTIONS", "/api/wiseflow/flows/{}/export", None),
    ("GET", "/api/wiseflow/flows/{}/participants?state=FAILED", None),
    ("POST", "/api/wiseflow/export", {"flowId": "{}", **BODY}),
    ("PATCH", "/api/wiseflow/export", {"flowId": " {} ", **BODY}),
    ("POST", "/api/wiseflow/export?rehearsal=true", {"flowId": "{}", **BODY}),
]


@pytest.fixture
def bound():
    return ApiClientFactory(name="bound", flow_patterns=["77", "EX-*"])


def call(client, method, path, body, flow_id, headers=None):
    text = "" if body is None else json.dumps(body).replace("{}", flow_id)
    headers = headers or {"X-Api-Key": "key-bound"}
    return client.generic(method, path.replace("{}", flow_id), text, content_type="application/json", headers=headers)


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_another_flow_is_refused_whether_it_exists_or_not(client, bound, method, path, body):
    ParticipantFactory(flow=FlowFactory(flow_id="there"), failed=True)

    there = call(client, method, path, body, "there")
    nowhere = call(client, method, path, body, "nowhere")

    assert (there.status_code, nowhere.status_code) == (403, 403)
    assert there.content == nowhere.content
    assert not ExportAttempt.objects.exists()
    assert Flow.objects.count() == 1


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("flow_id", ["77", "EX-1"])
def test_its_own_flows_are_as_before(client, bound, method, path, body, flow_id):
    FlowFactory(flow_id=flow_id)

    assert call(client, method, path, body, flow_id).status_code == 200


def test_a_client_without_patterns_may_use_every_flow(client):
    ApiClientFactory(name="bound")

    assert call(client, "POST", "/api/wiseflow/flows/{}/export", BODY, "any").status_code == 200


def test_an_allowed_address_does_not_carry_a_body_of_another_flow(client, bound):
    body = {"flowId": "other", **BODY}

    assert call(client, "POST", "/api/wiseflow/flows/77/export", body, "").status_code == 400
    assert not Flow.objects.exists()


def test_a_bearer_token_is_bound_as_its_client_is(client, bound):
    token = ask(client, headers=basic("bound", "key-bound")).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    assert call(client, *CALLS[0], "other", headers).status_code == 403
    assert call(client, *CALLS[0], "77", headers).status_code == 200


def test_patterns_hold_from_the_moment_they_are_saved(client, bound):
    bound.flow_patterns = ["78"]
    bound.save()

    assert call(client, *CALLS[0], "77").status_code == 403


def test_the_refusal_is_kept_with_client_and_flow(client, bound):
    call(client, "POST", "/api/wiseflow/export", {"flowId": "{}", **BODY}, "other")

    refused = RefusedRequest.objects.get()
    assert (refused.client, refused.flow_id, refused.status) == (bound, "other", 403)
    assert "may not use this flow" in refused.reason
