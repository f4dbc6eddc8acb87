import statistics
import threading
import time

import pytest
import requests

from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.sandbox.conftest import Caller, column, item


def test_the_token_service_hands_out_one_live_token(caller):
    first, second = caller.ask_token().json(), caller.ask_token().json()
    assert first["access_token"] == second["access_token"]
    assert first["token_type"] == "bearer"
    assert 3590 < second["expires_in"] <= first["expires_in"] <= 3600


def test_wrong_credentials_get_invalid_client(caller):
    answer = caller.ask_token(secret="wrong")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def test_another_grant_is_not_supported(caller):
    assert caller.ask_token(grant_type="refresh_token").status_code == 400


@pytest.mark.parametrize("bearer", [None, "Bearer other", "Basic a2V5OnNlY3JldA=="])
def test_a_call_without_the_live_token_stores_nothing(learn, caller, bearer):
    caller.session.headers["Authorization"] = bearer
    answer = caller.send(item())
    assert answer.status_code == 401
    assert answer.json() == {"status": 401, "message": "Bearer token is invalid"}
    assert learn.world.writes == 0


def test_an_expired_token_is_refused(learn, caller):
    learn.tokens.revoke()
    learn.tokens.seconds = 0
    assert caller.ask_token().json()["expires_in"] == 0
    assert caller.send(item()).status_code == 401


def test_all_items_right_is_200_with_a_result_each_that_names_no_user(learn, caller):
    answer = caller.send(item("s1", "75.0"), item("s2", "A", column="Essay"))
    assert answer.status_code == 200
    done = {"status": "OK", "message": "Grade value successfully added", "courseId": "BIO"}
    assert answer.json() == [{**done, "name": "Exam"}, {**done, "name": "Essay"}]
    assert learn.world.value("BIO", "Exam", "s1") == "75.0"


def test_some_items_wrong_is_412_and_the_others_are_stored(learn, caller):
    answer = caller.send(item("s1"), item("s9"), item("s2"))
    assert answer.status_code == 412
    assert [result["status"] for result in answer.json()] == ["OK", "ERROR", "OK"]
    assert answer.json()[1]["message"] == "User s9 is not enrolled in course BIO"
    assert set(learn.world.values("BIO", "Exam")) == {"s1", "s2"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"courseId": None}, "courseId is missing"),
        ({"userId": ""}, "userId is missing"),
        ({"name": "x" * 334}, "name is longer than 333 characters"),
        ({"value": 75}, "value must be text"),
        ({"points": 1}, "points is not a field of this service"),
    ],
)
def test_a_field_that_is_wrong_is_said(caller, wrong, message):
    answer = caller.send({**item(), **wrong})
    assert (answer.status_code, answer.json()[0]["message"]) == (412, message)


def test_a_grade_schema_is_made_with_a_result_that_names_its_title(learn, caller):
    schema = {"title": "Pass-Fail-Custom-Schema", "symbols": "P=80:F=0", "optionalData": "sisSchemaID=PF"}
    answer = caller.call("gradeSchemasAPI", schema)
    assert (answer.status_code, answer.json()) == (
        200,
        [
            {
                "status": "OK",
                "message": "Grade schema successfully created",
                "courseId": "",
                "name": "Pass-Fail-Custom-Schema",
            }
        ],
    )
    held = learn.world.as_json()["schemas"]["Pass-Fail-Custom-Schema"]
    assert held == {"symbols": "P=80:F=0", "optionalData": "sisSchemaID=PF"}


def test_every_field_of_an_item_stands_in_learn_as_it_was_sent(learn, caller):
    fields = {
        "itemType": "ASSIGNMENT",
        "instructions": "Hand in as PDF.",
        "anonymous": True,
        "group": True,
        "contentAreaName": "Assignments",
        "available": True,
        "color": "#FF0000",
        "attempts": 2,
        "tracked": True,
        "startDate": "2026-05-01",
        "endDate": "2026-05-31",
        "dueDate": "2026-05-30",
        "points": 20.0,
        "sequenceNum": 3,
        "extract": True,
        "optionalData": "SIS_ID=FG123456",
    }
    answer = caller.call("gradableItemsAPI", column(course="MED", **fields, gradeSchema="Verdict"))
    assert answer.json() == [
        {"status": "OK", "message": "Gradecolumn successfully created", "courseId": "MED", "name": "Lab"}
    ]
    held = learn.world.as_json()["courses"]["MED"]["columns"]["Lab"]
    assert held == {**fields, "schema": "Verdict", "mapping": "", "values": {}, "copies": []}


def test_a_field_that_is_left_out_has_the_documents_default(learn, caller):
    caller.call("gradableItemsAPI", column())
    held = learn.world.as_json()["courses"]["BIO"]["columns"]["Lab"]
    assert (held["points"], held["attempts"], held["anonymous"], held["dueDate"]) == (100.0, -1, False, None)


def test_a_value_can_be_set_in_a_column_that_was_made(learn, caller):
    caller.call("gradableItemsAPI", column(gradeSchema="Letters", points=50))
    assert caller.send(item("s1", "A", column="Lab"), item("s2", "50", column="Lab")).status_code == 200
    assert caller.send(item("s3", "50.5", column="Lab")).status_code == 412
    assert learn.world.values("BIO", "Lab") == {"s1": "A", "s2": "50"}


def test_an_item_of_the_same_call_can_be_named_by_a_later_one(caller):
    total = column("Total", itemType="WEIGHTED_COLUMN", mapping="Lab=40, Exam=60")
    assert caller.call("gradableItemsAPI", column(), total).status_code == 200


def test_a_column_is_deleted(learn, caller):
    answer = caller.call("gradeColumnDeleteAPI", {"courseId": "BIO", "name": "Exam"})
    assert answer.json() == [
        {"status": "OK", "message": "Grade column successfully deleted", "courseId": "BIO", "name": "Exam"}
    ]
    assert "Exam" not in learn.world.as_json()["courses"]["BIO"]["columns"]
    assert caller.send(item()).status_code == 412


def test_a_column_becomes_the_external_grade(learn, caller):
    answer = caller.call("externalGradeColumnAPI", {"courseId": "MED", "name": "Exam"})
    assert answer.json() == [
        {"status": "OK", "message": "External grade column successfully updated", "courseId": "MED", "name": "Exam"}
    ]
    assert learn.world.as_json()["courses"]["MED"]["externalGrade"] == "Exam"


def test_metadata_is_set_with_a_result_that_names_the_user(learn, caller):
    answer = caller.call("userMetadataAPI", {"courseId": "BIO", "userId": "s1", "optionalData": "EnrollType=Audit"})
    assert answer.json() == [
        {"status": "OK", "message": "User metadata successfully created", "courseId": "BIO", "name": "s1"}
    ]
    assert learn.world.as_json()["courses"]["BIO"]["metadata"] == {"s1": "EnrollType=Audit"}


RIGHT = {
    "gradeSchemasAPI": {"title": "PF", "symbols": "P=50:F=0"},
    "gradableItemsAPI": column(),
    "gradeColumnDeleteAPI": {"courseId": "BIO", "name": "Exam"},
    "externalGradeColumnAPI": {"courseId": "MED", "name": "Exam"},
    "userMetadataAPI": {"courseId": "BIO", "userId": "s1"},
    "gradeValueAPI": item(),
}


@pytest.mark.parametrize("service", RIGHT)
def test_mixed_results_of_any_service_are_412_and_the_right_items_are_carried_out(learn, caller, service):
    before = learn.world.as_json()
    answer = caller.call(service, {**RIGHT[service], "colour": "red"}, RIGHT[service])
    assert answer.status_code == 412
    assert [result["status"] for result in answer.json()] == ["ERROR", "OK"]
    assert answer.json()[0]["message"] == "colour is not a field of this service"
    assert learn.world.as_json() != before


@pytest.mark.parametrize(
    ("service", "field", "most"),
    [
        ("gradeSchemasAPI", "title", 333),
        ("gradeSchemasAPI", "symbols", 2000),
        ("gradeSchemasAPI", "optionalData", 2000),
        ("gradableItemsAPI", "courseId", 256),
        ("gradableItemsAPI", "name", 333),
        ("gradableItemsAPI", "itemType", 333),
        ("gradableItemsAPI", "instructions", 2000),
        ("gradableItemsAPI", "contentAreaName", 255),
        ("gradableItemsAPI", "color", 10),
        ("gradableItemsAPI", "gradeSchema", 333),
        ("gradableItemsAPI", "mapping", 333),
        ("gradableItemsAPI", "optionalData", 2000),
        ("gradeColumnDeleteAPI", "courseId", 333),
        ("gradeColumnDeleteAPI", "name", 333),
        ("externalGradeColumnAPI", "courseId", 333),
        ("externalGradeColumnAPI", "name", 333),
        ("userMetadataAPI", "courseId", 333),
        ("userMetadataAPI", "userId", 333),
        ("userMetadataAPI", "optionalData", 2000),
        ("gradeValueAPI", "courseId", 333),
        ("gradeValueAPI", "userId", 333),
        ("gradeValueAPI", "name", 333),
        ("gradeValueAPI", "value", 333),
    ],
)
def test_a_text_may_have_its_greatest_length_and_no_more(caller, service, field, most):
    too_long = f"{field} is longer than {most} characters"
    for length in (most, most + 1):
        value = "k=" + "x" * (length - 2) if field == "optionalData" else "x" * length
        (result,) = caller.call(service, {**RIGHT[service], field: value}).json()
        assert (result["message"] == too_long) == (length > most), result


@pytest.mark.parametrize(
    ("service", "field"),
    [(service, field) for service, right in RIGHT.items() for field in right],
)
def test_a_required_field_may_not_be_left_out_nor_empty(learn, caller, service, field):
    before = learn.world.as_json()
    without = {name: value for name, value in RIGHT[service].items() if name != field}
    answer = caller.call(service, without, {**without, field: ""}, {**without, field: None}, {**without, field: 1})
    messages = [result["message"] for result in answer.json()]
    assert messages == [f"{field} is missing"] * 3 + [f"{field} must be text"]
    assert learn.world.as_json() == before


def test_an_item_that_is_no_object_fails_alone(caller):
    assert [result["status"] for result in caller.send("s1", item()).json()] == ["ERROR", "OK"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"courseId": "BIO"}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_array_is_400(learn, caller, body):
    answer = caller.session.post(caller.address("gradeValueAPI"), data=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400
    assert learn.calls[-1].items is None


def test_a_chunked_body_is_read(learn, caller):
    chunks = iter([b'[{"courseId": "BIO", "userId": "s1", ', b'"name": "Exam", "value": "9"}]'])
    answer = caller.session.post(caller.address("gradeValueAPI"), data=chunks, timeout=5)
    assert answer.status_code == 200
    assert learn.world.value("BIO", "Exam", "s1") == "9"


def test_the_version_asks_for_a_token(learn, caller):
    assert "learn" in caller.version().json()
    learn.tokens.revoke()
    assert caller.version().status_code == 401


def test_an_address_that_learn_does_not_have_is_404_in_json(caller):
    answer = requests.post(f"{caller.learn.url}/learn/api/v2/cc/gradejourney/other", json=[], timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_the_quota_is_counted_down_and_then_refuses(learn, caller):
    learn.quota.limit = 2
    answers = [caller.send(item()) for _ in range(3)]
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["X-Rate-Limit-Limit"] == "2"
    assert 86_000 < int(answers[2].headers["Retry-After"]) <= 86_400
    assert learn.world.writes == 2


def test_calls_are_recorded(learn, caller):
    caller.send(item("s1"), item("s9"))
    learn.tokens.revoke()
    caller.send(item())
    recorded = [(call.service, call.items, call.status, call.ok, call.errors) for call in learn.calls]
    assert recorded == [
        ("token", None, 200, 0, 0),
        ("gradeValueAPI", 2, 412, 1, 1),
        ("gradeValueAPI", None, 401, 0, 0),
    ]


def test_latency_can_be_set_while_it_runs(learn, caller):
    learn.latency_ms = 150
    caller.version()
    assert learn.calls[-1].milliseconds >= 150
    learn.latency_ms = 0
    caller.version()
    assert learn.calls[-1].milliseconds < 150


def test_calls_on_a_kept_connection_meet_no_delayed_acknowledgement(caller):
    """Forty milliseconds a call is what a head and a body in two writes would cost."""
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        assert caller.send(item()).headers["Connection"] == "keep-alive"
        taken.append(time.perf_counter() - began)
    assert statistics.median(taken) < 0.035


def test_64_callers_at_once_with_full_batches_are_all_served():
    users = [f"s{number}" for number in range(500)]
    world = World({"courses": {"BIO": {"users": users, "columns": {"Exam": {}}}}})
    with SandboxLearn(world) as learn:
        token = Caller(learn).take_token()
        statuses: list[int] = []

        def call() -> None:
            with requests.Session() as session:
                session.headers["Authorization"] = f"Bearer {token}"
                for _ in range(2):
                    address = Caller(learn).address("gradeValueAPI")
                    statuses.append(session.post(address, json=[item(user) for user in users], timeout=60).status_code)

        threads = [threading.Thread(target=call) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 128
        assert learn.world.writes == 64_000


def test_it_stops_at_once_with_connections_open_and_calls_hanging(caller):
    learn = caller.learn
    learn.faults.add("silent_before", seconds=600)
    ends: list[Exception] = []

    def hang() -> None:
        try:
            caller.send(item(), timeout=60)
        except requests.ConnectionError as end:
            ends.append(end)

    hanging = threading.Thread(target=hang)
    hanging.start()
    while not learn.calls.of("gradeValueAPI"):
        threading.Event().wait(0.005)
    began = time.perf_counter()
    learn.__exit__(None, None, None)
    hanging.join()
    assert len(ends) == 1
    assert time.perf_counter() - began < 5
    with pytest.raises(requests.ConnectionError):
        requests.get(learn.url, timeout=5)
