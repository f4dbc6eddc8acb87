"""A caller's request profile decides how its body is read, and who its Learn users are."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports.models import ApiClient, Participant, RequestProfile
from exports.reading.profiles import Rule
from sandbox.server import SandboxLearn
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import RequestProfileFactory


@pytest.fixture
def profile(wiseflow: WiseFlow) -> RequestProfile:
    profile: RequestProfile = RequestProfileFactory(
        participants="rows", user_id="id", mark="result.grade", learn_user_rule=Rule.PREFIX, learn_user_text="u"
    )
    ApiClient.objects.update(profile=profile)
    return profile


def values(learn: SandboxLearn) -> Any:
    return learn.world.as_json()["courses"][COURSE]["columns"][COLUMN]["values"]


def test_a_body_is_read_by_its_callers_profile(
    wiseflow: WiseFlow, profile: RequestProfile, flow: Any, learn: SandboxLearn
) -> None:
    response = wiseflow.post({"rows": [{"id": 1, "result": {"grade": 75.0}}, {"id": 99, "result": {"grade": "B"}}]})

    assert response.status_code == 200
    assert response.json()["numberOfSuccess"] == 1
    assert [error["userId"] for error in response.json()["errors"]] == [99]
    assert values(learn) == {"u1": "75.0"}


def test_the_documented_body_does_not_fit_another_shape(wiseflow: WiseFlow, profile: RequestProfile, flow: Any) -> None:
    response = wiseflow.post({"participants": []})

    assert (response.status_code, response.json()) == (400, {"detail": "The request body has no 'rows'."})


def test_who_was_added_by_hand_is_refused_by_what_the_body_says(wiseflow: WiseFlow, flow: Any) -> None:
    answer = wiseflow.export({"userId": 1, "mark": "A", "addedBy": "manual"})

    assert "added by hand" in answer["errors"][0]["errorInfo"]
    assert Participant.objects.get().added_by == "MANUAL"


def test_a_profile_that_no_longer_compiles_is_told_and_nothing_is_stored(
    wiseflow: WiseFlow, profile: RequestProfile, flow: Any
) -> None:
    RequestProfile.objects.update(mark="a.", name="North")

    response = wiseflow.post({"rows": [{"id": 1}]})

    assert response.status_code == 400
    assert (
        "The request profile 'North' cannot be used. Mark: The expression is not complete." in response.json()["detail"]
    )
    assert not Participant.objects.exists()


def test_a_rehearsal_reads_by_the_same_profile(wiseflow: WiseFlow, profile: RequestProfile, flow: Any) -> None:
    response = wiseflow.post(
        {"rows": [{"id": 1, "result": {"grade": "A"}}]}, path="/api/wiseflow/flows/77/export?rehearsal=true"
    )

    assert [entry["learnUserId"] for entry in response.json()["participants"]] == ["u1"]


def test_a_profile_costs_no_statement(wiseflow: WiseFlow, flow: Any) -> None:
    path = "/api/wiseflow/flows/77/export?rehearsal=true"
    with CaptureQueriesContext(connection) as without:
        wiseflow.post({"participants": []}, path=path)
    ApiClient.objects.update(profile=RequestProfileFactory(learn_user_rule=Rule.PREFIX, learn_user_text="u"))
    with CaptureQueriesContext(connection) as with_one:
        wiseflow.post({"participants": []}, path=path)

    assert len(with_one) == len(without)
