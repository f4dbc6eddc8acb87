"""A call as it went, and how those who make it tell of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from courses.learn_http.answers import Answer, whole_number
from courses.learn_http.errors import LearnError, QuotaUsedUp

log = structlog.get_logger(__name__)


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


def only_used_up_quota(observe: Observe) -> Observe:
    """Tells `observe` of those calls alone that Learn turned away until its quota lifts."""

    def look(call: Call) -> None:
        if call.lifts_at:
            observe(call)

    return look


@dataclass
class CallInProgress:
    """What is known so far of a call that is being made."""

    answer: Answer | None = None
    ok: int = 0
    errors: int = 0
    error: str = ""  # of a call that ends without one being raised


@contextmanager
def observing(service: str, observe: Observe, *, items: int = 0) -> Iterator[CallInProgress]:
    """Tells `observe` of the one call that is made inside, however it ends."""
    started, started_at = time.monotonic(), datetime.now(UTC)
    call = CallInProgress()
    lifts_at: datetime | None = None
    try:
        yield call
    except LearnError as failure:
        call.error = type(failure).__name__
        lifts_at = failure.lifts_at if isinstance(failure, QuotaUsedUp) else None
        raise
    finally:
        headers = call.answer.headers if call.answer else {}
        took = time.monotonic() - started
        if call.error:
            status = call.answer.status if call.answer else None
            found = {"status": status, "error": call.error, "items": items, "seconds": round(took, 3)}
            log.warning("learn_call_failed", service=service, **found)
        observe(
            Call(
                service=service,
                items=items,
                status=call.answer.status if call.answer else None,
                ok=call.ok,
                errors=call.errors,
                seconds=took,
                started_at=started_at,
                error=call.error,
                rate_limit=whole_number(headers.get("X-Rate-Limit-Limit")),
                rate_remaining=whole_number(headers.get("X-Rate-Limit-Remaining")),
                lifts_at=lifts_at,
            )
        )
