"""The panels of the dashboard: what each shows, rendered apart, so that only what has changed is sent again."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2s
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Count, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from courses import quota
from exports.admin.desk import addresses, days
from exports.admin.desk.attention import exams
from exports.admin.desk.failures import by_cause
from exports.admin.desk.guided_start import steps
from exports.admin.desk.proof import proof_summary
from exports.admin.desk.pulse import Pulse
from exports.admin.desk.rights import Rights, rights_of
from exports.admin.desk.running import latest, running
from exports.admin.grades.guidance import may_approve, may_approve_decisions, may_approve_exemptions
from exports.mapping.health.checking import failing
from exports.mapping.health.clients import expiring_clients
from exports.models import (
    Correction,
    Decision,
    Event,
    Exemption,
    ExportAttempt,
    ExportState,
    Flow,
    GradeInLearn,
    Participant,
)
from exports.models.event import MAY_CONFIGURE
from exports.notifying.digests import SAID_TO_ALL
from exports.notifying.sentences import access_sentence
from exports.notifying.watching import WEEK

SHARED = ("headline", "states", "proof", "attention", "running", "causes", "today", "days", "quota")
MAX_CHANGES = 5  # of access, on the dashboard
LIFETIME = 120  # seconds; a pulse changes every minute

Panels = Mapping[str, SafeString]


def panels(request: HttpRequest, pulse: Pulse, now: datetime) -> Panels:
    """All of them, as they are now; `pulse` was read before."""
    return shared(rights_of(request), pulse, now) | own(request, pulse)


def recent_panels(request: HttpRequest, pulse: Pulse, now: datetime) -> Panels:
    """Of what people with the same rights and language share, nothing is made twice while the pulse is the same."""
    rights = rights_of(request)
    key = f"dashboard-{get_language()}-{rights.may_retry:d}-{rights.may_configure:d}-{rights.may_see_ledger:d}"
    made: tuple[str, dict[str, SafeString]] = cache.get(key) or ("", {})
    if made[0] != pulse.token:
        made = pulse.token, shared(rights, pulse, now)
        cache.set(key, made, LIFETIME)
    return made[1] | own(request, pulse)


def shared(rights: Rights, pulse: Pulse, now: datetime) -> dict[str, SafeString]:
    """The same for all people with these rights. The number of statements does not depend on the number of rows."""
    context = shared_context(rights, pulse, now)
    return {name: rendered(name, context) for name in SHARED}


def own(request: HttpRequest, pulse: Pulse) -> dict[str, SafeString]:
    """What is about the person who looks."""
    start = mark_safe("") if pulse.has_grade else start_panel(request)
    return {"start": start, "corrections": corrections_panel(request)}


def start_panel(request: HttpRequest) -> SafeString:
    """The checklist of the guided start, with links to what this person may do."""
    return rendered("start", {"steps": steps(request), "may_configure": rights_of(request).may_configure})


def corrections_panel(request: HttpRequest) -> SafeString:
    """What waits for this person: corrections, and grades in Learn that are to be replaced."""
    assert isinstance(request.user, User)
    context: dict[str, Any] = {}
    if request.user.has_perm("exports.view_correction"):
        context |= waiting(Correction.objects.all(), request.user, may_approve(request), addresses.corrections, "")
    if request.user.has_perm("exports.view_decision"):
        decisions = Decision.objects.all()
        context |= waiting(decisions, request.user, may_approve_decisions(request), addresses.decisions, "decisions_")
    if request.user.has_perm("exports.view_exemption"):
        exemptions = Exemption.objects.all()
        context |= waiting(
            exemptions, request.user, may_approve_exemptions(request), addresses.exemptions, "exemptions_"
        )
    return rendered("corrections", context) if context else mark_safe("")


def access_changes(request: HttpRequest, now: datetime) -> list[tuple[datetime, str]]:
    """What was opened to whom within a week, the newest first; for those who configure the site."""
    if not any(map(request.user.has_perm, MAY_CONFIGURE)):
        return []
    recent = Event.objects.filter(kind__in=[kind.value for kind in SAID_TO_ALL], at__gt=now - WEEK)
    return [(event.at, access_sentence(event.data)) for event in recent.order_by("-pk")[:MAX_CHANGES]]


def waiting(rows: Any, user: User, may_decide: bool, address: Callable[..., str], prefix: str) -> dict[str, Any]:
    """One statement, which counts what `waiting_for` and `waiting_of` find."""
    asked = rows.filter(state=Correction.State.ASKED)
    found = asked.aggregate(
        others=Count("pk", filter=~Q(requested_by=user)), own=Count("pk", filter=Q(requested_by=user))
    )
    return {
        f"shows_{prefix or 'corrections_'}": True,
        f"{prefix}waiting_for_me": found["others"] if may_decide else 0,
        f"{prefix}waiting_for_me_list": address(waiting="for_me"),
        f"{prefix}waiting_of_me": found["own"],
        f"{prefix}waiting_of_me_list": address(waiting="of_me"),
    }


def shared_context(rights: Rights, pulse: Pulse, now: datetime) -> dict[str, Any]:
    states = Flow.objects.counts()
    failures = list(by_cause(rights))
    activity = days.last_days(now, pulse.token)
    needing = Flow.objects.needing_attention(now).count()
    is_running = ExportAttempt.objects.filter(state=ExportState.QUEUED)
    return {
        "all_flows": Flow.objects.count(),
        "flow_list": addresses.flows(),
        "needing": needing,
        "needing_list": addresses.flows(attention="yes"),
        "exams": exams(rights, now) if needing else [],
        "failing": failing(now, WEEK).count(),
        "expiring": expiring_clients(now),
        "states": [(state, number, addresses.people(state__exact=state.value)) for state, number in states.items()],
        "proof_summary": proof_summary(GradeInLearn.objects.all()) if rights.may_see_ledger else None,
        "changed": Participant.objects.filter(changed_since_export=True).count(),
        "changed_list": addresses.people(changed_since_export__exact="1"),
        "faults": [group for group in failures if not group.cause.is_skip],
        "skipped": [group for group in failures if group.cause.is_skip],
        "running": (shown := running(rights)),
        "running_count": is_running.count() if shown else 0,
        "running_list": addresses.attempts(state__exact=ExportState.QUEUED.value),
        "latest": latest(),
        "attempt_list": addresses.attempts(),
        "today": activity[-1],
        "yesterday": activity[-2],
        "days": activity[::-1],
        "chart": json.dumps(days.chart(activity)),
        "quota": quota.forecast(states[ExportState.QUEUED], now=now),
    }


def rendered(name: str, context: dict[str, Any]) -> SafeString:
    return mark_safe(render_to_string(f"admin/exports/desk/{name}.html", context).strip())  # noqa: S308  its own template


def digest(panel: str) -> str:
    return blake2s(panel.encode(), digest_size=6).hexdigest()
