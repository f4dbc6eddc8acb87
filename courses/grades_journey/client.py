"""GradesJourney: sends items to Learn and says of each what became of it."""

import ipaddress
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from courses.grades_journey.answers import Result, read_results, read_version, refuse_absent_service
from courses.grades_journey.calls import Observe, ignore, observing
from courses.grades_journey.errors import CredentialsRefused, LearnError, QuotaUsedUp, Unavailable, Unconfirmed
from courses.grades_journey.items import GradeValue, Item
from courses.grades_journey.settling import Settlement, in_want_of_proof
from courses.grades_journey.tokens import Token, Tokens
from courses.grades_journey.transport import StaleConnection, Transport

VERSION_SERVICE = "version"
VERSION_PATH = "/learn/api/public/v1/system/version"

T = TypeVar("T")


class GradesJourney:
    """The inbound services of one Learn site. Thread-safe; one for a process, so that all share its token.

    `url` is the site's address, https unless it is this machine's own; `timeout` bounds each call in seconds.
    """

    def __init__(self, *, url: str, key: str, secret: str, timeout: float) -> None:
        url = url.rstrip("/")
        allow_plain_http_on_loopback(url)
        self._timeout = timeout
        self._tokens = Tokens(url=url, key=key, secret=secret, timeout=timeout)
        self._transport = Transport(url=url, key=key)

    def send(self, items: Sequence[Item], *, until: float, observe: Observe = ignore) -> list[LearnError | None]:
        """Sends items of one service; returns an outcome per item at its place: None where Learn confirmed it, else
        what happened.

        `until` is a time.monotonic() moment; no call goes beyond it. `observe` is told of every call that is made to a
        service, and of those for a token that its quota turned away.
        Items that are not `repeatable` travel in one call, which is repeated only where Learn turned it away unread:
        for its token, or for its quota. Raises no LearnError; ValueError where the items are of several services.
        """
        if len({item.service for item in items}) > 1:
            raise ValueError("The items of one call are of one service.")
        send = partial(self._send, until=until, observe=observe)
        return Settlement(items, send, until=until).settle() if items else []

    def check_token(self, *, until: float, observe: Observe = ignore) -> None:
        """Asks Learn for a token, whatever token is at hand. Raises LearnError where it gives none."""
        self._tokens.renew(until=until, observe=observe)

    def version(self, *, until: float, observe: Observe = ignore) -> str:
        """Learn's version, such as 4000.0.0. Raises LearnError."""

        def ask(token: Token) -> str:
            seconds = self._seconds(until)
            with observing(VERSION_SERVICE, (), observe) as call:
                call.answer = self._transport.get(VERSION_PATH, token=token.value, seconds=seconds)
                return read_version(call.answer)

        return self._when_allowed(ask, until, observe)

    def check_service(self, *, until: float, observe: Observe = ignore) -> None:
        """Sends no grade values, which changes nothing. Raises LearnError unless the service is there, and allowed."""

        def ask(token: Token) -> None:
            seconds = self._seconds(until)
            with observing(GradeValue.service, (), observe) as call:
                call.answer = self._transport.post(
                    GradeValue.service, [], token=token.value, seconds=seconds, fresh_connection=True
                )
                refuse_absent_service(call.answer)

        self._when_allowed(ask, until, observe)

    def _send(self, items: Sequence[Item], *, until: float, observe: Observe) -> list[Result]:
        """Learn's results. A connection that Learn had closed meanwhile costs a second call over a new one; an item
        that may not be sent twice goes over a new one at once.
        """
        try:
            return self._post_when_allowed(items, until, observe, fresh_connection=not items[0].repeatable)
        except StaleConnection as broken:
            try:
                return self._post_when_allowed(items, until, observe, fresh_connection=True)
            except LearnError as error:
                raise in_want_of_proof(str(broken), items[0]) from error
        except Unconfirmed as failure:
            raise in_want_of_proof(str(failure), items[0]) from failure

    def _post_when_allowed(
        self, items: Sequence[Item], until: float, observe: Observe, *, fresh_connection: bool
    ) -> list[Result]:
        def post(token: Token) -> list[Result]:
            seconds = self._seconds(until)
            with observing(items[0].service, items, observe) as call:
                call.answer = self._transport.post(
                    items[0].service,
                    [item.body() for item in items],
                    token=token.value,
                    seconds=seconds,
                    fresh_connection=fresh_connection,
                )
                call.results = read_results(call.answer)
                return call.results

        return self._when_allowed(post, until, observe)

    def _when_allowed(self, call: Callable[[Token], T], until: float, observe: Observe) -> T:
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
            raise Unavailable("The time ended before this could be sent to Learn.")
        return seconds


def allow_plain_http_on_loopback(url: str) -> None:
    """Lets oauthlib use plain http where `url` is this machine's own. Raises ValueError for http to any other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not is_loopback(host):
        raise ValueError("The address of Learn must begin with https://; plain http is for this machine alone.")
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the only switch that oauthlib has


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
