"""`?rehearsal=true`: the verdicts of an export, with nothing written and nothing sent."""

import json

import pytest

from exports.models import Flow, RequestProfile
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.exports.tables import everything
from tests.factories import ApiClientFactory, ParticipantFactory

BY_FLOW, BY_BODY = "/api/wiseflow/flows/77/export", "/api/wiseflow/export"
BODY = {
    "flowId": "77",
    "participants": [
        {"userId": "u1", "mark": "A"},
        {"userId": "u2", "mark": "B"},
        {"userId": 3, "mark": ""},
        {"userId": "u1", "mark": "A"},
        {"userId": {"id": 4}, "mark": "A"},
        "nobody",
    ],
}


def exported():
    return {table: rows for table, rows in everything().items() if table != "exports.RefusedRequest"}


@pytest.fixture
def nothing_happens(learn, wiseflow):
    """At the end of the test the database and Learn are as they were when it began to watch; but for a request that was
    refused, which is kept as any other.
    """
    seen = {}

    def watch():
        seen.update(tables=exported(), calls=len(learn.calls), writes=learn.world.writes)

    yield watch
    assert exported() == seen["tables"]
    assert (len(learn.calls), learn.world.writes) == (seen["calls"], seen["writes"])


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize("path", [BY_FLOW, f"{BY_FLOW}/", BY_BODY, f"{BY_BODY}/"])
@pytest.mark.parametrize("value", ["true", "1"])
def test_every_address_and_method_rehearses(flow, wiseflow, nothing_happens, path, method, value):
    ParticipantFactory(flow=flow, user_id="u2", exported=True)
    nothing_happens()

    response = getattr(wiseflow.client, method)(
        f"{path}?rehearsal={value}", json.dumps(BODY), headers=wiseflow.headers, content_type="application/json"
    )

    assert response.status_code == 200
    answer = response.json()
    assert (answer["rehearsal"], answer["flowId"]) == (True, "77")
    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (3, 3)
    assert [error["userId"] for error in answer["errors"]] == [3, {"id": 4}, None]
    assert [(line["userId"], line["verdict"]) for line in answer["participants"]] == [
        ("u1", "SEND"),
        ("u2", "ALREADY_EXPORTED"),
        (3, "REFUSED"),
        ("u1", "SEND"),
        ({"id": 4}, "REFUSED"),
        (None, "REFUSED"),
    ]
    first, second, third = answer["participants"][:3]
    assert first == {
        "userId": "u1",
        "verdict": "SEND",
        "value": "A",
        "courseId": COURSE,
        "columnName": COLUMN,
        "learnUserId": "u1",
        "cause": "",
        "errorInfo": "",
    }
    assert (second["value"], second["courseId"]) == ("B", "")
    assert third["cause"] == "NO_ASSESSMENT"
    assert third["errorInfo"] == answer["errors"][0]["errorInfo"]


@pytest.mark.parametrize("query", ["", "?rehearsal=false", "?rehearsal=0", "?code=5"])
def test_without_it_the_export_is_real(learn, flow, wiseflow, query):
    answer = wiseflow.export({"userId": "u1", "mark": "A"}, path=BY_FLOW + query)

    assert answer == {"numberOfSuccess": 1, "numberOfErrors": 0, "errors": []}
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A"}


@pytest.mark.parametrize(
    "query",
    [
        "rehearsal",
        "rehearsal=",
        "rehearsal=yes",
        "rehearsal=True",
        "rehearsal=true%20",
        "rehearsal=ture",
        "rehearsal=2",
        "rehearsal=true&rehearsal=false",
        "rehersal=true",
        "Rehearsal=true",
        "rehearse=1",
        "rehearsals=true",
    ],
)
@pytest.mark.parametrize("path", [BY_FLOW, BY_BODY])
def test_a_misspelt_rehearsal_never_sends(flow, wiseflow, nothing_happens, path, query):
    nothing_happens()

    response = wiseflow.post(BODY, path=f"{path}?{query}")

    assert response.status_code == 400
    assert "rehearsal" in response.json()["detail"]


def test_a_flow_that_nobody_has_heard_of_is_judged_as_not_mapped(wiseflow, nothing_happens):
    nothing_happens()

    answer = wiseflow.post(BODY, path="/api/wiseflow/export?rehearsal=true").json()

    assert answer["flowId"] == "77"
    assert [line["cause"] for line in answer["participants"][:4]] == ["NOT_MAPPED"] * 4
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("content", "options", "status"),
    [
        ("{", {}, 400),
        ('{"participants": 5}', {}, 400),
        (BODY, {"path": "/api/wiseflow/flows/78/export?rehearsal=true"}, 400),
        (BODY, {"content_type": "text/plain"}, 415),
        ({"participants": [{"userId": number} for number in range(11)]}, {}, 413),
        ({"flowId": "x" * 2000, "participants": []}, {}, 413),
    ],
)
def test_it_reads_and_limits_as_an_export_does(flow, wiseflow, nothing_happens, settings, content, options, status):
    settings.EXPORT_MAX_PARTICIPANTS, settings.EXPORT_MAX_BYTES = 10, 1000
    nothing_happens()

    response = wiseflow.post(content, **{"path": f"{BY_FLOW}?rehearsal=true", **options})

    assert response.status_code == status
    real = wiseflow.post(content, **{**options, "path": options.get("path", BY_FLOW).partition("?")[0]})
    assert (real.status_code, real.json()) == (status, response.json())


@pytest.mark.parametrize(
    ("traits", "headers", "status"),
    [
        ({}, {"X-Api-Key": "wrong"}, 401),
        ({"may_export": False}, {}, 403),
        ({"allowed_networks": ["192.0.2.1"]}, {}, 403),
    ],
)
def test_it_asks_who_calls_as_an_export_does(flow, client, nothing_happens, traits, headers, status):
    caller = WiseFlow(client, f"key-{ApiClientFactory(**traits).name}")
    caller.headers |= headers
    nothing_happens()

    assert caller.post(BODY, path=f"{BY_FLOW}?rehearsal=true").status_code == status


def test_the_callers_profile_is_read_by_and_says_who_the_learn_user_is(flow, client, nothing_happens):
    profile = RequestProfile.objects.create(
        name="Nested",
        participants="data.people",
        user_id="id",
        mark="grade",
        learn_user_rule="PREFIX",
        learn_user_text="s",
    )
    caller = WiseFlow(client, f"key-{ApiClientFactory(profile=profile).name}")
    nothing_happens()

    answer = caller.post({"data": {"people": [{"id": 5, "grade": "A"}]}}, path=f"{BY_FLOW}?rehearsal=true").json()

    assert [(line["userId"], line["value"], line["learnUserId"]) for line in answer["participants"]] == [(5, "A", "s5")]


def test_it_never_calls_learn_not_even_while_learn_is_away(flow, wiseflow, settings, nothing_happens):
    settings.LEARN_URL = "http://127.0.0.1:9"
    nothing_happens()

    assert wiseflow.post(BODY, path=f"{BY_FLOW}?rehearsal=true").json()["numberOfSuccess"] == 3


def test_the_schema_describes_it(client):
    described = client.get("/api/schema/?format=json").json()
    for path in ("/api/wiseflow/export/", "/api/wiseflow/flows/{flow_id}/export/"):
        for method in ("post", "patch"):
            parameters = {parameter["name"]: parameter for parameter in described["paths"][path][method]["parameters"]}
            assert parameters["rehearsal"]["schema"]["enum"] == ["0", "1", "false", "true"]
    parts = described["components"]["schemas"]
    assert {part["$ref"].rpartition("/")[2] for part in parts["ReceiptOrRehearsal"]["anyOf"]} == {
        "Receipt",
        "Rehearsal",
    }
    assert set(parts["RehearsedEntry"]["properties"]) == {
        "userId",
        "verdict",
        "value",
        "courseId",
        "columnName",
        "learnUserId",
        "cause",
        "errorInfo",
    }
