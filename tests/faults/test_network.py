"""The network between GradeBridge and Learn fails. Whoever answers in Learn's place confirms all and stores nothing."""

import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from courses.connection import connect_anew
from courses.learn_http import transport
from sandbox.world import World
from tests.conftest import COLUMN, COURSE
from tests.courses.learn_http.pretend import TOKEN_PATH, confirm, http, raw_server, read_request, result
from tests.faults.conftest import Trial

RESET_ON_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"

Network = Callable[[Path, World], AbstractContextManager[str]]  # yields the address that stands for Learn's


@contextmanager
def refused(folder: Path, world: World) -> Iterator[str]:
    """The connection is refused"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def unknown_host(folder: Path, world: World) -> Iterator[str]:
    """The host's name is not known"""
    yield "https://learn.invalid"


@contextmanager
def connect_time_out(folder: Path, world: World) -> Iterator[str]:
    """The connection is neither taken nor refused: connecting takes too long"""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):  # they fill the queue of connections
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.MonkeyPatch.context() as patch:  # as on a real site, connecting has less time than the whole call
            patch.setattr(transport, "MAX_CONNECT_SECONDS", 0.2)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def no_tls(folder: Path, world: World) -> Iterator[str]:
    """The other side does not speak TLS"""
    with raw_server(confirm) as (url, _connections):
        yield url.replace("http", "https")


@contextmanager
def untrusted_certificate(folder: Path, world: World) -> Iterator[str]:
    """A certificate that no authority has signed"""
    with tls_server(certificate(folder, "localhost")) as url:
        yield url


@contextmanager
def other_name(folder: Path, world: World) -> Iterator[str]:
    """A trusted certificate of another name"""
    trusted = certificate(folder, "elsewhere.example")
    with tls_server(trusted) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        yield url


@contextmanager
def reset_in_the_answer(folder: Path, world: World) -> Iterator[str]:
    """All stored; a TCP reset in the middle of the answer"""

    def behave(connection: socket.socket) -> None:
        path, body = read_request(connection)
        if path == TOKEN_PATH:
            connection.sendall(http(b'{"access_token": "t", "token_type": "bearer", "expires_in": 3600}'))
            return
        items = json.loads(body or "[]")  # there is none where something is read
        for item in items:
            world.set_value(course_id=COURSE, column_name=COLUMN, user_id=item["userId"], value=item["value"])
        answer = http(json.dumps([result(item) for item in items]).encode())
        connection.sendall(answer[: len(answer) // 2])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    with raw_server(behave) as (url, _connections):
        yield url


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate of `name` and its key, in one file."""
    key, own = folder / "key.pem", folder / "certificate.pem"
    request = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", own]
    named = ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run(["openssl", "req", "-x509", *request, *named], check=True, capture_output=True)
    own.write_bytes(own.read_bytes() + key.read_bytes())
    return own


@contextmanager
def tls_server(own: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)

    def confirm_over_tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            confirm(secured)

    with raw_server(confirm_over_tls) as (url, _connections):
        yield url.replace("http://127.0.0.1", "https://localhost")


AFTER: dict[Network, str] = {
    refused: "12 FAILED",
    unknown_host: "12 FAILED",
    connect_time_out: "12 FAILED",
    no_tls: "12 FAILED",
    untrusted_certificate: "12 FAILED",
    other_name: "12 FAILED",
    reset_in_the_answer: "12 UNCONFIRMED",
}


@pytest.mark.parametrize("network", AFTER, ids=lambda network: network.__name__)
def test_a_fault_of_the_network(trial: Trial, settings: Any, tmp_path: Path, network: Network):
    healthy = settings.LEARN_URL
    with network(tmp_path, trial.learn.world) as url:
        use_learn_at(url, settings)
        answer = trial.export()

    use_learn_at(healthy, settings)
    line = str(network.__doc__)
    trial.ends_well(answer, section=3, place=list(AFTER).index(network), fault=line, after=AFTER[network])


def use_learn_at(url: str, settings: Any) -> None:
    settings.LEARN_URL = url
    connect_anew()
