"""What Learn answered, and what it means. Pure: no call is made here."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import takewhile
from urllib.parse import urlsplit

from courses.learn_http.errors import (
    CredentialsRefused,
    Fault,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)

MAX_REASON_CHARACTERS = 500

# A 429 that does not say when it ends: the quota is counted over a day, so minutes would be hope and a day despair.
ASSUMED_QUOTA_WAIT = timedelta(hours=1)
LONGEST_QUOTA_WAIT = timedelta(hours=24)
SHORTEST_QUOTA_WAIT = timedelta(seconds=1)  # a site that says 0 and stays at 429 must not be hammered

NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?", re.ASCII)
# A number from 2001 to 2286, as seconds since 1970, is no time to wait but a moment; so is its thousandfold.
EARLIEST_MOMENT = 1_000_000_000
LATEST_MOMENT = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer, read to its end. The names in `headers` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def refusal(answer: Answer) -> LearnError:
    """The meaning of an answer that holds no results."""
    match answer.status:
        case 401:
            return CredentialsRefused(Fault.TOKEN_REFUSED)
        case 403:
            return PermissionMissing()
        case 404:
            return NotInstalled()
        case 429:
            return QuotaUsedUp(lifts_at(answer.headers, now=datetime.now(UTC)))
        case 503:
            return Unavailable(Fault.NOT_AVAILABLE)
        case status if 300 <= status < 400:
            return RequestRefused(Fault.REDIRECTED, address=redirect_target(answer.headers))
        case 412 if not isinstance(read_json(answer.body), dict):  # some failed and the rest succeeded, cut off perhaps
            return Unconfirmed(Fault.NO_RESULTS, status=412)
        case status if 400 <= status < 500:
            return RequestRefused(Fault.REFUSED, status=status, message=error_message(answer.body))
        case status:
            return Unconfirmed(Fault.NO_RESULTS, status=status)


def read_version(answer: Answer) -> str:
    """Learn's version, such as 4000.0.0. Raises `refusal`, or Unconfirmed where a success names no version."""
    fields = read_json(answer.body)
    learn = fields.get("learn") if isinstance(fields, dict) else None
    parts = learn if isinstance(learn, dict) else {}
    numbers = takewhile(bool, (version_part(parts.get(name)) for name in ("major", "minor", "patch")))
    if version := ".".join(numbers):
        return version
    if 200 <= answer.status < 300:
        raise Unconfirmed(Fault.NO_VERSION, status=answer.status)
    raise refusal(answer)


def version_part(value: object) -> str:
    """A number, or a text that Learn gives in its place; empty where there is neither."""
    return plain(str(value) if type(value) is int else value)


def lifts_at(headers: Mapping[str, str], *, now: datetime) -> datetime:
    """When the quota lifts: `Retry-After` or, on older sites, `X-Rate-Limit-Reset`, the first that can be read."""
    waits = (wait_of(headers.get(name, ""), now=now) for name in ("Retry-After", "X-Rate-Limit-Reset"))
    wait = next((wait for wait in waits if wait is not None), ASSUMED_QUOTA_WAIT)
    return now + min(max(wait, SHORTEST_QUOTA_WAIT), LONGEST_QUOTA_WAIT)


def wait_of(text: str, *, now: datetime) -> timedelta | None:
    """How long a header says to wait, in seconds, as a moment since 1970 or as a date. None where it says nothing."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        try:
            return parsedate_to_datetime(text).astimezone(UTC) - now
        except (ValueError, OverflowError):
            return None
    seconds = float(text)
    if seconds >= EARLIEST_MOMENT * 1000:
        seconds /= 1000
    if EARLIEST_MOMENT <= seconds < LATEST_MOMENT:
        seconds -= now.timestamp()
    return timedelta(seconds=math.ceil(min(max(seconds, 0), LONGEST_QUOTA_WAIT.total_seconds())))


def whole_number(text: str | None) -> int | None:
    """The number that a header carries, or None."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def redirect_target(headers: Mapping[str, str]) -> str:
    """Where a redirect points, without whatever it may carry along (query, fragment, user). Empty: not known."""
    try:
        parts = urlsplit(headers.get("Location", ""))
    except ValueError:
        parts = urlsplit("")
    host = parts.netloc.rpartition("@")[2]
    return plain(parts._replace(netloc=host, query="", fragment="").geturl())


def error_message(body: bytes) -> str:
    """The message of Learn's error object; empty: there is none."""
    error = read_json(body)
    return plain(error.get("message") if isinstance(error, dict) else None)


def read_json(body: bytes) -> object:
    """The JSON value in `body`, or None where there is none to be read."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not text, numbers or depth beyond reason
        return None


def plain(value: object) -> str:
    """A string from Learn as one printable line of bounded length; anything else is empty."""
    if not isinstance(value, str):
        return ""
    line = " ".join(value[: 4 * MAX_REASON_CHARACTERS].split())
    return "".join(filter(str.isprintable, line))[:MAX_REASON_CHARACTERS]
