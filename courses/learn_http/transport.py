"""One HTTP exchange: bounded in time and in size, and exact about whether anything was sent.

requests bounds the silence between two bytes, not the whole: looking up a name, trying address after address, sending
slowly and answering byte by byte can each go on for ever. So every exchange runs in a thread of its own, and the caller
stops waiting when the time is over. An exchange that has been given up can no longer begin to send.
"""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar, cast

import requests
import urllib3
from oauthlib.oauth2 import BackendApplicationClient
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth2Session
from urllib3.connection import HTTPConnection, HTTPSConnection

from courses.learn_http.answers import Answer
from courses.learn_http.errors import CertificateRefused, Fault, HostUnknown, LearnError, Unavailable, Unconfirmed

MAX_CONNECT_SECONDS = 5.0
GRACE = 1.0  # seconds by which a silence may outlast an exchange: its own end, not the silence, is what ends it
READ_BYTES = 64 * 1024
NO_SUCH_HOST = (urllib3.exceptions.NameResolutionError, urllib3.exceptions.LocationParseError)
SHORTEST_TOKEN = 16  # characters; Learn's have 32. A shorter one could be part of a name, and guards nothing

T = TypeVar("T")


class StaleConnection(Unconfirmed):
    """Learn closed a connection that was kept from an earlier call, without a word. Usually it had done so before."""


class _TooLarge(requests.RequestException):
    pass


class _GivenUp(requests.RequestException):
    pass


class _Exchange:
    """How far one exchange has come; shared by the caller and the thread that works for it."""

    def __init__(self, *, ends_at: float, most_bytes: int) -> None:
        self.ends_at = ends_at
        self.most_bytes = most_bytes
        self.sent = False  # a byte of the request may have left
        self.answered = False  # the head of an answer has come
        self.reused = False  # over a connection that served an earlier exchange
        self._given_up = False
        self._socket: Any = None
        self._lock = threading.Lock()

    def begin_sending(self, sock: Any, *, reused: bool) -> None:
        """Called at the last moment before the first byte."""
        with self._lock:
            if self._given_up:
                raise _GivenUp
            self.sent = True
            self.reused = reused
            self._socket = getattr(sock, "socket", sock)  # TLS within TLS is a wrapper around the socket
        # urllib3 would give the sending of the whole body no more time than it gave to connecting.
        sock.settimeout(max(self.ends_at - time.monotonic(), 0) + GRACE)

    def give_up(self) -> None:
        """Nothing more may begin; what is under way ends now. `sent` is final afterwards."""
        with self._lock:
            self._given_up = True
        if self._socket is not None:
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS, which is another thread's to use

    def failure(self, error: Exception) -> LearnError:
        if not self.sent:
            return no_connection(error)
        if isinstance(error, _TooLarge):
            return Unconfirmed(Fault.ANSWER_TOO_LARGE)
        if self.reused and not self.answered:
            return StaleConnection(Fault.CONNECTION_BROKEN)
        return Unconfirmed(Fault.CONNECTION_BROKEN)


def no_connection(error: Exception) -> Unavailable:
    """What kept an exchange from beginning."""
    if isinstance(error, requests.exceptions.SSLError):
        return CertificateRefused()
    if isinstance(error, requests.exceptions.ProxyError):
        return Unavailable(Fault.NOT_REACHED)  # what failed to be found may be the proxy
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, NO_SUCH_HOST):
            return HostUnknown()
        cause = cause.__cause__ or cause.__context__
    return Unavailable(Fault.NOT_REACHED)


_exchange: ContextVar[_Exchange] = ContextVar("exchange")


def timeouts(seconds: float) -> tuple[float, float]:
    """requests' own time-outs, for connecting and for each silence, in an exchange of so many seconds."""
    return min(MAX_CONNECT_SECONDS, seconds), seconds + GRACE


def bounded(work: Callable[[], T], *, seconds: float, most_bytes: int) -> T:
    """What `work` returns, which must do its one exchange over a LearnSession.

    Raises Unavailable when nothing was sent, Unconfirmed or StaleConnection when something may have been.
    """
    exchange = _Exchange(ends_at=time.monotonic() + seconds, most_bytes=most_bytes)
    context = copy_context()
    context.run(_exchange.set, exchange)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="learn")
    future = thread.submit(context.run, work)
    thread.shutdown(wait=False)
    if not wait([future], timeout=seconds).done:
        exchange.give_up()
        if exchange.sent:
            raise Unconfirmed(Fault.NO_ANSWER_IN_TIME, seconds=round(seconds, 1))
        raise Unavailable(Fault.NOT_REACHED_IN_TIME)
    try:
        return future.result()
    # requests' own errors are OSErrors, a missing CA bundle is a bare one, and some of urllib3's own come through.
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise exchange.failure(error) from error


class _Announced(HTTPConnection):
    """Tells the exchange when sending begins. Connecting, TLS and a proxy's tunnel come before it."""

    _used = False

    def connect(self) -> None:
        super().connect()
        self._used = False

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        if self.sock is None:
            self.connect()
        _exchange.get().begin_sending(self.sock, reused=self._used)
        self._used = True
        super().endheaders(message_body, encode_chunked=encode_chunked)


class _AnnouncedTLS(_Announced, HTTPSConnection):
    pass


class _BoundedAdapter(HTTPAdapter):
    """Reads every answer itself, counting the bytes as they come out of decompression."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> urllib3.HTTPConnectionPool:
        pool = cast("urllib3.HTTPConnectionPool", super().get_connection_with_tls_context(*args, **kwargs))
        pool.ConnectionCls = _AnnouncedTLS if pool.scheme == "https" else _Announced
        return pool

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        exchange = _exchange.get()
        response = super().send(request, *args, **{**kwargs, "stream": True})
        exchange.answered = True
        body = bytearray()
        for chunk in response.iter_content(READ_BYTES):
            body += chunk
            if len(body) > exchange.most_bytes:
                response.close()
                raise _TooLarge
        response._content = bytes(body)
        return response


class LearnSession(OAuth2Session):
    """A session for one thread at a time. Use it inside `bounded` only.

    OAuth2Session sets an `auth` of its own, which keeps requests from putting ~/.netrc in the bearer's place. For https
    proxies and CA bundles from the environment apply.
    """

    def __init__(self, *, key: str) -> None:
        super().__init__(client=BackendApplicationClient(client_id=key))
        adapter = _BoundedAdapter()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Plain http is for this machine alone: no proxy gets to see what goes there."""
        merged = super().merge_environment_settings(url, *given)
        return {**merged, "proxies": {}} if url.startswith("http:") else merged

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect is followed, not even looked at: key, secret and token stay with the host they are meant for."""


def without(token: str, body: bytes) -> bytes:
    """What Learn repeats of the token to us is read by people and kept: blot it out."""
    return body.replace(token.encode(), b"[token]") if len(token) >= SHORTEST_TOKEN else body


class Transport:
    """Calls the services of one site. Thread-safe; connections are kept between calls."""

    def __init__(self, *, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._idle: deque[LearnSession] = deque()  # as many as were ever in use at once

    def post(
        self, path: str, bodies: list[dict[str, object]], *, token: str, seconds: float, fresh_connection: bool
    ) -> Answer:
        """The answer to a list of items, whatever its status. Raises as `bounded` does."""
        return self._exchange(
            "POST",
            path,
            json.dumps(bodies).encode(),
            token=token,
            seconds=seconds,
            most_bytes=(1024 + 4 * len(bodies)) * 1024,
            fresh_connection=fresh_connection,
        )

    def get(self, path: str, *, token: str, seconds: float, most_bytes: int, fresh_connection: bool) -> Answer:
        """Learn's answer, whatever its status. Raises as `bounded` does."""
        return self._exchange(
            "GET", path, None, token=token, seconds=seconds, most_bytes=most_bytes, fresh_connection=fresh_connection
        )

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        token: str,
        seconds: float,
        most_bytes: int,
        fresh_connection: bool,
    ) -> Answer:
        session = self._session(fresh=fresh_connection)
        session.token = {"access_token": token, "token_type": "Bearer"}
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})

        def exchange() -> Answer:
            response = session.request(
                method, f"{self._url}{path}", data=body, headers=headers, timeout=timeouts(seconds)
            )
            if location := response.headers.get("Location"):
                response.headers["Location"] = without(token, location.encode()).decode()
            return Answer(status=response.status_code, headers=response.headers, body=without(token, response.content))

        try:
            answer = bounded(exchange, seconds=seconds, most_bytes=most_bytes)
        except BaseException:
            session.close()  # its thread may still be at work: it is not given to anybody else
            raise
        self._idle.append(session)
        return answer

    def _session(self, *, fresh: bool) -> LearnSession:
        try:
            session = self._idle.pop()
        except IndexError:
            return LearnSession(key=self._key)
        if fresh:
            session.close()  # the connections that it kept; it can still make new ones
        return session
