"""One exchange against servers that misbehave: what was sent, and how long it may take."""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from courses.learn_http.addresses import allow_plain_http_on_loopback
from courses.learn_http.errors import CertificateRefused, Fault, HostUnknown, LearnError, Unavailable, Unconfirmed
from courses.learn_http.transport import StaleConnection, Transport
from courses.sentences import reason_of
from tests.courses.learn_http.pretend import confirm, http, raw_server, read_request

PATH = "/learn/api/v2/cc/gradejourney/gradeValueAPI"
TOKEN = "a-long-t0ken-of-learn"
SOON = 0.2
LATE = 2.0  # far beyond SOON, even on a busy machine


@pytest.fixture(autouse=True)
def _plain_http() -> None:
    allow_plain_http_on_loopback("http://127.0.0.1")


def post(
    url: str, *, seconds: float = 5, items: int = 1, transport: Transport | None = None, fresh: bool = False
) -> bytes:
    transport = transport or Transport(url=url, key="key")
    bodies: list[dict[str, object]] = [{"courseId": "c1", "name": "Exam", "value": "x" * 333}] * items
    return transport.post(PATH, bodies, token=TOKEN, seconds=seconds, fresh_connection=fresh).body


def failure(url: str, *, seconds: float = 5, items: int = 1) -> LearnError:
    with pytest.raises(LearnError) as raised:
        post(url, seconds=seconds, items=items)
    assert "t0ken" not in f"{raised.value!r} {reason_of(raised.value)}"
    return raised.value


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full: the next one is neither taken nor refused."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Set at the end of the test: what a server that stays silent waits for."""
    event = threading.Event()
    yield event
    event.set()


def test_a_refused_connection_is_unavailable(closed_port: int):
    assert type(failure(f"http://127.0.0.1:{closed_port}")) is Unavailable


def test_a_connection_that_nobody_takes_is_unavailable_in_time(deaf_port: int):
    started = time.monotonic()
    assert type(failure(f"http://127.0.0.1:{deaf_port}", seconds=SOON)) is Unavailable
    assert time.monotonic() - started < LATE


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows any host's name, save numbers."""
    look_up = socket.getaddrinfo

    def unknown(host: str, *args: object, **kwargs: object) -> object:
        if host == "127.0.0.1":
            return look_up(host, *args, **kwargs)  # type: ignore[call-overload]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


@pytest.mark.usefixtures("no_names")
def test_an_unknown_host_is_told_apart():
    error = failure("https://learn.invalid")
    assert (type(error), error.code) == (HostUnknown, Fault.HOST_UNKNOWN)


@pytest.mark.usefixtures("no_names")
def test_an_unknown_proxy_is_not_taken_for_an_unknown_learn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "")
    assert type(failure("https://127.0.0.1")) is Unavailable


def test_a_host_that_cannot_be_a_name_is_unknown():
    assert type(failure(f"https://{'x' * 70}.invalid")) is HostUnknown


def test_a_missing_ca_bundle_is_unavailable(monkeypatch: pytest.MonkeyPatch, closed_port: int):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    assert type(failure(f"https://127.0.0.1:{closed_port}")) is Unavailable


def test_a_name_that_is_looked_up_too_long_is_unavailable_and_nothing_is_sent_later(monkeypatch: pytest.MonkeyPatch):
    resume, resumed, look_up = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(*args: object, **kwargs: object) -> object:
        resume.wait(10)
        resumed.set()
        return look_up(*args, **kwargs)  # type: ignore[call-overload]

    seen: list[bytes] = []
    ended = threading.Event()

    def listen(connection: socket.socket) -> None:
        seen.append(connection.recv(1000))
        ended.set()

    with raw_server(listen) as (url, _connections):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        assert failure(url, seconds=SOON).code == Fault.NOT_REACHED_IN_TIME
        resume.set()
        assert ended.wait(10)
    assert seen == [b""]  # connected, looked up at the clock, and left


def test_a_server_without_tls_is_told_apart():
    def answer_in_the_clear(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(answer_in_the_clear) as (url, _connections):
        error = failure(url.replace("http", "https"))
        assert (type(error), error.code) == (CertificateRefused, Fault.NOT_SECURE)


def test_a_connection_closed_before_tls_is_made_is_unavailable():
    with raw_server(lambda connection: None) as (url, _connections):
        assert isinstance(failure(url.replace("http", "https")), Unavailable)  # TLS, or a reset: both are seen


def test_a_silent_tls_handshake_is_unavailable_in_time(released: threading.Event):
    with raw_server(lambda connection: released.wait(10) and None) as (url, _connections):
        started = time.monotonic()
        assert type(failure(url.replace("http", "https"), seconds=SOON)) is Unavailable
        assert time.monotonic() - started < LATE
        released.set()


Silence = Callable[[socket.socket], None]


def drip(*parts: bytes) -> Silence:
    """Sends the parts byte by byte, never silent long enough for a read time-out, until the client hangs up."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.settimeout(SOON / 20)
        for byte in b"".join(parts):
            connection.sendall(bytes([byte]))
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                pass

    return behave


def no_answer(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)  # returns when the client hangs up


@pytest.mark.parametrize(
    "behave",
    [
        no_answer,
        drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" " * 9999),
        drip(b"HTTP/1.0 200 OK\r\n\r\n", b" " * 9999),
    ],
    ids=["no answer", "dripping head", "dripping body", "dripping body without a length"],
)
def test_an_answer_that_takes_too_long_is_unconfirmed_in_time_and_its_connection_is_ended(
    behave: Silence,
):
    hung_up = threading.Event()

    def behave_and_tell(connection: socket.socket) -> None:
        with suppress(OSError):
            behave(connection)
        hung_up.set()

    with raw_server(behave_and_tell) as (url, _connections):
        started = time.monotonic()
        assert reason_of(failure(url, seconds=SOON)) == {"code": "NO_ANSWER_IN_TIME", "seconds": 0.2}
        assert time.monotonic() - started < LATE
        assert hung_up.wait(LATE)


def test_a_request_that_nobody_reads_is_unconfirmed_in_time(released: threading.Event):
    with raw_server(lambda connection: released.wait(10) and None) as (url, _connections):
        started = time.monotonic()
        assert type(failure(url, seconds=0.5, items=30_000)) is Unconfirmed
        assert time.monotonic() - started < LATE
        released.set()


def test_sending_may_take_longer_than_connecting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("courses.learn_http.transport.MAX_CONNECT_SECONDS", 0.05)
    paused = threading.Event()

    def read_late(connection: socket.socket) -> None:
        paused.wait(0.2)  # the body does not fit into what the system takes off the sender's hands
        read_request(connection)
        connection.sendall(http(b"[]"))

    with raw_server(read_late) as (url, _connections):
        assert post(url, items=30_000) == b"[]"


def reset(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def say(text: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(text)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        reset,
        say(b""),
        say(b"nonsense\r\n\r\n"),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[{"),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[{}]  "),
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        say(http(b"not gzip", Content_Encoding="gzip")),
        say(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n"),
    ],
    ids=["reset", "closed", "nonsense", "cut", "two lengths", "bad chunk", "bad gzip", "endless head"],
)
def test_a_connection_that_breaks_after_sending_is_unconfirmed(behave: Callable[[socket.socket], None]):
    with raw_server(behave) as (url, connections):
        assert type(failure(url)) is Unconfirmed
        assert len(connections) == 1


def gzipped(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(b" " * size) + packer.flush()


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b" " * 2_000_000, {}), (gzipped(200_000_000), {"Content_Encoding": "gzip"})],
    ids=["plain", "compressed"],
)
def test_an_answer_that_is_too_large_is_not_read_to_its_end(body: bytes, headers: dict[str, str]):
    with raw_server(say(http(body, **headers))) as (url, _connections):
        assert failure(url).code == Fault.ANSWER_TOO_LARGE


def test_the_size_that_an_answer_may_have_grows_with_the_items():
    def answer_large(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http(b" " * 2_000_000))

    with raw_server(answer_large) as (url, _connections):
        assert len(post(url, items=300)) == 2_000_000


def test_a_connection_is_kept_for_the_next_call():
    with raw_server(confirm) as (url, connections):
        transport = Transport(url=url, key="key")
        for _ in range(3):
            post(url, transport=transport)
        assert len(connections) == 1


def test_a_kept_connection_that_breaks_without_an_answer_is_told_apart():
    def confirm_once_and_read_once(connection: socket.socket) -> None:
        confirm(connection, calls=1)
        read_request(connection)

    with raw_server(confirm_once_and_read_once, confirm) as (url, connections):
        transport = Transport(url=url, key="key")
        post(url, transport=transport)
        with pytest.raises(StaleConnection):
            post(url, transport=transport)
        post(url, transport=transport, fresh=True)
        assert len(connections) == 2


@pytest.mark.parametrize("place", ["http://[broken", "/\udcff", "https://elsewhere.example/"])
def test_a_redirect_is_handed_back_as_it_came_wherever_it_points(place: str):
    head = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
    with raw_server(say(head.encode("utf-8", "surrogateescape"))) as (url, connections):
        assert post(url) == b""
        assert len(connections) == 1


def test_a_kept_connection_that_was_closed_in_between_is_replaced_without_a_word():
    closed = threading.Event()

    def confirm_once(connection: socket.socket) -> None:
        confirm(connection, calls=1)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with raw_server(confirm_once, confirm) as (url, connections):
        transport = Transport(url=url, key="key")
        post(url, transport=transport)
        assert closed.wait(10)
        post(url, transport=transport)
        assert len(connections) == 2


def test_what_learn_repeats_of_the_token_is_blotted_out():
    with raw_server(say(http(b'{"message": "Bearer a-long-t0ken-of-learn is odd"}'))) as (url, _connections):
        assert post(url) == b'{"message": "Bearer [token] is odd"}'


def test_the_bearer_is_not_replaced_from_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    heads: list[bytes] = []

    def note_head(connection: socket.socket) -> None:
        heads.append(connection.recv(2000, socket.MSG_PEEK))
        confirm(connection, calls=1)

    with raw_server(note_head) as (url, _connections):
        post(url)
    assert b"Authorization: Bearer a-long-t0ken-of-learn\r\n" in heads[0]
    assert b"Basic" not in heads[0]


def test_plain_http_to_this_machine_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def forward(connection: socket.socket) -> None:
        asked.append(read_request(connection)[0])
        connection.sendall(http(b"[]"))

    with raw_server(forward) as (proxy, _connections), raw_server(say(http(b"[1]"))) as (url, _others):
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setenv("no_proxy", "")
        assert post(url) == b"[1]"
    assert asked == []


def test_https_asks_the_proxy_of_the_environment_for_a_tunnel_and_shows_it_nothing(monkeypatch: pytest.MonkeyPatch):
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(connection.recv(2000))
        connection.sendall(b"HTTP/1.1 503 No\r\n\r\n")

    with raw_server(refuse) as (proxy, _connections):
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        failure("https://learn.invalid")
    [request] = asked
    assert request.startswith(b"CONNECT learn.invalid:443 ")
    assert b"Authorization" not in request


def test_a_tunnel_that_the_proxy_refuses_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    def refuse(connection: socket.socket) -> None:
        connection.recv(2000)
        connection.sendall(b"HTTP/1.1 503 No\r\n\r\n")

    with raw_server(refuse) as (proxy, _connections):
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        assert type(failure("https://learn.invalid")) is Unavailable
