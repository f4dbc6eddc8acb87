"""The access token: one for all threads, fetched once, renewed when Learn refuses it."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import requests
from requests.auth import HTTPBasicAuth

from courses.learn_http.answers import Answer, read_json, refusal
from courses.learn_http.calls import CallInProgress, Observe, ignore, observing, only_used_up_quota
from courses.learn_http.errors import CredentialsRefused, Fault, LearnError, Unavailable, Unconfirmed
from courses.learn_http.transport import LearnSession, bounded, timeouts

TOKEN_SERVICE = "token"  # noqa: S105  a name in the call log
MAX_TOKEN_BYTES = 64 * 1024
ASSUMED_LIFE = 300  # seconds, where Learn does not say; a token that ends sooner is renewed when it is refused
LONGEST_LIFE = 24 * 60 * 60
MARGIN = 10.0  # seconds before its end at which a token is no longer used


@dataclass(frozen=True, kw_only=True)
class Token:
    value: str = field(repr=False)
    use_until: float  # time.monotonic()


class Tokens:
    """Hands out the token. Thread-safe: who asks while it is being fetched waits, and gets what the fetch brought."""

    def __init__(self, *, url: str, key: str, secret: str, timeout: float) -> None:
        self._url = f"{url}/learn/api/public/v1/oauth2/token"
        self._key = key
        self._auth = HTTPBasicAuth(key.encode(), secret.encode())
        self._timeout = timeout
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._failure: LearnError | None = None
        self._failed_at = 0.0

    def get(self, *, until: float, observe: Observe = ignore, refused: Token | None = None) -> Token:
        """A token to use now, not the one that was `refused`. `observe` receives calls that met a used up quota.

        Raises Unavailable, HostUnknown, CertificateRefused, CredentialsRefused, PermissionMissing, NotInstalled,
        QuotaUsedUp or RequestRefused. In none of these cases has anything but the request for a token gone out.
        """
        requested_at = time.monotonic()
        with self._turn(until):
            if self._token is refused:
                self._token = None  # no one is to try it again, whatever becomes of the next
            if self._token and time.monotonic() < self._token.use_until:
                return self._token
            if self._failure and self._failed_at > requested_at:  # it came while this thread waited for it
                raise self._failure
            return self._renew(until, observe)

    def renew(self, *, until: float, observe: Observe = ignore) -> Token:
        """The token that Learn gives out now, whatever is at hand. Raises as `get` does."""
        with self._turn(until):
            return self._renew(until, observe)

    @contextmanager
    def _turn(self, until: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(min(self._timeout, until - time.monotonic()), 0)):
            raise Unavailable(Fault.TOKEN_SERVICE_TOO_SLOW)
        try:
            yield
        finally:
            self._lock.release()

    def _renew(self, until: float, observe: Observe) -> Token:
        try:
            with observing(TOKEN_SERVICE, only_used_up_quota(observe)) as call:
                self._token = self._fetch(until, call)
        except LearnError as failure:
            if time.monotonic() < until:  # one that ended for want of time says nothing to those who have more
                self._failure, self._failed_at = failure, time.monotonic()
            raise
        return self._token

    def _fetch(self, until: float, call: CallInProgress) -> Token:
        now = time.monotonic()
        seconds = min(self._timeout, until - now)
        if seconds <= 0:
            raise Unavailable(Fault.NO_TIME_FOR_TOKEN)

        def look(response: requests.Response) -> requests.Response:
            call.answer = Answer(status=response.status_code, headers=response.headers, body=response.content)
            return normalised_token_response(response, call.answer)

        def exchange() -> dict[str, object]:
            # A session of its own: afterwards oauthlib would hold calls to its own idea of when the token ends.
            with LearnSession(key=self._key) as session:
                session.register_compliance_hook("access_token_response", look)
                return session.fetch_token(self._url, auth=self._auth, timeout=timeouts(seconds))

        try:
            fetched = bounded(exchange, seconds=seconds, most_bytes=MAX_TOKEN_BYTES)
        except Unconfirmed as failure:
            raise Unavailable(Fault.TOKEN_ANSWER_UNREADABLE) from failure
        left = float(str(fetched["expires_in"]))
        return Token(value=str(fetched["access_token"]), use_until=now + max(left - MARGIN, left / 2))


def normalised_token_response(response: requests.Response, answer: Answer) -> requests.Response:
    """The response, made up so that oauthlib trips over nothing in it. Refuses what is no token.

    oauthlib looks neither at the status nor at the type of the answer, and stumbles over odd values of `expires_in`.
    """
    fields = read_json(answer.body)
    fields = fields if isinstance(fields, dict) else {}
    if answer.status == 401 or fields.get("error") == "invalid_client":
        raise CredentialsRefused(Fault.KEY_REFUSED)
    if answer.status >= 500:
        raise Unavailable(Fault.TOKEN_SERVICE_NOT_AVAILABLE)
    if answer.status >= 300:
        raise refusal(replace(answer, body=b""))  # its message may repeat what it was sent
    token = fields.get("access_token")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise Unavailable(Fault.TOKEN_MISSING)
    response.encoding = "utf-8"
    response._content = json.dumps(
        {"access_token": token, "token_type": "Bearer", "expires_in": life(fields.get("expires_in"))}
    ).encode()
    return response


def life(expires_in: object) -> int:
    """Whole seconds that a token has left, at least 1: those who ask together share even a dying one."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = ASSUMED_LIFE
    return int(min(max(1.0, seconds), LONGEST_LIFE))  # in this order NaN becomes 1
