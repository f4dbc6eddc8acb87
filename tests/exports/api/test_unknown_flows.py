"""UNKNOWN_FLOWS=refuse: an id that no one has entered is answered, and not stored."""

import pytest

from exports.models import ExportAttempt, Flow, Participant, RefusedRequest
from tests.factories import FlowFactory

pytestmark = pytest.mark.django_db

PEOPLE = [{"userId": "u1", "mark": "B"}, {"userId": 2}, {"mark": "no one"}]


@pytest.fixture(autouse=True)
def _refuses(settings):
    settings.UNKNOWN_FLOWS = "refuse"


@pytest.mark.parametrize("path", ["/api/wiseflow/flows/typo/export", "/api/wiseflow/export"])
def test_every_entry_is_answered_and_nothing_but_the_refusal_is_stored(wiseflow, path):
    response = wiseflow.post({"flowId": "typo", "participants": PEOPLE}, path=path)

    answer = response.json()
    assert response.status_code == 200
    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (0, 3)
    assert [error["userId"] for error in answer["errors"]] == ["u1", 2, None]
    assert "No Learn column is chosen" in answer["errors"][0]["errorInfo"]
    assert [model.objects.count() for model in (Flow, Participant, ExportAttempt)] == [0, 0, 0]
    refused = RefusedRequest.objects.get()
    assert (refused.flow_id, refused.status, refused.client.name[:6]) == ("typo", 200, "client")
    assert "UNKNOWN_FLOWS" in refused.reason


def test_a_flood_of_ids_makes_bounded_rows(wiseflow, monkeypatch):
    monkeypatch.setattr("exports.api.refusals.MAX_BY_CLIENT", 5)
    for number in range(20):
        wiseflow.export({"userId": "u1", "mark": "B"}, path=f"/api/wiseflow/flows/typo{number}/export")

    assert RefusedRequest.objects.count() == 6
    assert sum(RefusedRequest.objects.values_list("count", flat=True)) == 20


def test_a_known_flow_is_exported_although_it_has_no_column(wiseflow):
    FlowFactory(flow_id="77")

    wiseflow.export({"userId": "u1", "mark": "B"})

    assert ExportAttempt.objects.count() == 1


def test_a_mapped_flow_is_delivered(wiseflow, learn, flow):
    assert wiseflow.export({"userId": "u1", "mark": "B"})["numberOfSuccess"] == 1


def test_a_rehearsal_says_the_same_and_stores_nothing(wiseflow):
    answer = wiseflow.post({"participants": PEOPLE}, path="/api/wiseflow/flows/typo/export?rehearsal=true").json()

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (0, 3)
    assert not RefusedRequest.objects.exists()


def test_where_they_are_stored_the_flow_is_there_afterwards(wiseflow, settings):
    settings.UNKNOWN_FLOWS = "store"
    wiseflow.export({"userId": "u1", "mark": "B"}, path="/api/wiseflow/flows/typo/export")

    assert Flow.objects.get().flow_id == "typo"
