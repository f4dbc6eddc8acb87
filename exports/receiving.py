"""A body from WISEflow -> one attempt, recorded, delivered as far as the time allows, and a verdict for every entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exports import delivering, settling
from exports.causes import Cause
from exports.models import ApiClient, Delivery, ExportAttempt, Flow
from exports.profiles import BadExpression
from exports.queueing import Queued, queue
from exports.reading import Body, BodyError, UnreadableEntry, read
from exports.rules import Entry, Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The answer to WISEflow. `errors` has one item an entry that was not delivered, in the order of the body."""

    number_of_success: int
    errors: list[dict[str, Any]]

    @property
    def number_of_errors(self) -> int:
        return len(self.errors)


def read_from(client: ApiClient | None, content: bytes) -> Body:
    """What a body of `client` says, by its request profile. None: of the documented shape. Raises BodyError."""
    if client is None or client.profile is None:
        return read(content)
    try:
        profile = client.profile.profile()
    except BadExpression as bad:
        raise BodyError(f"The request profile '{client.profile}' is not usable: {bad.field}: {bad}") from None
    return read(content, profile)


def receive(flow_id: str, body: Body, client: ApiClient) -> Receipt:
    """Record the export (R14: one call, one attempt), deliver it, and say what became of every entry.

    Comes back within EXPORT_DEADLINE seconds. Once the export is recorded, nothing of it is lost whatever happens.
    """
    began = timezone.now()
    settling.sweep(Flow.objects.filter(flow_id=flow_id))
    ends_by = began + timedelta(seconds=settings.EXPORT_DEADLINE)
    unreadable = [line for line in body.lines if isinstance(line, UnreadableEntry)]
    attempt = ExportAttempt(
        trigger=ExportAttempt.Trigger.EXPORT,
        api_client=client,
        started_at=began,
        ends_by=ends_by,
        lease_ends_at=settling.lease_end(began),
        number_of_errors=len(unreadable),
        unreadable_entries=[
            {"entry": line.place, "cause": Cause.NO_USER_ID, "detail": line.detail} for line in unreadable
        ],
    )
    with transaction.atomic():
        attempt.flow = Flow.objects.lock(flow_id)
        queued = queue(attempt.flow, [line for line in body.lines if isinstance(line, Entry)], attempt)
    if queued.on_its_way:
        delivering.deliver(attempt, queued=queued.on_its_way, until=ends_by)
    return receipt(body, queued)


def receipt(body: Body, queued: Queued) -> Receipt:
    """What is known of every entry now."""
    return answer(body, queued.refused, undelivered_by_user(queued) if queued.on_its_way else {})


def answer(body: Body, refused: Mapping[Entry, Refused], undelivered: Mapping[str, str]) -> Receipt:
    """Which entries are errors, and why: those that no rule lets through, and those of users who are not delivered."""
    errors = []
    for line, user_id in zip(body.lines, body.user_ids, strict=True):
        if isinstance(line, UnreadableEntry):
            error_info = Cause.NO_USER_ID.error_info(line.detail)
        elif line in refused:
            error_info = refused[line].cause.error_info(refused[line].detail)
        elif line.user_id in undelivered:
            error_info = undelivered[line.user_id]
        else:
            continue
        errors.append({"userId": user_id, "errorInfo": error_info})
    return Receipt(number_of_success=len(body.lines) - len(errors), errors=errors)


def undelivered_by_user(queued: Queued) -> dict[str, str]:
    """Why each delivery of the attempt that was to be sent is not delivered (or not yet), by user id."""
    rows = (
        queued.attempt.deliveries.order_by()
        .exclude(state__in=[Delivery.State.DELIVERED, Delivery.State.REFUSED])
        .values_list("participant__user_id", "cause", "detail")
    )
    return {
        user_id: Cause(cause).error_info(detail)
        if cause
        else Cause.UNCONFIRMED.error_info("Learn has not answered yet")
        for user_id, cause, detail in rows
    }
