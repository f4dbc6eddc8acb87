"""GradesJourney as its callers see it: one outcome per item, whatever Learn and the network do."""

import json
import logging
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from courses.grades_journey import (
    Call,
    CredentialsRefused,
    GradesJourney,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from tests.courses.grades_journey.conftest import Send
from tests.courses.grades_journey.pretend import (
    PretendLearn,
    answer,
    confirm,
    grade,
    grades,
    http,
    page,
    raw_server,
    read_request,
    result,
)


def test_values_are_stored_and_confirmed_in_one_call(learn: PretendLearn, send: Send):
    assert send(*grades(3, value="æ A+ 🎓")) == [None] * 3
    assert learn.stored == {("c1", f"u{number}", "Exam"): "æ A+ 🎓" for number in (1, 2, 3)}
    assert len(learn.batches) == 1


def test_nothing_to_send_is_no_call(learn: PretendLearn, send: Send):
    assert send() == []
    assert learn.token_requests == []


def test_the_rejected_get_learns_reason_and_the_rest_is_confirmed(learn: PretendLearn, send: Send):
    learn.refused = {"u2"}
    first, second, third = send(*grades(3))
    assert (first, third) == (None, None)
    assert isinstance(second, ItemRejected)
    assert str(second) == "No enrolment of u2"
    assert learn.batches == [["u1", "u2", "u3"], ["u2"]]


def test_an_answer_that_names_others_is_asked_again_in_parts(learn: PretendLearn, send: Send):
    learn.script.append(lambda items: answer([result({"courseId": "c9", "name": "Exam"}) for _ in items]))
    assert send(*grades(2)) == [None, None]
    assert learn.batches == [["u1", "u2"], ["u1"], ["u2"]]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (page(200), Unconfirmed),
        (page(500), Unconfirmed),
        (page(502), Unconfirmed),
        (page(504), Unconfirmed),
        (Response('[{"status": "OK", "cour', 200, content_type="application/json"), Unconfirmed),
        (answer({"status": "OK"}), Unconfirmed),
        (Response("", 204), Unconfirmed),
        (page(503), Unavailable),
        (answer({"message": "no"}, 403), PermissionMissing),
        (answer({"message": "no"}, 404), NotInstalled),
        (answer({"message": "no"}, 429), QuotaUsedUp),
        (answer({"message": "no"}, 400), RequestRefused),
        (page(413), RequestRefused),
    ],
)
def test_a_call_without_results_is_one_call_and_every_items_outcome(
    learn: PretendLearn, send: Send, response: Response, error: type[LearnError]
):
    learn.script.append(response)
    assert [type(outcome) for outcome in send(*grades(2))] == [error, error]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(learn: PretendLearn, send: Send, status: int):
    learn.script.append(Response("", status, {"Location": f"{learn.url}/elsewhere"}))
    [outcome] = send(grade())
    assert isinstance(outcome, RequestRefused)
    assert str(outcome) == f"Learn sent the call on to {learn.url}/elsewhere, where GradeBridge does not go."
    assert len(learn.batches) == 1  # the server fails the test for a request to any other place


def test_a_token_refused_in_mid_run_is_renewed_once_and_the_call_repeated(learn: PretendLearn, send: Send):
    learn.script.append(answer({"status": 401, "message": "Bearer token is invalid"}, 401))
    assert send(grade()) == [None]
    assert learn.bearers == ["Bearer token-1", "Bearer token-2"]


def test_a_token_refused_twice_is_a_refusal_of_the_credentials(learn: PretendLearn, send: Send):
    learn.script.extend([answer({}, 401), answer({}, 401)])
    [outcome] = send(grade())
    assert type(outcome) is CredentialsRefused
    assert len(learn.batches) == 2


def test_no_token_is_everybodys_outcome_and_nothing_is_sent(learn: PretendLearn, send: Send):
    learn.token_script.append(answer({"error": "invalid_client"}, 401))
    assert [type(outcome) for outcome in send(*grades(2))] == [CredentialsRefused] * 2
    assert learn.batches == []


def test_a_quota_that_lifts_in_time_is_waited_for(learn: PretendLearn, send: Send):
    learn.script.append(answer({}, 429, Retry_After="1"))
    started = time.monotonic()
    assert send(grade()) == [None]
    assert time.monotonic() - started > 0.9
    assert len(learn.batches) == 2


def test_a_quota_that_lifts_too_late_is_not_waited_for(learn: PretendLearn, send: Send):
    learn.script.append(answer({}, 429, Retry_After="3600"))
    [outcome] = send(grade())
    assert isinstance(outcome, QuotaUsedUp)
    assert abs(outcome.lifts_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert len(learn.batches) == 1


def test_no_time_left_sends_nothing(learn: PretendLearn, send: Send, observed: list[Call]):
    assert [type(outcome) for outcome in send(grade(), seconds=-1)] == [Unavailable]
    assert learn.token_requests == []


def test_no_time_left_sends_nothing_with_the_token_at_hand(learn: PretendLearn, send: Send, observed: list[Call]):
    assert send(grade("u1")) == [None]
    assert [type(outcome) for outcome in send(grade("u2"), seconds=-1)] == [Unavailable]
    assert learn.batches == [["u1"]]
    assert len(observed) == 1


def test_time_that_ends_while_the_token_is_fetched_sends_no_grade(learn: PretendLearn, send: Send):
    released = threading.Event()
    learn.token_script.append(lambda: released.wait(10) and answer({"access_token": "late"}))
    assert [type(outcome) for outcome in send(grade(), seconds=0.2)] == [Unavailable]
    assert learn.batches == []
    released.set()


def test_no_call_goes_beyond_the_time_given(learn: PretendLearn, send: Send, observed: list[Call]):
    send(grade())
    released = threading.Event()
    learn.script.append(lambda items: released.wait(10) and learn.respond(items))
    started = time.monotonic()
    assert [type(outcome) for outcome in send(grade(), seconds=0.2)] == [Unconfirmed]
    assert time.monotonic() - started < 2
    assert (observed[-1].status, observed[-1].error) == (None, "Unconfirmed")
    released.set()


def test_a_kept_connection_that_breaks_is_replaced_once():
    def confirm_once_and_read_once(connection: socket.socket) -> None:
        confirm(connection, calls=1)
        read_request(connection)

    with raw_server(confirm, confirm_once_and_read_once, confirm) as (url, connections):  # the first is for the token
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=5)
        until = time.monotonic() + 10
        assert journey.send([grade()], until=until) == [None]
        assert journey.send([grade()], until=until) == [None]
        assert len(connections) == 3


def test_where_the_replaced_connection_fails_too_it_is_unconfirmed_whatever_the_failure():
    def confirm_once_and_read_once(connection: socket.socket) -> None:
        confirm(connection, calls=1)
        read_request(connection)

    def unavailable(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http(b"{}", status="503 Away"))

    with raw_server(confirm, confirm_once_and_read_once, unavailable) as (url, _connections):
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=5)
        until = time.monotonic() + 10
        assert journey.send([grade()], until=until) == [None]
        assert [type(outcome) for outcome in journey.send([grade()], until=until)] == [Unconfirmed]


def test_many_threads_share_one_token_and_each_gets_its_own_outcomes(learn: PretendLearn, journey: GradesJourney):
    learn.refused = {"u7"}
    gate = threading.Barrier(32)

    def send(number: int) -> list[LearnError | None]:
        gate.wait()
        return journey.send([grade(f"u{number}")], until=time.monotonic() + 20)

    with ThreadPoolExecutor(32) as threads:
        outcomes = list(threads.map(send, range(32)))
    assert [number for number, [outcome] in enumerate(outcomes) if outcome] == [7]
    assert len(learn.stored) == 31
    assert len(learn.token_requests) == 1


def test_each_call_is_observed(learn: PretendLearn, send: Send, observed: list[Call]):
    learn.refused = {"u2"}
    before = datetime.now(UTC)
    limits = {"X_Rate_Limit_Limit": "10000", "X_Rate_Limit_Remaining": "9876"}
    learn.script.append(lambda items: answer(learn.take(items), 412, **limits))
    send(*grades(3))
    first, second = observed
    assert (first.service, first.items, first.status, first.ok, first.errors) == ("gradeValueAPI", 3, 412, 2, 1)
    assert (first.error, first.rate_limit, first.rate_remaining) == ("", 10000, 9876)
    assert before <= first.started_at <= datetime.now(UTC)
    assert 0 < first.seconds < 5
    assert (second.items, second.status, second.ok, second.errors) == (1, 200, 0, 1)
    assert (second.rate_limit, second.rate_remaining) == (None, None)


def test_a_call_without_results_is_observed_with_its_error(learn: PretendLearn, send: Send, observed: list[Call]):
    learn.script.extend([page(503), answer([])])
    send(grade())
    send(grade())
    assert [(call.status, call.ok, call.errors, call.error) for call in observed] == [
        (503, 0, 0, "Unavailable"),
        (200, 0, 0, "Unconfirmed"),
    ]


def test_neither_secret_nor_token_nor_grade_is_logged(
    learn: PretendLearn, send: Send, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    learn.script.append(answer({"message": "no"}, 401))
    send(grade(value="Distinction"))
    assert not [word for word in ("secret", "token-", "Distinction") if word in caplog.text]


def test_no_outcome_repeats_secret_or_token(learn: PretendLearn, send: Send):
    learn.token_script.append(answer({"access_token": "a-long-token-of-learn"}))
    learn.script.append(lambda items: answer([result(items[0], "ERROR", f"{learn.bearers[-1]} is odd")]))
    [outcome] = send(grade())
    assert str(outcome) == "Bearer [token] is odd"


@pytest.mark.parametrize("url", ["http://learn.example.edu", "http://10.0.0.1", "ftp://127.0.0.1", "learn", "https://"])
def test_an_address_that_would_send_grades_in_the_clear_is_refused(url: str):
    with pytest.raises(ValueError, match="must begin with https://"):
        GradesJourney(url=url, key="key", secret="secret", timeout=5)


@pytest.mark.parametrize(
    "url", ["https://learn.example.edu/", "http://localhost:8001", "http://a.localhost", "http://[::1]:80"]
)
def test_https_and_this_machine_are_accepted(url: str):
    GradesJourney(url=url, key="key", secret="secret", timeout=5)


@pytest.mark.parametrize(("url", "allowed"), [("https://learn.example.edu", False), ("http://127.0.0.1:1", True)])
def test_plain_http_is_switched_on_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch, url: str, allowed: bool):
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    GradesJourney(url=url, key="key", secret="secret", timeout=5)
    assert ("OAUTHLIB_INSECURE_TRANSPORT" in os.environ) is allowed


def test_what_is_sent_is_the_documented_json(learn: PretendLearn, send: Send):
    bodies: list[object] = []
    learn.script.append(lambda items: bodies.append(items) or learn.respond(items))
    send(grade())
    assert json.loads(json.dumps(bodies)) == [[{"courseId": "c1", "userId": "u1", "name": "Exam", "value": "B"}]]
