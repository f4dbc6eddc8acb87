"""Requests that were refused as a whole -> rows that people can look at. Never a body, never a key.

A row is written once the caller has its answer, so that it makes no answer slower and none fail. Equal refusals share a
row, and the rows of an hour are bounded: a flood of requests does not become a flood of rows.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.addresses import caller_address
from exports.api.afterwards import run_afterwards, write
from exports.models import ApiClient, RefusedRequest
from exports.models.refused_request import RefusedRequestQuerySet

RECORDED = frozenset({400, 401, 403, 405, 413, 415, 429})  # what a caller can set right; 404 and 503 are no refusals
SPAN = timedelta(minutes=10)  # equal refusals within it are one row, which counts them
HOUR = timedelta(hours=1)
# Rows that an hour may bring. What is beyond shares a row for each status, without its particulars.
MAX_BY_CLIENT = 1_000
MAX_BY_ADDRESS = 50  # without credentials that are good
MAX_BY_STRANGERS = 500  # the same, of all addresses together: some have more addresses than anyone can count


def note_refusal(
    response: HttpResponse,
    request: HttpRequest,
    *,
    reason: str,
    client: ApiClient | None = None,
    flow_id: str = "",
    times: int = 1,
) -> None:
    """Have the refusal recorded once `response` was sent, if it is one.

    `client` is None where its credentials were not good: whom they name is not looked up, so that all such answers take
    the same time. `times`: how many equal ones this is for.
    """
    if response.status_code in RECORDED and times:
        record_afterwards(response, request, reason=reason, client=client, flow_id=flow_id, times=times)


def record_afterwards(
    response: HttpResponse, request: HttpRequest, *, reason: str, client: ApiClient | None, flow_id: str, times: int = 1
) -> None:
    """The same whatever the status."""
    fields = {
        "client": client,
        "address": storable(caller_address(request), "address"),
        "status": response.status_code,
        "flow_id": storable(flow_id, "flow_id"),
        "method": storable(request.method or "", "method"),
        "path": storable(request.path, "path"),
        "reason": storable(reason, "reason"),
    }
    size = size_of(request)
    run_afterwards(response, lambda: record(fields, size, times))


def record(fields: Mapping[str, Any], size: int | None, times: int = 1) -> None:
    """Write or count the row. Where the database fails there is a line in the log instead."""
    write("refused_request_not_recorded", count, fields, size, timezone.now(), times)


def count(fields: Mapping[str, Any], size: int | None, now: datetime, times: int = 1) -> None:
    """So many more refusals of this kind."""
    if count_again(fields, size, now, times):
        return
    for_all, of_address = bounds(fields["client"], fields["address"], now)
    if for_all or of_address:
        fields = {**fields, "method": "", "path": "", "flow_id": "", "reason": ""}
        fields |= {"address": ""} if for_all else {}
        if count_again(fields, size, now, times):
            return
    row = RefusedRequest(at=now, last_at=now, count=times, size=size, likeness=likeness(fields, now), **fields)
    if row not in RefusedRequest.objects.bulk_create([row], ignore_conflicts=True):
        count_again(fields, size, now, times)


def count_again(fields: Mapping[str, Any], size: int | None, now: datetime, times: int) -> bool:
    """Whether there is a row for equal refusals, and it was counted."""
    same = RefusedRequest.objects.filter(likeness=likeness(fields, now))
    return bool(same.update(count=F("count") + times, last_at=now, size=size))


def bounds(client: ApiClient | None, address: str, now: datetime) -> tuple[bool, bool]:
    """Whether all strangers together, and whether this client or address, have made their rows of this hour."""
    recent = RefusedRequest.objects.filter(at__gt=now - HOUR)
    if client is not None:
        return False, reaches(recent.filter(client=client), MAX_BY_CLIENT)
    strangers = recent.filter(client__isnull=True)
    return reaches(strangers, MAX_BY_STRANGERS), reaches(strangers.filter(address=address), MAX_BY_ADDRESS)


def reaches(rows: RefusedRequestQuerySet, number: int) -> bool:
    """Whether there are so many of them; no more are counted."""
    return rows.order_by()[:number].count() == number


def likeness(fields: Mapping[str, Any], now: datetime) -> str:
    """The same for equal refusals within the same ten minutes of the clock."""
    client = fields["client"]
    texts = [fields[name] for name in ("address", "status", "flow_id", "method", "path", "reason")]
    alike = repr([int(now.timestamp() // SPAN.total_seconds()), client.pk if client else None, *texts])
    return sha256(alike.encode()).hexdigest()


def storable(text: str, field: str) -> str:
    """As much of the text as its column has room for, without what a database cannot store."""
    column: Any = RefusedRequest._meta.get_field(field)
    text = text[: column.max_length].encode(errors="replace").decode()  # half a character cannot be written as UTF-8
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def size_of(request: HttpRequest) -> int | None:
    """The bytes that its body has, as its header says."""
    said = str(request.META.get("CONTENT_LENGTH") or "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
