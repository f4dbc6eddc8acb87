"""A body from WISEflow -> one attempt, recorded, delivered as far as the time allows, and a verdict for every entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.database.retrying import despite_conflicts
from common.request_ids import current_request_id
from exports.delivering import finishing, workers
from exports.delivering.judging import Judged
from exports.delivering.queueing import Queued, queue
from exports.grades.causes import Cause
from exports.grades.facts import Entry, Refused
from exports.grades.sentences import error_info, of_source
from exports.models import ApiClient, Delivery, ExportAttempt, Flow, RequestProfile
from exports.models.api_client import ADDRESS_LENGTH
from exports.reading.body import Body, BodyError, UnreadableEntry, read
from exports.reading.profiles import BadExpression, BadRule

log = structlog.get_logger(__name__)


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
    most = settings.EXPORT_MAX_PARTICIPANTS
    if client is None or client.profile is None:
        return read(content, most=most)
    try:
        profile = client.profile.profile()
        client.profile.rule()
    except BadExpression as bad:
        raise BodyError(unusable(client.profile, bad.field, bad)) from None
    except BadRule as bad:
        raise BodyError(unusable(client.profile, "learn_user_text", bad)) from None
    return read(content, profile, most=most)


def unusable(profile: RequestProfile, field: str, problem: Exception) -> str:
    described: Any = profile._meta.get_field(field)
    return _("The request profile '%(profile)s' cannot be used. %(field)s: %(problem)s") % {
        "profile": profile,
        "field": capfirst(str(described.verbose_name)),
        "problem": problem,
    }


def receive(flow_id: str, body: Body, client: ApiClient, *, address: str = "") -> Receipt:
    """Record the export (R14: one call, one attempt), deliver it, and say what became of every entry.

    `address`: from where the client calls.

    Comes back within EXPORT_DEADLINE seconds. Once the export is recorded, nothing of it is lost whatever happens.
    """
    began = timezone.now()
    finishing.sweep(Flow.objects.filter(flow_id=flow_id))
    ends_by = began + timedelta(seconds=settings.EXPORT_DEADLINE)
    queued = despite_conflicts(record, flow_id, body, client, address=address, began=began, ends_by=ends_by)
    log.info(
        "export_received",
        flow=flow_id,
        attempt=queued.attempt.pk,
        client=client.name,
        entries=len(body.lines),
        to_send=queued.in_progress,
    )
    if queued.in_progress:
        workers.deliver(queued.attempt, queued=queued.in_progress, until=ends_by)
    return answer(body, queued.judged, find_undelivered(queued.attempt) if queued.in_progress else {})


def refuse_unknown(body: Body) -> Receipt:
    """The answer to an export of a flow that is not known, where UNKNOWN_FLOWS refuses these. Nothing is stored."""
    errors = [
        {
            "userId": user_id,
            "errorInfo": error_info(Cause.NO_USER_ID, line.detail)
            if isinstance(line, UnreadableEntry)
            else error_info(Cause.NOT_MAPPED, {}),
        }
        for line, user_id in zip(body.lines, body.user_ids, strict=True)
    ]
    return Receipt(number_of_success=0, errors=errors)


@transaction.atomic
def record(flow_id: str, body: Body, client: ApiClient, *, address: str, began: datetime, ends_by: datetime) -> Queued:
    """The attempt and its deliveries, each judged with the flow's row locked."""
    unreadable = [line for line in body.lines if isinstance(line, UnreadableEntry)]
    attempt = ExportAttempt(
        flow=Flow.objects.lock(flow_id),
        trigger=ExportAttempt.Trigger.EXPORT,
        api_client=client,
        request_id=current_request_id(),
        caller_address=address[:ADDRESS_LENGTH],
        started_at=began,
        ends_by=ends_by,
        lease_ends_at=finishing.lease_end(timezone.now()),
        number_of_errors=len(unreadable),
        unreadable_entries=[
            {"entry": line.place, "cause": Cause.NO_USER_ID, "detail": line.detail} for line in unreadable
        ],
    )
    return queue(attempt.flow, [line for line in body.lines if isinstance(line, Entry)], attempt)


Undelivered = Mapping[tuple[str, str], str]  # why not, by user id and source code


def answer(body: Body, judged: Judged, undelivered: Undelivered) -> Receipt:
    """Which entries are errors, and why: one whose grade is not at every place that it leads to."""
    errors = []
    for line, user_id in zip(body.lines, body.user_ids, strict=True):
        if isinstance(line, UnreadableEntry):
            errors.append({"userId": user_id, "errorInfo": error_info(Cause.NO_USER_ID, line.detail)})
        elif reasons := reasons_of(line, judged, undelivered):
            errors.append({"userId": user_id, "errorInfo": " ".join(reasons)})
    return Receipt(number_of_success=len(body.lines) - len(errors), errors=errors)


def reasons_of(entry: Entry, judged: Judged, undelivered: Undelivered) -> list[str]:
    """Why the entry is not delivered, for each source where it is not; of a person with several they are named."""
    reasons = []
    for part in judged.parts[entry]:
        verdict = judged.verdicts[part]
        if isinstance(verdict, Refused):
            reason = error_info(verdict.cause, verdict.detail)
        elif (part.user_id, part.source_code) in undelivered:
            reason = undelivered[part.user_id, part.source_code]
        else:
            continue
        reasons.append(of_source(part.source_code, reason) if judged.names_source(part) else reason)
    return reasons


def find_undelivered(attempt: ExportAttempt) -> dict[tuple[str, str], str]:
    """Why each delivery of the attempt that was to be sent is not delivered (or not yet).

    One that was refused after it was queued, by a hold, has the value that was to be sent.
    """
    rows = (
        attempt.deliveries.order_by()
        .exclude(state=Delivery.State.DELIVERED)
        .exclude(state=Delivery.State.REFUSED, value="")
        .values_list("participant__user_id", "source_code", "cause", "detail")
    )
    return {
        (user_id, source_code): error_info(Cause(cause), detail)
        if cause
        else error_info(Cause.UNCONFIRMED, {"reason": "NO_ANSWER_YET"})
        for user_id, source_code, cause, detail in rows
    }
