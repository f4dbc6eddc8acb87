"""One licence of WISEflow over HTTP: the token or key, the pace, and what each status means."""

import json
import logging
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

import structlog

from courses.learn_http.addresses import allow_plain_http_on_loopback
from courses.learn_http.answers import Answer, wait_of
from courses.learn_http.errors import Fault as HttpFault
from courses.learn_http.errors import LearnError
from courses.learn_http.tokens import MARGIN, life
from courses.learn_http.transport import LearnSession, StaleConnection, bounded, timeouts
from exports.wiseflow.errors import (
    CredentialsRefused,
    Fault,
    ModuleMissing,
    NotOnLicence,
    NotReached,
    TooManyCalls,
    Unreadable,
    WiseflowError,
)
from exports.wiseflow.pace import Pace

log = structlog.get_logger(__name__)

CLIENT_NAME = "GradeBridge"
MAX_BYTES = 16 * 1024 * 1024  # the assessments of a flow come in one answer
TOKEN_BYTES = 64 * 1024
TRIES = 3  # of a call that is turned away for its number
LONGEST_WAIT = 60.0  # seconds; who is asked to wait longer says so instead
ASSUMED_WAIT = 5.0  # seconds, where WISEflow does not say
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

# What kept an exchange from ending in an answer, in this client's words
OF_HTTP: dict[str, Fault] = {
    HttpFault.HOST_UNKNOWN: Fault.HOST_UNKNOWN,
    HttpFault.NOT_SECURE: Fault.NOT_SECURE,
    HttpFault.NOT_REACHED_IN_TIME: Fault.NO_ANSWER_IN_TIME,
    HttpFault.NO_ANSWER_IN_TIME: Fault.NO_ANSWER_IN_TIME,
    HttpFault.CONNECTION_BROKEN: Fault.CONNECTION_BROKEN,
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call. `call` is its name, in logs and errors; the path may name people, and is in neither."""

    call: str
    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    content_type: str = JSON
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, kw_only=True)
class _Token:
    value: str = field(repr=False)
    use_until: float  # time.monotonic()


class Connection:
    """Calls of one licence. Thread-safe; one for a process, so that all share its token and its pace.

    `url` is the address of the API, https unless it is this machine's own, such as
    https://europe-api.wiseflow.net/v1. Either `client_id` and `client_secret`, or `api_key`.
    """

    def __init__(
        self, *, url: str, client_id: str, client_secret: str, api_key: str, timeout: float, version: str
    ) -> None:
        self._url = url.rstrip("/")
        allow_plain_http_on_loopback(self._url)
        self._client_id, self._client_secret, self._api_key = client_id, client_secret, api_key
        self._timeout = timeout
        self._headers = {
            "Accept": JSON,
            "X-Client-Name": CLIENT_NAME,
            "User-Agent": f"{CLIENT_NAME}/{version}",
        }
        self._pace = Pace()
        self._idle: deque[LearnSession] = deque()
        self._token: _Token | None = None
        self._token_lock = threading.Lock()

    def read(self, request: Request, *, until: float) -> object:
        """The JSON of a call's answer, with fractions as text. Raises WiseflowError.

        `until` is a time.monotonic() moment; nothing goes on beyond it.
        """
        answer = self._answer(request, until, self._credentials(until))
        if answer.status == 401 and not self._api_key:  # the token has ended before its time
            answer = self._answer(request, until, self._credentials(until, is_renewed=True))
        refuse_status(request.call, answer)
        return read_json(request.call, answer.body)

    def _credentials(self, until: float, *, is_renewed: bool = False) -> dict[str, str]:
        if self._api_key:
            return {"X-Api-Key": self._api_key}
        used = self._token
        with self._token_lock:
            if is_renewed and self._token is used:
                self._token = None  # else another thread has renewed it
            if self._token is None or time.monotonic() >= self._token.use_until:
                self._token = self._fetch_token(until)
            return {"Authorization": f"Bearer {self._token.value}"}

    def _fetch_token(self, until: float) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        request = Request(
            call="token",
            method="POST",
            path="/oauth2/token",
            body=urlencode(form).encode(),
            content_type=FORM,
            max_bytes=TOKEN_BYTES,
        )
        requested = time.monotonic()
        answer = self._answer(request, until, {})
        if answer.status in (400, 401, 403):
            raise CredentialsRefused
        refuse_status("token", answer)
        found = read_json("token", answer.body)
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Unreadable(Fault.UNEXPECTED_SHAPE, call="token", field="access_token")
        left = life(found.get("expires_in"))
        return _Token(value=token, use_until=requested + max(left - MARGIN, left / 2))

    def _answer(self, request: Request, until: float, credentials: dict[str, str]) -> Answer:
        """The answer, whatever its status but 429: that one is waited for, as far as the time allows."""
        for tries_left in reversed(range(TRIES)):
            if not self._pace.take_turn(until):
                raise NotReached(Fault.NO_ANSWER_IN_TIME)
            answer = self._exchange(request, until, credentials)
            if answer.status != 429:
                return answer
            wait = wait_asked(answer)
            self._pace.rest(wait)
            if not tries_left or wait > LONGEST_WAIT or time.monotonic() + wait >= until:
                raise TooManyCalls(round(wait))
        raise AssertionError  # the last try has returned or raised

    def _exchange(self, request: Request, until: float, credentials: dict[str, str]) -> Answer:
        try:
            return self._exchange_once(request, until, credentials)
        except StaleConnection:  # a kept connection that WISEflow had closed: a call that reads may be made again
            return self._exchange_once(request, until, credentials, is_fresh=True)

    def _exchange_once(
        self, request: Request, until: float, credentials: dict[str, str], *, is_fresh: bool = False
    ) -> Answer:
        seconds = min(self._timeout, until - time.monotonic())
        if seconds <= 0:
            raise NotReached(Fault.NO_ANSWER_IN_TIME)
        session = self._session(is_fresh=is_fresh)
        headers = self._headers | credentials | ({"Content-Type": request.content_type} if request.body else {})

        def exchange() -> Answer:
            response = session.request(
                request.method,
                f"{self._url}{request.path}",
                data=request.body,
                headers=headers,
                timeout=timeouts(seconds),
                withhold_token=True,  # the credentials are among the headers
            )
            return Answer(status=response.status_code, headers=response.headers, body=response.content)

        try:
            answer = bounded(exchange, seconds=seconds, most_bytes=request.max_bytes)
        except StaleConnection:
            session.close()
            if is_fresh:
                raise NotReached(Fault.CONNECTION_BROKEN) from None
            raise
        except LearnError as error:  # the words of the shared transport: this host is not Learn
            session.close()
            raise error_of(request.call, error) from error
        except BaseException:
            session.close()  # its thread may still be at work
            raise
        self._idle.append(session)
        note(request.call, answer)
        return answer

    def _session(self, *, is_fresh: bool) -> LearnSession:
        try:
            session = self._idle.pop()
        except IndexError:
            return LearnSession(key=self._client_id)
        if is_fresh:
            session.close()
        return session


def error_of(call: str, error: LearnError) -> WiseflowError:
    """What an exchange that ended in no answer means. Nothing was asked but to read."""
    if error.code == HttpFault.ANSWER_TOO_LARGE:
        return Unreadable(Fault.TOO_LARGE, call=call)
    return NotReached(OF_HTTP.get(error.code, Fault.NOT_REACHED))


def note(call: str, answer: Answer) -> None:
    """UNIwise finds a call by its X-Trace-Id."""
    trace = re.sub(r"[^\x21-\x7e]", "", answer.headers.get("X-Trace-Id", ""))[:100] or "none"
    is_answered = answer.status < 400
    level = logging.DEBUG if is_answered else logging.WARNING
    event = "wiseflow_called" if is_answered else "wiseflow_call_failed"
    log.log(level, event, call=call, status=answer.status, trace_id=trace)


def wait_asked(answer: Answer) -> float:
    """Seconds that WISEflow asks to wait."""
    now = datetime.now(UTC)
    for name in ("Retry-After", "RateLimit-Reset"):
        wait = wait_of(answer.headers.get(name, ""), now=now)
        if wait is not None:
            return max(1.0, wait.total_seconds())
    return ASSUMED_WAIT


def refuse_status(call: str, answer: Answer) -> None:
    """Raises unless the answer is what was asked for."""
    status = answer.status
    if status == 200:
        return
    if status == 401:
        raise CredentialsRefused
    if status == 403:
        raise ModuleMissing(Fault.MODULE_MISSING, call=call)
    if status == 404:
        raise NotOnLicence(Fault.NOT_ON_LICENCE, call=call)
    if status >= 500:
        raise NotReached(Fault.NOT_AVAILABLE, call=call, status=status)
    raise Unreadable(Fault.UNEXPECTED_STATUS, call=call, status=status)


def read_json(call: str, body: bytes) -> object:
    """The JSON value. A fraction stays text, so that a grade keeps its digits."""
    try:
        value: object = json.loads(body, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise Unreadable(Fault.NOT_JSON, call=call) from None
    return value
