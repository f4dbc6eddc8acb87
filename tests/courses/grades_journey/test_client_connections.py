"""GradesJourney over connections that break: what is sent again, and what is not."""

import socket
import time
from collections.abc import Callable

import pytest

from courses.grades_journey import (
    ColumnToDelete,
    GradesJourney,
    Item,
    Unconfirmed,
)
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, grade, items_of
from tests.courses.learn_http.pretend import confirm, http, raw_server, read_request


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
    assert outcome.params["effect"] == kind.effect
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
        assert len(journey._site._transport._idle) == 1
