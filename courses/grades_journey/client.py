"""GradesJourney: sends items to Learn and says of each what became of it."""

import ipaddress
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from courses.grades_journey.answers import Answer, Result, read_results, tied, whole_number
from courses.grades_journey.errors import CredentialsRefused, LearnError, QuotaUsedUp, Unavailable, Unconfirmed
from courses.grades_journey.items import GradeValue, Item
from courses.grades_journey.settling import Settlement
from courses.grades_journey.tokens import Token, Tokens
from courses.grades_journey.transport import StaleConnection, Transport


@dataclass(frozen=True, kw_only=True)
class Call:
    """One HTTP call to a service, as it went. It carries counts only, nothing of a person."""

    service: str
    items: int
    status: int | None  # None: no answer came
    ok: int  # results that say OK
    errors: int  # results that say anything else
    seconds: float
    started_at: datetime  # aware, UTC
    error: str  # the error's class; "Unconfirmed" also for results that are not tied to the items; else empty
    rate_limit: int | None
    rate_remaining: int | None
    lifts_at: datetime | None  # aware, UTC: Learn takes no more calls before; None: it does


Observe = Callable[[Call], None]  # called in the thread that made the call; it must not raise


def ignore(call: Call) -> None:
    """Observes nothing."""


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

    def set_grade_values(
        self, items: Sequence[GradeValue], *, until: float, observe: Observe = ignore
    ) -> list[LearnError | None]:
        """Sets each value; returns an outcome per item at its place: None where Learn confirmed it, else what happened.

        `until` is a time.monotonic() moment; no call goes beyond it. `observe` is told of every call that is made.
        Raises no LearnError.
        """
        return self._settle("gradeValueAPI", items, until, observe)

    def _settle(self, service: str, items: Sequence[Item], until: float, observe: Observe) -> list[LearnError | None]:
        send = partial(self._send, service, until=until, observe=observe)
        return Settlement(items, send, until=until).settle() if items else []

    def _send(self, service: str, items: Sequence[Item], *, until: float, observe: Observe) -> list[Result]:
        """Learn's results. A connection that Learn had closed meanwhile costs a second call over a new one."""
        try:
            return self._send_when_allowed(service, items, until, observe, fresh_connection=False)
        except StaleConnection:
            try:
                return self._send_when_allowed(service, items, until, observe, fresh_connection=True)
            except LearnError as error:
                raise Unconfirmed("The connection to Learn broke; it may have stored the grade.") from error

    def _send_when_allowed(
        self, service: str, items: Sequence[Item], until: float, observe: Observe, *, fresh_connection: bool
    ) -> list[Result]:
        """Learn's results, after a wait for the quota where it lifts in time."""
        while True:
            try:
                token = self._tokens.get(until=until)
                try:
                    return self._call(service, items, until, observe, token, fresh_connection=fresh_connection)
                except CredentialsRefused:
                    token = self._tokens.get(until=until, refused=token)
                    return self._call(service, items, until, observe, token, fresh_connection=fresh_connection)
            except QuotaUsedUp as quota:
                seconds = (quota.lifts_at - datetime.now(UTC)).total_seconds()
                if time.monotonic() + seconds >= until:
                    raise
                time.sleep(max(seconds, 0))

    def _call(
        self,
        service: str,
        items: Sequence[Item],
        until: float,
        observe: Observe,
        token: Token,
        *,
        fresh_connection: bool,
    ) -> list[Result]:
        """The results of one call, told to `observe`. Raises a LearnError where there are none."""
        started = time.monotonic()
        seconds = min(self._timeout, until - started)
        if seconds <= 0:
            raise Unavailable("The time ended before this could be sent to Learn.")
        started_at = datetime.now(UTC)
        answer: Answer | None = None
        results: list[Result] = []
        error = ""
        lifts_at: datetime | None = None
        try:
            answer = self._transport.post(
                service,
                [item.body() for item in items],
                token=token.value,
                seconds=seconds,
                fresh_connection=fresh_connection,
            )
            results = read_results(answer)
        except LearnError as failure:
            error = type(failure).__name__
            lifts_at = failure.lifts_at if isinstance(failure, QuotaUsedUp) else None
            raise
        else:
            if not tied(items, results):
                error = Unconfirmed.__name__
            return results
        finally:
            headers = answer.headers if answer else {}
            ok = sum(result.ok for result in results)
            observe(
                Call(
                    service=service,
                    items=len(items),
                    status=answer.status if answer else None,
                    ok=ok,
                    errors=len(results) - ok,
                    seconds=time.monotonic() - started,
                    started_at=started_at,
                    error=error,
                    rate_limit=whole_number(headers.get("X-Rate-Limit-Limit")),
                    rate_remaining=whole_number(headers.get("X-Rate-Limit-Remaining")),
                    lifts_at=lifts_at,
                )
            )


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
