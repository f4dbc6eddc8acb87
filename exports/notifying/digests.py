"""Events to people: what comes in a burst goes into one e-mail a person, sent by the clock until it is accepted."""

import smtplib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import Max, Min, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exports.models import ColumnMapping, Correction, Decision, Digest, Event, Exemption, Subscription
from exports.models.event import MAY_APPROVE, MAY_APPROVE_DECISIONS, MAY_APPROVE_EXEMPTIONS, MAY_CONFIGURE, PERMISSIONS
from exports.notifying.sentences import absolute, flow_name, link_of, link_of_flow, sentences_of

log = structlog.get_logger(__name__)

QUIET = timedelta(seconds=60)  # a burst is over once nothing more has come for so long,
LONGEST_BURST = timedelta(minutes=5)  # or once it has lasted so long
JOINED_WITHIN = timedelta(hours=1)  # a later burst joins a digest that waits, if that is not older
MAX_SENT = 500  # in one tick: the others follow in the next
MAX_FLOWS = 20  # named under one heading
MAIL_SERVER_NOT_REACHED = "MAIL_SERVER_NOT_REACHED"
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


def sends_mail() -> bool:
    """Whether the site has a mail server."""
    return bool(settings.EMAIL_BACKEND != NO_MAIL)


# Who is sent what


def make_digests(now: datetime) -> int:
    """Once a burst is over, give each person who wants its events a digest of them. Returns how many digests."""
    new = Event.objects.filter(digested_at__isnull=True)
    span = new.aggregate(first=Min("at"), last=Max("at"))
    if not span["first"] or (span["last"] > now - QUIET and span["first"] > now - LONGEST_BURST):
        return 0
    with transaction.atomic():
        # What another clock has locked is left to it.
        events = list(new.order_by("pk").select_for_update(skip_locked=True))
        Event.objects.filter(pk__in=[event.pk for event in events]).update(digested_at=now)
        return give_digests(events_by_user(events), now) if events and sends_mail() else 0


def give_digests(by_user: Mapping[int, Sequence[Event]], now: datetime) -> int:
    """Put these events into a digest a person: a new one, or one that still waits for its mail server."""
    waiting = Digest.objects.filter(state=Digest.State.WAITING, created_at__gt=now - JOINED_WITHIN, user__in=by_user)
    digests = {digest.user_id: digest for digest in waiting.order_by("pk").select_for_update()}
    new = [Digest(user_id=user, created_at=now, next_try_at=now) for user in by_user if user not in digests]
    digests |= {digest.user_id: digest for digest in Digest.objects.bulk_create(new)}
    lines = Digest.events.through
    lines.objects.bulk_create(
        lines(digest_id=digests[user].pk, event_id=event.pk) for user, events in by_user.items() for event in events
    )
    return len(digests)


def events_by_user(events: Sequence[Event]) -> dict[int, list[Event]]:
    """The events of each person who may be sent them and wants them, by the person's primary key."""
    courses = courses_of(events)
    deciders = deciders_of(events)
    found: dict[int, list[Event]] = {}
    for subscription in Subscription.objects.able_to_receive().prefetch_related("courses"):
        user = subscription.user_id
        theirs = [
            event
            for event in events
            if subscription.wants(event, courses[event.flow_id]) and user in deciders.get(event.pk, [user])
        ]
        if theirs:
            found[user] = theirs
    said_to_all = [event for event in events if event.kind in SAID_TO_ALL]
    for user in configuring().exclude(email="").values_list("pk", flat=True) if said_to_all else ():
        others = [event for event in found.get(user, []) if event not in said_to_all]
        found[user] = sorted([*others, *said_to_all], key=lambda event: event.pk)
    return found


def courses_of(events: Sequence[Event]) -> Mapping[int | None, Collection[int]]:
    """The courses that each flow leads to: primary keys by the flow's."""
    found: dict[int | None, set[int]] = defaultdict(set)
    mappings = ColumnMapping.objects.filter(flow__in={event.flow_id for event in events if event.flow_id})
    for flow, course in mappings.order_by().values_list("flow_id", "grade_column__course_id"):
        found[flow].add(course)
    return found


def deciders_of(events: Sequence[Event]) -> dict[int, Collection[int]]:
    """Of each event about a request that someone has to approve: who may. No one, if it is decided already."""
    found: dict[int, Collection[int]] = {}
    for kind, (name, requests, permission) in REQUESTS.items():
        about = {event.pk: event.data[name] for event in events if event.kind == kind}
        if not about:
            continue
        waiting = requests.filter(pk__in=about.values(), state=Correction.State.ASKED)
        requesters = dict(waiting.order_by().values_list("pk", "requested_by_id"))
        approvers = set(User.objects.with_perm(permission, backend=PERMISSIONS).values_list("pk", flat=True))
        for event, request in about.items():
            found[event] = approvers - {requesters[request]} if request in requesters else set()
    return found


# What their events call it, the requests, and the permission to approve them
REQUESTS: dict[str, tuple[str, Any, str]] = {
    Event.Kind.CORRECTION_REQUESTED: ("correction", Correction.objects.all(), MAY_APPROVE),
    Event.Kind.EXEMPTION_REQUESTED: ("exemption", Exemption.objects.all(), MAY_APPROVE_EXEMPTIONS),
    Event.Kind.DECISION_REQUESTED: ("decision", Decision.objects.all(), MAY_APPROVE_DECISIONS),
}


# Whoever opens access alone cannot keep others from reading of it.
SAID_TO_ALL = (Event.Kind.ACCESS_CHANGED, Event.Kind.ACCOUNT_CHANGED)


def configuring() -> QuerySet[User]:
    """All active administrators and integrators."""
    users = User.objects.none()
    for permission in MAY_CONFIGURE:
        users = users | User.objects.with_perm(permission, backend=PERMISSIONS)
    return User.objects.filter(pk__in=users.order_by().values("pk")).order_by("pk")


# Sending


def send_digests() -> int:
    """Send what is due. Returns how many were accepted. A server that cannot be reached is left alone until later."""
    if not sends_mail():
        return 0
    connection = get_connection()
    accepted = 0
    try:
        for _number in range(MAX_SENT):
            digest = Digest.objects.select_related("user").claim(timezone.now())
            if digest is None:
                break
            reason = send_digest(digest, connection)
            accepted += not reason
            if reason == MAIL_SERVER_NOT_REACHED:
                break
    finally:
        with suppress(OSError):
            connection.close()
    return accepted


def send_digest(digest: Digest, connection: Any) -> str:
    """One try of a digest that was claimed. Whatever goes wrong is recorded; returns the reason's code. A digest whose
    events went with their flows is deleted.
    """
    if not digest.events.exists():
        digest.delete()
        return "NO_EVENTS"
    subscription = Subscription.objects.able_to_receive().filter(user=digest.user_id).first()
    is_said_to_all = digest.events.filter(kind__in=SAID_TO_ALL).exists()
    may_receive = subscription or (
        is_said_to_all and configuring().filter(pk=digest.user_id).exclude(email="").exists()
    )
    if not may_receive:
        digest.failed({"code": "NO_RECEIVER"}, timezone.now(), for_good=True)
        return "NO_RECEIVER"
    code = ""
    try:
        with translation.override((subscription and subscription.language) or settings.LANGUAGE_CODE):
            message = email_of(digest)
        connection.open()
        connection.send_messages([message])
    except OSError as error:  # smtplib's own errors are OSErrors
        code = code_of(error)
        with suppress(OSError):
            connection.close()  # whatever state it is in
    except Exception:  # the one place that turns a crash into a recorded outcome
        log.exception("digest_crashed", digest=digest.pk)
        code = "MAIL_NOT_ACCEPTED"
    if not code:
        digest.sent(timezone.now())
        return ""
    log.warning("digest_not_sent", digest=digest.pk, reason=code)
    digest.failed({"code": code}, timezone.now())
    return code


def code_of(error: OSError) -> str:
    """A key of `exports.notifying.sentences.REASONS`. What the server says may hold an address, and is not kept."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return "MAIL_SIGN_IN_REFUSED"
        case smtplib.SMTPRecipientsRefused():
            return "MAIL_ADDRESS_REFUSED"
        case smtplib.SMTPSenderRefused():
            return "MAIL_SENDER_REFUSED"
        case smtplib.SMTPServerDisconnected() | smtplib.SMTPConnectError():
            return MAIL_SERVER_NOT_REACHED
        case smtplib.SMTPException():
            return "MAIL_NOT_ACCEPTED"
    return MAIL_SERVER_NOT_REACHED


# What it says


def email_of(digest: Digest) -> EmailMultiAlternatives:
    """In the language that is active. A second try has the same Message-ID, so that a mailbox may know it again."""
    events = list(digest.events.select_related("flow").order_by("pk"))
    parts = list(parts_of(events))
    context = {
        "parts": parts,
        "settings_link": absolute(reverse("my-notifications")),
        "site": settings.SITE_URL,
    }
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
    message = EmailMultiAlternatives(
        subject=subject_of(events),
        body=render_to_string("notifying/digest.txt", context),
        to=[digest.user.email],
        headers={
            "Message-ID": f"<gradebridge-digest-{digest.pk}-{digest.created_at:%Y%m%d%H%M%S}@{domain}>",
            "Auto-Submitted": "auto-generated",  # no absence is answered
        },
    )
    message.attach_alternative(render_to_string("notifying/digest.html", context), "text/html")
    return message


def subject_of(events: Sequence[Event]) -> str:
    """What it is about, of several kinds the first; the names of flows are in the body alone."""
    kinds = {event.kind for event in events}
    first = next(kind for kind in Event.Kind if kind in kinds)
    if len(events) == 1:
        return _("GradeBridge: %(what)s") % {"what": first.label}
    text = ngettext("GradeBridge: %(what)s (%(count)s event)", "GradeBridge: %(what)s (%(count)s events)", len(events))
    return text % {"what": first.label, "count": intcomma(len(events))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What happened to one flow, or to none in particular."""

    flow: str
    sentence: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """All events of one kind, a line a flow; `more` flows are only counted."""

    heading: str
    lines: Sequence[Line]
    more: int


def parts_of(events: Sequence[Event]) -> Iterator[Part]:
    for kind in Event.Kind:
        by_flow: dict[Any, list[Event]] = defaultdict(list)
        for event in events:
            if event.kind == kind:
                by_flow[event.flow_id].append(event)
        if by_flow:
            lines = [line_of(theirs) for theirs in list(by_flow.values())[:MAX_FLOWS]]
            yield Part(heading=str(kind.label), lines=lines, more=len(by_flow) - len(lines))


def line_of(events: Sequence[Event]) -> Line:
    link = link_of(events[0]) if len(events) == 1 else link_of_flow(events[0])
    return Line(flow=flow_name(events[0]), sentence=sentences_of(events), link=link)
