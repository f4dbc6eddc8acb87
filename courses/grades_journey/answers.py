"""What Learn answered, and what it means. Pure: no call is made here."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import takewhile
from urllib.parse import urlsplit

from courses.grades_journey.errors import (
    CredentialsRefused,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.grades_journey.items import Item

MOST_REASON_CHARACTERS = 500
NO_REASON = "Learn gave no reason"

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


@dataclass(frozen=True, kw_only=True)
class Result:
    """Learn's word on one item. `echo` is the courseId and name it claims to speak of; None for what is no text."""

    status: str  # empty: it did not say
    message: str
    echo: tuple[str | None, str | None]

    @property
    def ok(self) -> bool:
        return self.status.upper() == "OK"

    def verdict(self) -> ItemRejected | None:
        return None if self.ok else ItemRejected(self.message or NO_REASON)


def read_results(answer: Answer) -> list[Result]:
    """The results in an answer, whatever its status. Raises `refusal` where it is no JSON array of objects."""
    entries = read_json(answer.body)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refusal(answer)
    return [
        Result(
            status=plain(entry.get("status")),
            message=plain(entry.get("message")),
            echo=(course_id(entry), only_text(entry.get("name"))),
        )
        for entry in entries
    ]


def course_id(entry: dict[str, object]) -> str | None:
    """Of a result. It is empty in that of a schema, which belongs to no course: some will leave it out, or say null."""
    found = entry.get("courseId")
    return "" if found is None else only_text(found)


def only_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def tied(items: Sequence[Item], results: Sequence[Result]) -> list[Result] | None:
    """The results in the order of their items, or None where they cannot be believed.

    Believed are as many results as items, each with a status and the names of an item. Where the items are `distinct`,
    the names say whose a result is, whatever its place. Where not, each must stand at the place of an item of its
    names, and nothing is said about order: a result names no user, so results of one column may still have changed
    places. Whom a failure among them befell shows when it is sent again; of what may not be, nothing is then known.
    """
    if len(items) != len(results) or not all(result.status for result in results):
        return None
    if distinct(items):
        by_echo = {result.echo: result for result in results}
        found = [by_echo[item.echo] for item in items if item.echo in by_echo]
        return found if len(found) == len(items) else None
    in_place = all(result.echo == item.echo for item, result in zip(items, results, strict=True))
    unanimous = len({result.ok for result in results}) == 1
    return list(results) if in_place and (unanimous or items[0].repeatable) else None


def distinct(items: Sequence[Item]) -> bool:
    """Whether no two of the items share their names, so that a result's names belong to one of them alone."""
    return len({item.echo for item in items}) == len(items)


def refusal(answer: Answer) -> LearnError:
    """The meaning of an answer that holds no results."""
    match answer.status:
        case 401:
            return CredentialsRefused("Learn refused the access token that it gave to GradeBridge.")
        case 403:
            return PermissionMissing("Learn does not allow GradeBridge to do this: an entitlement is missing.")
        case 404:
            return NotInstalled("Learn does not know this service: the application is not installed on the site.")
        case 429:
            return QuotaUsedUp(lifts_at(answer.headers, now=datetime.now(UTC)))
        case 503:
            return Unavailable("Learn is not available at the moment.")
        case status if 300 <= status < 400:
            return RequestRefused(f"Learn sent the call on to {place(answer.headers)}, where GradeBridge does not go.")
        case 412 if not isinstance(read_json(answer.body), dict):  # some failed and the rest succeeded, cut off perhaps
            return Unconfirmed("Learn's answer (412) holds no results.")
        case status if 400 <= status < 500:
            return RequestRefused(f"Learn refused the call ({status}): {reason(answer.body)}")
        case status:
            return Unconfirmed(f"Learn's answer ({status}) holds no results.")


def refuse_absent_service(answer: Answer) -> None:
    """Raises what an answer to a call without items means, unless it shows that the service is there.

    Learn may well say that no items are too few: then it was the service itself that looked at the call.
    """
    try:
        read_results(answer)
    except RequestRefused:
        if answer.status < 400:  # sent on to another place
            raise


def read_version(answer: Answer) -> str:
    """Learn's version, such as 4000.0.0. Raises `refusal`, or Unconfirmed where a success names no version."""
    fields = read_json(answer.body)
    learn = fields.get("learn") if isinstance(fields, dict) else None
    parts = learn if isinstance(learn, dict) else {}
    numbers = takewhile(bool, (version_part(parts.get(name)) for name in ("major", "minor", "patch")))
    if version := ".".join(numbers):
        return version
    if 200 <= answer.status < 300:
        raise Unconfirmed(f"Learn's answer ({answer.status}) names no version.")
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


def place(headers: Mapping[str, str]) -> str:
    """Where a redirect points, without whatever it may carry along (query, fragment, user)."""
    try:
        parts = urlsplit(headers.get("Location", ""))
    except ValueError:
        parts = urlsplit("")
    host = parts.netloc.rpartition("@")[2]
    return plain(parts._replace(netloc=host, query="", fragment="").geturl()) or "an unknown place"


def reason(body: bytes) -> str:
    """The message of Learn's error object, or that there is none."""
    error = read_json(body)
    return plain(error.get("message") if isinstance(error, dict) else None) or NO_REASON


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
    line = " ".join(value[: 4 * MOST_REASON_CHARACTERS].split())
    return "".join(filter(str.isprintable, line))[:MOST_REASON_CHARACTERS]
