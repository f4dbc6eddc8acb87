"""Events to other systems: a message for each event and webhook, posted by the clock until the receiver accepts it."""

import json
import time
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exports.models import Event, Webhook, WebhookMessage
from exports.notifying import posting
from exports.notifying.sentences import link_of
from exports.notifying.signing import signature

log = structlog.get_logger(__name__)

MAX_POSTED = 200  # in one tick: the others follow in the next
# Keys of an event's data that go out, as they are called in the body; all else is our own.
SENT = {
    "attempt": "attempt",
    "trigger": "trigger",
    "delivered": "delivered",
    "not_delivered": "notDelivered",
    "causes": "causes",
    "correction": "correction",
    "decision": "decision",
    "exemption": "exemption",
    "change": "change",
    "client": "client",
    "account": "account",
    "group": "group",
    "different": "different",
    "not_shown": "notShown",
    "ended_at": "endedAt",
    "ends_at": "endsAt",
    "expected": "expected",
    "missing": "missing",
    "graded": "graded",
    "grades": "grades",
    "calls": "calls",
    "calls_left": "callsLeft",
    "lifts_at": "liftsAt",
    "errors": "errors",
    "kinds": "kinds",
}


def queue_messages(now: datetime) -> None:
    """Give every webhook a message of each new event that it wants."""
    if Event.objects.filter(posted_at__isnull=True).exists():  # most minutes bring none, and need no lock
        queue_new_messages(now)


@transaction.atomic
def queue_new_messages(now: datetime) -> None:
    """What another clock has locked is left to it."""
    events = list(Event.objects.filter(posted_at__isnull=True).order_by("pk").select_for_update(skip_locked=True))
    webhooks = list(Webhook.objects.filter(is_active=True))
    WebhookMessage.objects.bulk_create(
        WebhookMessage(webhook=webhook, event=event, created_at=now, next_try_at=now)
        for event in events
        for webhook in webhooks
        if event.kind in webhook.kinds
    )
    Event.objects.filter(pk__in=[event.pk for event in events]).update(posted_at=now)


def post_messages() -> int:
    """Post what is due. Returns how many receivers accepted. One that fails is left alone until the next tick."""
    failed: set[int] = set()
    posted = 0
    for _ in range(MAX_POSTED):
        due = WebhookMessage.objects.filter(webhook__is_active=True).exclude(webhook__in=failed)
        message = due.select_related("webhook", "event__flow").claim(timezone.now())
        if message is None:
            break
        if post_message(message).state == WebhookMessage.State.SENT:
            posted += 1
        else:
            failed.add(message.webhook_id)
    return posted


def post_now(pk: Any) -> WebhookMessage | None:
    """Post this message, someone waits for its result. None: it is not due, or the clock is at it."""
    message: WebhookMessage | None
    message = WebhookMessage.objects.filter(pk=pk).select_related("webhook", "event__flow").claim(timezone.now())
    return message and post_message(message)


def post_test(webhook: Webhook) -> WebhookMessage:
    """A message that says nothing, to see whether it arrives."""
    now = timezone.now()
    with transaction.atomic():
        event = Event.objects.create(kind=Event.Kind.TEST, at=now, digested_at=now, posted_at=now)
        message = WebhookMessage.objects.create(webhook=webhook, event=event)
    return post_now(message.pk) or message


def post_message(message: WebhookMessage) -> WebhookMessage:
    """One try of a message that was claimed. Whatever goes wrong is recorded."""
    body = body_of(message.event)
    timestamp, begun = int(time.time()), time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GradeBridge",
        "webhook-id": str(message.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(str(message.pk), timestamp, body, key=message.webhook.key),
    }
    message.response_status, reason = None, dict[str, Any]()
    try:
        status = posting.post(message.webhook.url, body, headers, allowed=settings.WEBHOOK_NETWORKS)
    except posting.NotPosted as error:
        reason = {"code": error.code, "seconds": posting.SECONDS}
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("webhook_message_crashed", message=message.pk, webhook=message.webhook_id)
        reason = {"code": "NOT_REACHED"}
    else:
        message.response_status, reason = status, reason_of(status)
    message.seconds = round(time.monotonic() - begun, 3)
    now = timezone.now()
    if not reason:
        return message.sent(now)
    log.warning(
        "webhook_message_not_sent",
        message=message.pk,
        webhook=message.webhook_id,
        reason=reason["code"],
        status=message.response_status,
    )
    return message.failed(reason, now)


def reason_of(status: int) -> dict[str, Any]:
    """Why an answer is not an acceptance; empty: it is one."""
    if 200 <= status < 300:
        return {}
    return {"code": "REDIRECT" if 300 <= status < 400 else "STATUS", "status": status}


def body_of(event: Event) -> bytes:
    """`{"type", "timestamp", "data": {"flowId", counts, "causes", "link"}}`: no one's id, name or grade."""
    data = {name: event.data[key] for key, name in SENT.items() if key in event.data}
    data |= {"flowId": event.flow.flow_id if event.flow else None, "link": link_of(event)}
    return json.dumps({"type": event.kind, "timestamp": event.at.isoformat(), "data": data}).encode()
