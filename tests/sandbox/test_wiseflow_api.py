"""The sandbox WISEflow's own API, as a program calls it, and its control addresses."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.server import SandboxLearn

STATE: dict[str, Any] = {
    "flows": {
        "77": {
            "title": "Exam",
            "marking": {"end": 1782000000},
            "sources": [{"sourceId": 1, "code": "UNIwise||001||2021", "participants": [1]}],
            "participants": [
                {"participantId": 1, "userId": 11, "phone": "+45 1", "externalIds": {"Learn id": "s1"}, "grade": "B"},
                {"participantId": 2, "userId": 12, "activated": False, "exportState": 5},
            ],
        }
    }
}


class Program:
    """A program with the licence's key."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.headers = {"x-api-key": "wiseflow-key"}

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.url}/wiseflow/v1{path}", headers=headers or self.headers, timeout=5)

    def token(self, **form: str) -> requests.Response:
        credentials = {"client_id": "wiseflow", "client_secret": "wiseflow-secret"}
        form = {"grant_type": "client_credentials", **credentials, **form}
        return requests.post(f"{self.url}/wiseflow/v1/oauth2/token", data=form, timeout=5)

    def control(self, method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(method, f"{self.url}/sandbox/wiseflow{path}", json=body, timeout=5)


@pytest.fixture
def program() -> Iterator[Program]:
    with SandboxLearn() as running:
        running.wiseflow.exams.replace(STATE)
        yield Program(running.url)


def test_a_token_is_given_for_credentials_in_the_form_alone(program):
    given = program.token()

    assert given.status_code == 200
    assert given.json()["token_type"] == "bearer"
    assert program.get("/flow/77", Authorization=f"Bearer {given.json()['access_token']}").status_code == 200
    assert program.token(client_secret="wrong").status_code == 400
    assert program.token(grant_type="password").status_code == 400


def test_who_is_not_known_is_refused_and_every_answer_has_a_trace(program):
    refused = program.get("/flow/77", Authorization="Bearer wrong")

    assert refused.status_code == 401
    assert refused.headers["X-Trace-Id"]
    assert program.control("DELETE", "/token").status_code == 200


def test_pages_are_of_a_hundred_at_most(program):
    page = program.get("/flows/77/participants?offset=1&limit=1").json()

    assert page["pagination"] == {"limit": 1, "offset": 1, "total": 2}
    assert [person["userId"] for person in page["data"]] == [12]
    assert program.get("/flows/77/participants?limit=101").status_code == 400


def test_older_paths_answer_bare_and_newer_ones_wrapped(program):
    assert program.get("/flow/77").json()["name"] == "Exam"
    assert [found["exportState"] for found in program.get("/flow/77/assessments").json()] == [0, 5]
    assert program.get("/flows/77/dates").json()["data"]["marking"]["end"] == 1782000000


def test_what_is_not_on_the_licence_is_404_and_a_missing_module_403(program):
    assert program.get("/flows/78/dates").status_code == 404
    assert program.get("/flows/77/sources/9/participants").status_code == 404
    assert program.control("PUT", "/settings", {"missing_modules": ["dates"]}).status_code == 200
    assert program.get("/flows/77/dates").status_code == 403


def test_more_calls_than_a_second_may_have_are_429(program):
    program.control("PUT", "/settings", {"calls_a_second": 1})

    statuses = [program.get("/flow/77") for _ in range(3)]

    assert [answer.status_code for answer in statuses][-1] == 429
    assert statuses[-1].headers["Retry-After"] == "1"


def test_a_trainer_changes_what_someone_got(program):
    assert program.control("POST", "/flows/77/grades/11", {"grade": "A", "exportState": 3}).status_code == 200

    assert program.get("/flow/77/assessments").json()[0]["grade"] == "A"
    assert program.control("POST", "/flows/77/grades/99", {"grade": "A"}).status_code == 400


@pytest.mark.parametrize(
    "state",
    [
        {"flow": {}},
        {"flows": []},
        {"flows": {"seven": {}}},
        {"flows": {"7": {"state": "ODD"}}},
        {"flows": {"7": {"participants": {}}}},
        {"flows": {"7": {"participants": [{"name": "x"}]}}},
        {"userDataTypes": [1]},
    ],
    ids=str,
)
def test_a_state_that_makes_no_sense_changes_nothing(program, state):
    before = program.control("GET", "/state").json()

    assert program.control("PUT", "/state", state).status_code == 400
    assert program.control("GET", "/state").json() == before


def test_a_state_can_be_added_to(program):
    program.control("PATCH", "/state", {"flows": {"78": {"title": "Oral"}}})

    assert program.get("/flow/78").json()["name"] == "Oral"
    assert program.get("/flow/77").json()["name"] == "Exam"


def test_faults_are_put_on_and_taken_off(program):
    assert program.control("POST", "/faults", {"fault": "answer", "status": 500, "times": 0}).status_code == 200
    assert program.get("/flow/77").status_code == 500

    program.control("DELETE", "/faults")

    assert program.get("/flow/77").status_code == 200
    assert program.control("POST", "/faults", {"fault": "odd"}).status_code == 400
    assert [call["call"] for call in program.control("GET", "/calls").json()] == ["flow", "flow"]
