"""GradesJourney as the test of the connection uses it: token, version and service, without an item."""

import socket
import time
from collections.abc import Callable

import pytest
from werkzeug import Response

from courses.grades_journey import (
    Call,
    CredentialsRefused,
    GradesJourney,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from tests.courses.grades_journey.conftest import Send
from tests.courses.grades_journey.pretend import VERSION_PATH, PretendLearn, grade
from tests.courses.learn_http.pretend import answer, confirm, http, page, raw_server, read_request


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
    assert "effect" not in raised.value.params  # it changed nothing
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
