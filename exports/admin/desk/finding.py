"""Ctrl-K finds flows, participants, attempts, retries and corrections as well as pages."""

import re
from collections.abc import Collection, Iterator
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from common.admin.cells import address
from common.database.bulk import among
from exports.admin.desk import addresses
from exports.admin.grades.people import MAX_DIGITS, as_name, find_people, spellings, words_of
from exports.models import Correction, Decision, ExportAttempt, Flow, Participant, RetryRun

MAX_FOUND = 10  # of each kind
NUMBERED = re.compile(rf"(?P<word>\D*?)\s*#?(?P<number>\d{{1,{MAX_DIGITS}}})")  # attempt 34


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Unfold's callback: `term` is what was typed, in small letters."""
    term = term.strip()
    if len(term) < 2 and not term.isdecimal():
        return []
    named = list(numbered(request, term))
    people = [] if named and not term.isdecimal() else participants_found(request, term)  # a number that says of what
    return [*flows_found(request, term), *people, *named]


def flows_found(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if request.user.has_perm("exports.view_flow"):
        one_of = Q(flow_id__in=spellings(words_of(term)))
        found = Flow.objects.filter(Q(flow_id__icontains=term) | Q(title__icontains=term) | one_of)
        for flow in found[:MAX_FOUND]:
            yield SearchResult(
                title=str(flow), description=str(flow.get_state_display()), link=address(flow), icon="assignment"
            )


def participants_found(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    """By one id or a part of it, by several ids, or by a name, of which each word is in the first or the last name."""
    if not request.user.has_perm("exports.view_participant"):
        return
    words = words_of(term)
    if len(words) > 1 and (people := find_people(term).people):
        is_found: Any = among("pk", people)
    elif as_name(term):
        is_found = Q(user_id__icontains=term) | Q(learn_user_id__icontains=term) | has_words_in_name(words)
    else:
        return
    found = list(Participant.objects.filter(is_found).select_related("flow")[: MAX_FOUND + 1])
    for person in found[:MAX_FOUND]:
        yield SearchResult(
            title=" · ".join(filter(None, [person.user_id, person.name])),
            description=f"{person.flow} · {person.get_state_display()}",
            link=address(person),
            icon="person",
        )
    if len(found) > MAX_FOUND:
        yield SearchResult(
            title=_("All participants with %(term)s") % {"term": term},
            description=_("List of participants"),
            link=addresses.people(q=term),
            icon="group",
        )


def has_words_in_name(words: Collection[str]) -> Q:
    each = (Q(first_name__icontains=word) | Q(last_name__icontains=word) for word in words)
    return reduce(and_, each, Q())


def numbered(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    """What has a number of its own: `34`, `attempt 34`, `retry 34`, `correction 34`."""
    named = NUMBERED.fullmatch(term)
    if named is None:
        return
    word, number = named["word"].strip(), int(named["number"])
    if request.user.has_perm("exports.view_exportattempt"):
        found = ExportAttempt.objects.filter(pk=number).select_related("flow")
        for attempt in found if is_called(word, "attempt", _("Attempt")) else found.filter(trigger=trigger_of(word)):
            yield SearchResult(
                title=_("Attempt %(number)s") % {"number": number},
                description=f"{attempt} · {attempt.get_state_display()}",
                link=address(attempt),
                icon="history",
            )
    if is_called(word, "retry", _("Retry")) and request.user.has_perm("exports.view_retryrun"):
        for run in RetryRun.objects.filter(pk=number).select_related("flow"):
            yield SearchResult(title=str(run), description=run.purpose, link=address(run), icon="replay")
    if is_called(word, "correction", _("Correction")) and request.user.has_perm("exports.view_correction"):
        for correction in Correction.objects.filter(pk=number).select_related("participant"):
            yield SearchResult(
                title=_("Correction %(number)s") % {"number": number},
                description=f"{correction} · {correction.get_state_display()}",
                link=address(correction),
                icon="rule",
            )
    if is_called(word, "decision", _("Decision")) and request.user.has_perm("exports.view_decision"):
        for decision in Decision.objects.filter(pk=number).select_related("participant"):
            yield SearchResult(
                title=_("Decision %(number)s") % {"number": number},
                description=f"{decision} · {decision.get_state_display()}",
                link=address(decision),
                icon="balance",
            )


def trigger_of(word: str) -> str:
    """An attempt's page calls it by why it was started: `Retry 34 of flow X`."""
    names = {
        ExportAttempt.Trigger.EXPORT: ("export", _("Export")),
        ExportAttempt.Trigger.RETRY: ("retry", _("Retry")),
        ExportAttempt.Trigger.CORRECTION: ("correction", _("Correction")),
        ExportAttempt.Trigger.PULL: ("pull", _("Fetched from WISEflow")),
        ExportAttempt.Trigger.LOOK: ("look", _("Look")),
        ExportAttempt.Trigger.KEEP: ("decision", _("Decision")),
        ExportAttempt.Trigger.REPLACE: ("replacement", _("Replacement")),
    }
    return next((trigger.value for trigger, called in names.items() if is_called(word, *called)), "")


def is_called(word: str, *names: str) -> bool:
    """A number alone may be that of anything."""
    return not word or word in {name.casefold() for name in names}
