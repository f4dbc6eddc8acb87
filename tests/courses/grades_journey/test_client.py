"""GradesJourney as its callers see it: one outcome per item, whatever Learn and the network do."""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from courses.grades_journey import (
    Call,
    ColumnToDelete,
    CredentialsRefused,
    GradesJourney,
    Item,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    SchemaItem,
    Unavailable,
    Unconfirmed,
)
from tests.courses.grades_journey.conftest import Send
from tests.courses.grades_journey.pretend import (
    NOT_REPEATABLE,
    REPEATABLE,
    VERSION_PATH,
    PretendLearn,
    answer,
    confirm,
    grade,
    grades,
    http,
    items_of,
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


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
def test_items_of_every_service_are_sent_to_it_and_confirmed_in_one_call(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item]
):
    assert send(*items_of(kind, 3)) == [None] * 3
    assert learn.services == [kind.service]
    assert [(call.service, call.items, call.ok, call.error) for call in observed] == [(kind.service, 3, 3, "")]


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
def test_results_in_any_order_tell_who_was_rejected(learn: PretendLearn, send: Send, kind: type[Item]):
    learn.refused = {"n2"}
    learn.script.append(lambda items: answer(learn.take(items)[::-1], 412))
    first, second, third = send(*items_of(kind, 3))
    assert (first, third) == (None, None)
    assert isinstance(second, ItemRejected)
    assert len(learn.batches) == 1


def test_items_of_several_services_are_no_call(learn: PretendLearn, send: Send):
    with pytest.raises(ValueError, match="of one service"):
        send(grade(), *items_of(SchemaItem, 1))
    assert learn.token_requests == []


UNTIED = {
    "shorter": lambda results: results[:-1],
    "longer": lambda results: [*results, results[0]],
    "foreign names": lambda results: [{**result, "name": "n9"} for result in results],
    "names that are no text": lambda results: [{**result, "courseId": {}, "name": ["n1"]} for result in results],
    "no status": lambda results: [{**result, "status": None} for result in results],
}


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("change", UNTIED.values(), ids=list(UNTIED))
def test_what_could_be_made_twice_is_never_sent_again_to_learn_who_failed(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item], change: Callable[..., object]
):
    learn.script.append(lambda items: answer(change(learn.take(items))))
    outcomes = send(*items_of(kind, 2))
    assert [type(outcome) for outcome in outcomes] == [Unconfirmed] * 2
    assert str(outcomes[0]) == f"Learn's answer could not be tied to what was sent; it may have {kind.deed}."
    assert [call.error for call in observed] == ["Unconfirmed"]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
def test_of_items_with_the_same_names_a_failure_leaves_all_unconfirmed(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item]
):
    learn.script.append(lambda items: answer([result(items[0]), result(items[1], "ERROR")]))
    assert [type(outcome) for outcome in send(*(items_of(kind, 1) * 2))] == [Unconfirmed] * 2
    assert [call.error for call in observed] == ["Unconfirmed"]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize(
    "response", [page(200), page(500), page(502), page(503), answer({}, 403), answer({}, 404), answer({}, 400)]
)
def test_an_answer_without_results_is_one_call_of_any_service(
    learn: PretendLearn, send: Send, kind: type[Item], response: Response
):
    learn.script.append(response)
    assert None not in send(*items_of(kind, 2))
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("response", [answer({}, 401), answer({}, 429, Retry_After="1")], ids=["401", "429"])
def test_what_learn_turned_away_unread_may_be_repeated(
    learn: PretendLearn, send: Send, kind: type[Item], response: Response
):
    learn.script.append(response)
    assert send(*items_of(kind, 2)) == [None, None]
    assert len(learn.batches) == 2


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def close(connection: socket.socket) -> None:
    """Ends the connection as it ends in peace."""


def stay_silent(connection: socket.socket) -> None:
    connection.recv(1)  # returns when the client hangs up


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("end", [reset, close, stay_silent])
def test_a_connection_that_fails_is_no_reason_to_send_again(kind: type[Item], end: Callable[[socket.socket], None]):
    read: list[bytes] = []

    def read_and_end(connection: socket.socket) -> None:
        read.append(read_request(connection)[1])
        end(connection)

    with raw_server(confirm, read_and_end) as (url, _connections):  # the first is for the token
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=0.5)
        [outcome] = journey.send(items_of(kind, 1), until=time.monotonic() + 10)
    assert type(outcome) is Unconfirmed
    assert str(outcome).endswith(f"; it may have {kind.deed}.")
    assert len(read) == 1


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("end", [reset, close])
def test_only_what_may_be_sent_twice_is_risked_on_a_kept_connection(
    kind: type[Item], end: Callable[[socket.socket], None]
):
    """The connection that served the first call reads the second and breaks: whether Learn took it, nobody knows."""
    read: list[bytes] = []

    def confirm_once_and_read_once(connection: socket.socket) -> None:
        confirm(connection, calls=1)
        _path, body = read_request(connection)
        read.extend([body] if body else [])
        end(connection)

    with raw_server(confirm, confirm_once_and_read_once, confirm) as (url, _connections):
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=5)
        until = time.monotonic() + 10
        assert journey.send([grade()], until=until) == [None]
        assert journey.send(items_of(kind, 1), until=until) == [None]
    assert len(read) == (1 if kind.repeatable else 0)


def test_connections_that_are_not_used_again_do_not_pile_up():
    with raw_server(confirm) as (url, connections):
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=5)
        for _ in range(3):
            assert journey.send(items_of(ColumnToDelete, 1), until=time.monotonic() + 10) == [None]
        assert len(connections) == 4  # the first was for the token
        assert len(journey._transport._idle) == 1


def soon() -> float:
    return time.monotonic() + 5


def test_checking_the_token_asks_for_one_whatever_is_at_hand(learn: PretendLearn, journey: GradesJourney, send: Send):
    send(grade())
    journey.check_token(until=soon())
    assert len(learn.token_requests) == 2
    send(grade())
    assert learn.bearers == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("response", "error"), [(answer({"error": "invalid_client"}, 401), CredentialsRefused), (page(503), Unavailable)]
)
def test_a_token_that_is_not_given_is_an_error_and_the_one_at_hand_stays(
    learn: PretendLearn, journey: GradesJourney, send: Send, response: Response, error: type[LearnError]
):
    send(grade())
    learn.token_script.append(response)
    with pytest.raises(error):
        journey.check_token(until=soon())
    assert send(grade()) == [None]
    assert learn.bearers == ["Bearer token-1"] * 2


def test_the_version_is_asked_for_with_the_token(learn: PretendLearn, journey: GradesJourney, observed: list[Call]):
    assert journey.version(until=soon(), observe=observed.append) == "4000.0.0"
    assert learn.bearers == ["Bearer token-1"]
    assert [(call.service, call.items, call.status, call.error) for call in observed] == [("version", 0, 200, "")]


def test_checking_the_service_sends_no_items(learn: PretendLearn, journey: GradesJourney, observed: list[Call]):
    journey.check_service(until=soon(), observe=observed.append)
    assert (learn.services, learn.batches, learn.stored) == (["gradeValueAPI"], [[]], {})
    assert [(call.service, call.items, call.ok, call.errors, call.error) for call in observed] == [
        ("gradeValueAPI", 0, 0, 0, "")
    ]


@pytest.mark.parametrize("response", [answer([], 201), answer({"message": "The list is empty"}, 400), page(422)])
def test_a_service_that_refuses_an_empty_call_is_there(
    learn: PretendLearn, journey: GradesJourney, observed: list[Call], response: Response
):
    learn.script.append(response)
    journey.check_service(until=soon(), observe=observed.append)
    assert [call.error for call in observed] == [""]


CHECKS = [GradesJourney.version, GradesJourney.check_service]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    ("response", "error"),
    [
        (page(200), Unconfirmed),
        (Response("", 302, {"Location": "https://elsewhere.example/"}), RequestRefused),
        (answer({}, 403), PermissionMissing),
        (page(404), NotInstalled),
        (answer({}, 429, Retry_After="3600"), QuotaUsedUp),
        (page(500), Unconfirmed),
        (page(503), Unavailable),
    ],
)
def test_a_check_that_fails_says_what_to_do_next(
    learn: PretendLearn,
    journey: GradesJourney,
    observed: list[Call],
    check: Callable[..., object],
    response: Response,
    error: type[LearnError],
):
    learn.script.append(response)
    with pytest.raises(error) as raised:
        check(journey, until=soon(), observe=observed.append)
    assert "may have" not in str(raised.value)  # it changed nothing
    assert [(call.items, call.status, call.error) for call in observed] == [(0, response.status_code, error.__name__)]


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_overcomes_a_token_that_has_ended(
    learn: PretendLearn, journey: GradesJourney, check: Callable[..., object]
):
    learn.script.append(answer({}, 401))
    check(journey, until=soon())
    assert learn.bearers == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("check", [*CHECKS, GradesJourney.check_token])
def test_a_check_without_time_asks_nobody(learn: PretendLearn, journey: GradesJourney, check: Callable[..., object]):
    with pytest.raises(Unavailable):
        check(journey, until=time.monotonic() - 1)
    assert learn.token_requests == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_makes_a_connection_of_its_own(check: Callable[..., object]):
    def serve(connection: socket.socket) -> None:
        while path := read_request(connection)[0]:
            connection.sendall(http(b'{"learn": {"major": 4000}}' if path == VERSION_PATH else b"[]"))

    with raw_server(confirm, serve) as (url, connections):  # the first is for the token
        journey = GradesJourney(url=url, key="key", secret="secret", timeout=5)
        check(journey, until=soon())
        check(journey, until=soon())
        assert len(connections) == 3


def test_what_is_sent_is_the_documented_json(learn: PretendLearn, send: Send):
    bodies: list[object] = []
    learn.script.append(lambda items: bodies.append(items) or learn.respond(items))
    send(grade())
    assert json.loads(json.dumps(bodies)) == [[{"courseId": "c1", "userId": "u1", "name": "Exam", "value": "B"}]]
