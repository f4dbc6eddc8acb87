"""One Learn site: its token, its connections and its quota, shared by all clients of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from courses.learn_http.addresses import allow_plain_http_on_loopback
from courses.learn_http.answers import Answer
from courses.learn_http.calls import CallInProgress, Observe, ignore, observing
from courses.learn_http.errors import CredentialsRefused, Fault, LearnError, QuotaUsedUp, Unavailable, Unconfirmed
from courses.learn_http.tokens import Token, Tokens
from courses.learn_http.transport import Transport

MAX_BYTES = 1024 * 1024  # of an answer to a GET, unless its caller expects more

T = TypeVar("T")


class Site:
    """A site and GradeBridge's application on it. Thread-safe; one for a process, so that all share its token.

    `url` is the site's address, https unless it is this machine's own; `timeout` bounds each call in seconds.
    """

    def __init__(self, *, url: str, key: str, secret: str, timeout: float) -> None:
        url = url.rstrip("/")
        allow_plain_http_on_loopback(url)
        self._timeout = timeout
        self._tokens = Tokens(url=url, key=key, secret=secret, timeout=timeout)
        self._transport = Transport(url=url, key=key)

    def check_token(self, *, until: float, observe: Observe = ignore) -> None:
        """Asks Learn for a token, whatever token is at hand. Raises LearnError where it gives none."""
        self._tokens.renew(until=until, observe=observe)

    def get(
        self,
        service: str,
        path: str,
        read: Callable[[Answer], T],
        *,
        until: float,
        observe: Observe,
        most_bytes: int = MAX_BYTES,
        fresh_connection: bool = False,
        lost: Callable[[Unconfirmed], LearnError] | None = None,
    ) -> T:
        """What `read` makes of the answer, or raises. `service` is the call's name in the call log.

        `lost` says what it means to the caller that no answer arrived, or none that ends.
        """

        def ask(token: Token) -> T:
            seconds = self._seconds(until)
            with observing(service, observe) as call:
                try:
                    call.answer = self._transport.get(
                        path,
                        token=token.value,
                        seconds=seconds,
                        most_bytes=most_bytes,
                        fresh_connection=fresh_connection,
                    )
                except Unconfirmed as error:
                    raise (lost(error) if lost else error) from error.__cause__
                return read(call.answer)

        return self.when_allowed(ask, until, observe)

    def post(
        self,
        service: str,
        path: str,
        bodies: list[dict[str, object]],
        read: Callable[[Answer, CallInProgress], T],
        *,
        until: float,
        observe: Observe,
        fresh_connection: bool,
    ) -> T:
        """The same of a POST of a list of items. `read` notes on the call what it found."""

        def ask(token: Token) -> T:
            seconds = self._seconds(until)
            with observing(service, observe, items=len(bodies)) as call:
                call.answer = self._transport.post(
                    path, bodies, token=token.value, seconds=seconds, fresh_connection=fresh_connection
                )
                return read(call.answer, call)

        return self.when_allowed(ask, until, observe)

    def when_allowed(self, call: Callable[[Token], T], until: float, observe: Observe) -> T:
        """What `call` returns: with a new token where Learn refuses the first, and after a wait for the quota where it
        lifts in time. What Learn turns away so has changed nothing.
        """
        while True:
            try:
                token = self._tokens.get(until=until, observe=observe)
                try:
                    return call(token)
                except CredentialsRefused:
                    return call(self._tokens.get(until=until, observe=observe, refused=token))
            except QuotaUsedUp as quota:
                seconds = (quota.lifts_at - datetime.now(UTC)).total_seconds()
                if time.monotonic() + seconds >= until:
                    raise
                time.sleep(max(seconds, 0))

    def _seconds(self, until: float) -> float:
        """How long a call that begins now may take. Raises Unavailable where no time is left."""
        seconds = min(self._timeout, until - time.monotonic())
        if seconds <= 0:
            raise Unavailable(Fault.NO_TIME_LEFT)
        return seconds
