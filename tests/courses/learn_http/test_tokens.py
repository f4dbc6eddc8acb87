"""The token's life, against a real token service on loopback."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from courses.learn_http.addresses import allow_plain_http_on_loopback
from courses.learn_http.calls import Call
from courses.learn_http.errors import (
    CertificateRefused,
    CredentialsRefused,
    Fault,
    HostUnknown,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
)
from courses.learn_http.tokens import Tokens, life
from courses.sentences import reason_of
from tests.courses.learn_http.pretend import PretendSite, answer, page, raw_server, read_request

MANY = 32


def make(url: str, *, timeout: float = 5) -> Tokens:
    allow_plain_http_on_loopback(url)
    return Tokens(url=url, key="key", secret="s3crët", timeout=timeout)


@pytest.fixture
def tokens(learn: PretendSite) -> Tokens:
    return make(learn.url)


def in_a_while(seconds: float = 10) -> float:
    return time.monotonic() + seconds


def failure(tokens: Tokens, *, seconds: float = 10) -> LearnError:
    with pytest.raises(LearnError) as raised:
        tokens.get(until=in_a_while(seconds))
    assert "s3cr" not in f"{raised.value!r} {reason_of(raised.value)}"
    return raised.value


def test_it_is_asked_for_with_key_and_secret_and_nothing_else(learn: PretendSite, tokens: Tokens):
    assert tokens.get(until=in_a_while()).value == "token-1"
    [request] = learn.token_requests
    assert request.authorization is not None
    assert (request.authorization.username, request.authorization.password) == ("key", "s3crët")
    assert request.form.to_dict() == {"grant_type": "client_credentials"}


def test_it_is_used_until_shortly_before_its_end(learn: PretendSite, tokens: Tokens):
    token = tokens.get(until=in_a_while())
    assert time.monotonic() + 3580 < token.use_until < time.monotonic() + 3591
    assert tokens.get(until=in_a_while()) is token
    assert len(learn.token_requests) == 1


def test_it_does_not_show_itself(tokens: Tokens):
    assert "token-1" not in repr(tokens.get(until=in_a_while()))


def together(work: Callable[[], object]) -> list[object]:
    """What each of many threads gets that ask at the same moment."""
    gate = threading.Barrier(MANY)

    def wait_and_work(_number: int) -> object:
        gate.wait()
        try:
            return work()
        except LearnError as error:
            return error

    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(wait_and_work, range(MANY)))


@pytest.mark.parametrize("expires_in", [3600, 0])
def test_many_who_ask_at_once_get_the_one_that_was_fetched(learn: PretendSite, tokens: Tokens, expires_in: int):
    learn.token_script.append(answer({"access_token": "one", "expires_in": expires_in}))
    assert len(set(map(id, together(lambda: tokens.get(until=in_a_while()))))) == 1
    assert len(learn.token_requests) == 1


def test_many_whose_token_was_refused_renew_it_once(learn: PretendSite, tokens: Tokens):
    refused = tokens.get(until=in_a_while())
    [renewed] = set(together(lambda: tokens.get(until=in_a_while(), refused=refused)))
    assert renewed is tokens.get(until=in_a_while(), refused=refused)
    assert len(learn.token_requests) == 2


def test_many_who_ask_at_once_share_the_failure_and_the_next_asks_again(learn: PretendSite, tokens: Tokens):
    def refuse() -> Response:
        threading.Event().wait(0.3)  # long enough for all who ask at once to be waiting
        return answer({"error": "invalid_client"}, 401)

    learn.token_script.append(refuse)
    errors = together(lambda: tokens.get(until=in_a_while()))
    assert {type(error) for error in errors} == {CredentialsRefused}
    assert len(learn.token_requests) == 1
    assert tokens.get(until=in_a_while()).value == "token-2"


def test_the_dying_token_given_out_again_is_used_and_not_asked_for_in_a_loop(learn: PretendSite, tokens: Tokens):
    learn.token_script.extend(answer({"access_token": "dying", "expires_in": 4}) for _ in range(2))
    first = tokens.get(until=in_a_while())
    again = tokens.get(until=in_a_while(), refused=first)
    assert (again.value, again is first) == ("dying", False)
    assert tokens.get(until=in_a_while()) is again
    assert len(learn.token_requests) == 2


def test_one_that_has_ended_is_fetched_anew(learn: PretendSite, tokens: Tokens):
    learn.token_script.append(answer({"access_token": "short", "expires_in": 0}))
    short = tokens.get(until=in_a_while())
    while time.monotonic() < short.use_until:
        threading.Event().wait(0.05)
    assert tokens.get(until=in_a_while()).value == "token-2"


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (59.9, 59),
        (0, 1),
        (-5, 1),
        ("nan", 1),
        (10**400, 86400),
        (float("inf"), 86400),
        (None, 300),
        ("soon", 300),
        ([], 300),
        ({}, 300),
        (True, 300),
    ],
)
def test_any_expires_in_gives_a_life(expires_in: object, seconds: int):
    assert life(expires_in) == seconds


@pytest.mark.parametrize("extra", [{}, {"expires_in": "soon"}, {"expires_in": []}, {"error": "odd"}, {"scope": {}}])
def test_what_oauthlib_would_trip_over_is_no_obstacle(learn: PretendSite, tokens: Tokens, extra: dict[str, object]):
    learn.token_script.append(answer({"access_token": "good", **extra}))
    assert tokens.get(until=in_a_while()).value == "good"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer({"error": "invalid_client", "error_description": "s3crët"}, 401), CredentialsRefused),
        (page(401), CredentialsRefused),
        (answer({"error": "invalid_client"}, 400), CredentialsRefused),
        (answer({"message": "s3crët is odd"}, 400), RequestRefused),
        (answer({}, 403), PermissionMissing),
        (page(404), NotInstalled),
        (answer({}, 302, Location="https://elsewhere.example/"), RequestRefused),
        (page(500), Unavailable),
        (page(503), Unavailable),
        (answer({"access_token": "t"}, 502), Unavailable),
        (page(200), Unavailable),
        (answer({"token_type": "bearer"}), Unavailable),
        (answer({"access_token": ""}), Unavailable),
        (answer({"access_token": None}), Unavailable),
        (answer({"access_token": "a\r\nb: c"}), Unavailable),
        (answer({"access_token": "tøken"}), Unavailable),
        (answer(["t"]), Unavailable),
        (answer({"access_token": "x" * 100_000}), Unavailable),
    ],
)
def test_what_is_no_token_is_told_by_what_to_do_next(
    learn: PretendSite, tokens: Tokens, response: Response, error: type[LearnError]
):
    learn.token_script.append(response)
    assert type(failure(tokens)) is error
    assert len(learn.token_requests) == 1


def test_a_used_up_quota_says_when_it_lifts(learn: PretendSite, tokens: Tokens):
    learn.token_script.append(answer({"message": "Too many"}, 429, Retry_After="7200"))
    quota = failure(tokens)
    assert isinstance(quota, QuotaUsedUp)
    assert abs(quota.lifts_at - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_a_refused_token_is_never_given_out_again_though_no_other_can_be_had(learn: PretendSite, tokens: Tokens):
    refused = tokens.get(until=in_a_while())
    learn.token_script.append(page(503))
    with pytest.raises(Unavailable):
        tokens.get(until=in_a_while(), refused=refused)
    assert tokens.get(until=in_a_while()).value != refused.value


def test_a_used_up_quota_is_observed_once_by_whoever_fetched(learn: PretendSite, tokens: Tokens):
    def turn_away() -> Response:
        threading.Event().wait(0.3)  # long enough for all who ask at once to be waiting
        return answer({"message": "Too many"}, 429, Retry_After="7200")

    observed: list[Call] = []
    learn.token_script.append(turn_away)
    together(lambda: tokens.get(until=in_a_while(), observe=observed.append))
    [call] = observed
    assert (call.service, call.items, call.status, call.error) == ("token", 0, 429, "QuotaUsedUp")
    assert call.lifts_at is not None


@pytest.mark.parametrize("response", [None, page(503), answer({"error": "invalid_client"}, 401)])
def test_nothing_else_is_observed(learn: PretendSite, tokens: Tokens, response: Response | None):
    observed: list[Call] = []
    learn.token_script.extend([response] if response else [])
    with suppress(LearnError):
        tokens.get(until=in_a_while(), observe=observed.append)
    assert observed == []


def test_no_time_left_asks_nobody(learn: PretendSite, tokens: Tokens):
    assert type(failure(tokens, seconds=-1)) is Unavailable
    assert learn.token_requests == []


def test_a_service_that_does_not_answer_is_unavailable_in_time():
    def no_answer(connection: object) -> None:
        read_request(connection)  # type: ignore[arg-type]
        connection.recv(1)  # type: ignore[attr-defined]

    with raw_server(no_answer) as (url, _connections):
        assert type(failure(make(url, timeout=0.2))) is Unavailable


def test_what_keeps_a_connection_from_being_made_is_told_apart(monkeypatch: pytest.MonkeyPatch):
    with raw_server(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as (url, _connections):
        assert type(failure(make(url.replace("http", "https")))) is CertificateRefused

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert type(failure(make("https://learn.invalid"))) is HostUnknown


def test_who_has_little_time_does_not_wait_for_those_who_have_more(learn: PretendSite, tokens: Tokens):
    fetching, resume = threading.Event(), threading.Event()

    def respond() -> Response:
        fetching.set()
        resume.wait(10)
        return answer({"access_token": "late"})

    learn.token_script.append(respond)
    with ThreadPoolExecutor(1) as other:
        patient = other.submit(tokens.get, until=in_a_while())
        assert fetching.wait(10)
        assert failure(tokens, seconds=0.1).code == Fault.TOKEN_SERVICE_TOO_SLOW
        resume.set()
        assert patient.result().value == "late"


def test_who_ran_out_of_time_does_not_spoil_it_for_those_who_have_more(learn: PretendSite, tokens: Tokens):
    fetching, resume = threading.Event(), threading.Event()

    def respond() -> Response:
        fetching.set()
        resume.wait(10)
        return answer({"access_token": "too late"})

    learn.token_script.append(respond)
    with ThreadPoolExecutor(2) as others:
        hasty = others.submit(failure, tokens, seconds=0.3)
        assert fetching.wait(10)
        patient = others.submit(tokens.get, until=in_a_while())
        assert type(hasty.result()) is Unavailable
        resume.set()
        assert patient.result().value == "token-2"
