"""The two addresses that show the state of a flow's export, in WISEflow's own words."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from exports.models import Flow
from tests.factories import (
    LONG_AGO,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    ParticipantFactory,
)

PARTICIPANTS = "/api/wiseflow/flows/77/participants"


@pytest.mark.parametrize("path", ["/api/wiseflow/flows/77/export", "/api/wiseflow/flows/77/export/"])
def test_a_flow_shows_its_state_its_counts_and_its_attempts_newest_first(wiseflow, path):
    flow = FlowFactory(flow_id="77", title="Biology")
    for traits in ({"on_sis_roster": True}, {"exported": True}, {"exported": True}, {"failed": True}, {"queued": True}):
        ParticipantFactory(flow=flow, **traits)
    ParticipantFactory(failed=True)  # of another flow
    Flow.objects.refresh([flow.pk])
    first = ExportAttemptFactory(flow=flow, started_at=LONG_AGO, number_of_success=2)
    second = ExportAttemptFactory(flow=flow, running=True, trigger="RETRY", started_at=datetime(2026, 5, 4, tzinfo=UTC))

    assert wiseflow.get(path).json() == {
        "flowId": "77",
        "title": "Biology",
        "state": "FAILED",
        "counts": {"NOT_EXPORTED": 1, "QUEUED": 1, "EXPORTED": 2, "FAILED": 1},
        "expected": 1,
        "missing": 1,
        "attempts": [
            {
                "id": second.pk,
                "trigger": "RETRY",
                "state": "QUEUED",
                "numberOfSuccess": 0,
                "numberOfErrors": 0,
                "startedAt": "2026-05-04T02:00:00+02:00",
                "finishedAt": None,
            },
            {
                "id": first.pk,
                "trigger": "EXPORT",
                "state": "FAILED",
                "numberOfSuccess": 2,
                "numberOfErrors": 1,
                "startedAt": "2026-05-03T11:00:00+02:00",
                "finishedAt": "2026-05-03T11:00:00+02:00",
            },
        ],
    }


def test_a_flow_without_anybody_counts_nobody(wiseflow):
    FlowFactory(flow_id="77")

    answer = wiseflow.get("/api/wiseflow/flows/77/export").json()

    assert answer["state"] == "NOT_EXPORTED"
    assert answer["counts"] == {"NOT_EXPORTED": 0, "QUEUED": 0, "EXPORTED": 0, "FAILED": 0}
    assert answer["attempts"] == []


def test_every_participant_tells_what_is_in_learn_and_what_is_wrong(wiseflow):
    flow = FlowFactory(flow_id="77")
    ParticipantFactory(flow=flow, user_id="5", user_id_is_number=True, exported=True)
    ParticipantFactory(flow=flow, user_id="007", failed=True)
    ParticipantFactory(
        flow=flow,
        user_id="u3",
        exported=True,
        cause="ALREADY_EXPORTED",
        detail={"value": "B", "since_on": "2026-05-03T23:30:00+00:00"},
        changed_since_export=True,
    )

    answer = wiseflow.get(PARTICIPANTS).json()

    assert (answer["count"], answer["next"], answer["previous"]) == (3, None, None)
    assert answer["results"][0] == {
        "userId": 5,
        "state": "EXPORTED",
        "value": "B",
        "exportedAt": "2026-05-03T11:00:00+02:00",
        "cause": "",
        "errorInfo": "",
        "places": [
            {
                "sourceCode": "",
                "courseId": "COURSE",
                "columnName": "Final grade",
                "learnUserId": "5",
                "value": "B",
                "certainty": "CONFIRMED",
                "exportedAt": "2026-05-03T11:00:00+02:00",
                "proof": "",
                "shown": "",
            }
        ],
    }
    assert answer["results"][1] == {
        "userId": "007",
        "state": "FAILED",
        "value": "",
        "exportedAt": None,
        "cause": "LEARN_UNAVAILABLE",
        "errorInfo": "Learn could not be reached. Retry in GradeBridge.",
        "places": [],
    }
    assert (answer["results"][2]["state"], answer["results"][2]["value"]) == ("EXPORTED", "B")
    assert answer["results"][2]["errorInfo"].startswith("This grade was already sent on 4 May 2026 (B). ")


def person(flow, *grades):
    """One who has these grades in Learn, each in a column of its own."""
    participant = ParticipantFactory(flow=flow, state="EXPORTED", mark="B")
    for number, traits in enumerate(grades):
        GradeInLearnFactory(participant=participant, column_name=f"Column {number}", source_code=f"S{number}", **traits)


@pytest.mark.parametrize(
    ("grades", "value", "places"),
    [
        pytest.param([{"value": "B"}, {"value": "B"}], "B", [("S0", "B"), ("S1", "B")], id="alike"),
        pytest.param([{"value": "A"}, {"value": "B"}], "", [("S0", "A"), ("S1", "B")], id="different"),
        pytest.param([{"doubtful": True}], "", [("S0", "B")], id="not certain"),
        pytest.param(
            [{"value": "A", "left_behind": True}, {"value": "B"}], "B", [("S1", "B"), ("S0", "A")], id="one left behind"
        ),
        pytest.param([{"overwritten": True}], "", [], id="no longer there"),
    ],
)
def test_each_place_is_told_and_the_value_is_the_one_that_is_certain(wiseflow, grades, value, places):
    person(FlowFactory(flow_id="77"), *grades)

    (told,) = wiseflow.get(PARTICIPANTS).json()["results"]

    assert told["value"] == value
    assert [(place["sourceCode"], place["value"]) for place in told["places"]] == places


@pytest.mark.parametrize("number", ["-12", "0", "9" * 255])
def test_a_user_id_that_came_as_a_number_is_told_as_a_number(wiseflow, number):
    ParticipantFactory(flow=FlowFactory(flow_id="77"), user_id=number, user_id_is_number=True)

    assert wiseflow.get(PARTICIPANTS).json()["results"][0]["userId"] == int(number)


@pytest.mark.parametrize(
    ("state", "user_ids"), [("", ["a", "b", "c"]), ("FAILED", ["b"]), ("EXPORTED", ["c"]), ("QUEUED", [])]
)
def test_participants_can_be_asked_for_by_state(wiseflow, state, user_ids):
    flow = FlowFactory(flow_id="77")
    for user_id, traits in (("a", {}), ("b", {"failed": True}), ("c", {"exported": True})):
        ParticipantFactory(flow=flow, user_id=user_id, **traits)
    ParticipantFactory(failed=True)  # of another flow

    answer = wiseflow.get(f"{PARTICIPANTS}?state={state}").json()

    assert [person["userId"] for person in answer["results"]] == user_ids


def test_following_next_shows_every_participant_once(wiseflow):
    flow = FlowFactory(flow_id="a b ü")
    expected = [ParticipantFactory(flow=flow, failed=True).user_id for _ in range(5)]
    url = f"/api/wiseflow/flows/{quote('a b ü')}/participants/?state=FAILED&page_size=2"
    seen, pages = [], 0

    while url:
        answer = wiseflow.get(url).json()
        seen += [person["userId"] for person in answer["results"]]
        url, pages = answer["next"], pages + 1

    assert (seen, pages) == (expected, 3)


@pytest.mark.parametrize("path", ["export", "participants"])
@pytest.mark.parametrize("flow_id", ["nobody", "a%00b", "%ED%A0%80", "%20", "x" * 300])
def test_a_flow_that_is_not_known_is_404_in_json(wiseflow, flow_id, path):
    response = wiseflow.get(f"/api/wiseflow/flows/{flow_id}/{path}")

    assert response.status_code == 404
    assert response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=LOST", 400),
        ("state=failed", 400),
        ("state=%00%ff", 400),
        ("page=0", 404),
        ("page=x%00", 404),
        ("page=9" * 9, 404),
    ],
)
def test_a_senseless_question_is_answered_in_json(flow, wiseflow, query, status):
    response = wiseflow.get(f"{PARTICIPANTS}?{query}")

    assert response.status_code == status
    assert response.json()["detail"]


def test_the_number_of_statements_does_not_depend_on_the_number_of_participants(wiseflow, django_assert_num_queries):
    flow = FlowFactory(flow_id="77")
    for _ in range(20):
        ParticipantFactory(flow=flow, failed=True)
        ExportAttemptFactory(flow=flow)

    with django_assert_num_queries(5):  # client, flow, count, page, grades in Learn
        assert len(wiseflow.get(PARTICIPANTS).json()["results"]) == 20
    with django_assert_num_queries(3):  # client, flow, attempts
        assert len(wiseflow.get("/api/wiseflow/flows/77/export").json()["attempts"]) == 20
