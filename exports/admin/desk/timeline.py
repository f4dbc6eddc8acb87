"""What happened to one flow, newest first: exports, retries, corrections, changes of its mapping, and by whom."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.cells import address
from common.history.changes import Labels, history_of, newest, person
from exports.models import ColumnMapping, Correction, Decision, ExportAttempt, ExportState, Flow

MAX_SHOWN = 20  # events on a flow's page


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """One line. `tone`: how it looks, as a pill does; `url`: where more is said, empty where nothing is."""

    at: datetime
    icon: str
    what: str
    detail: str = ""
    who: str
    url: str = ""
    tone: str = "plain"


def timeline(flow: Flow, labels: Labels, request: HttpRequest) -> list[Happening]:
    """The latest MAX_SHOWN of what this person may see, from as many of each kind: the number of statements does not
    depend on their number.
    """
    found = [*changes(flow, labels)]
    for model, happenings in KINDS.items():
        if request.user.has_perm(f"exports.view_{model}"):
            found += happenings(flow)
    return sorted(found, key=attrgetter("at"), reverse=True)[:MAX_SHOWN]


ICONS = {
    ExportAttempt.Trigger.EXPORT: "download",
    ExportAttempt.Trigger.RETRY: "replay",
    ExportAttempt.Trigger.CORRECTION: "edit_note",
    ExportAttempt.Trigger.PULL: "cloud_download",
    ExportAttempt.Trigger.LOOK: "visibility",
    ExportAttempt.Trigger.KEEP: "gavel",
    ExportAttempt.Trigger.REPLACE: "published_with_changes",
}
TONES = {ExportState.FAILED: "danger", ExportState.EXPORTED: "success", ExportState.QUEUED: "info"}


def attempts(flow: Flow) -> Iterator[Happening]:
    rows = flow.attempts.select_related(
        *("api_client", "requested_by", "cancelled_by", "correction__requested_by", "decision__requested_by")
    )
    for attempt in rows[:MAX_SHOWN]:
        attempt.flow = flow  # without a statement for each
        trigger = ExportAttempt.Trigger(attempt.trigger)
        request = getattr(attempt, "correction", None) or getattr(attempt, "decision", None)
        by = request.requested_by if request else attempt.requested_by
        yield Happening(
            at=attempt.started_at,
            icon=ICONS[trigger],
            what=_("%(trigger)s, attempt %(number)s") % {"trigger": trigger.label, "number": attempt.pk},
            detail=outcome(attempt),
            who=person(by) if by else str(attempt.api_client or _("Command line")),
            url=address(attempt),
            tone=TONES.get(ExportState(attempt.state), "plain"),
        )


def outcome(attempt: ExportAttempt) -> str:
    """How it ended, or that it runs."""
    if attempt.finished_at is None:
        return _("Running")
    said = []
    if delivered := attempt.number_of_success:
        said.append(ngettext("%(count)s delivered", "%(count)s delivered", delivered) % {"count": intcomma(delivered)})
    if failed := attempt.number_of_errors:
        said.append(
            ngettext("%(count)s not delivered", "%(count)s not delivered", failed) % {"count": intcomma(failed)}
        )
    if attempt.cancelled_by:
        said.append(_("cancelled by %(person)s") % {"person": person(attempt.cancelled_by)})
    return ", ".join(said) or _("Nothing to deliver")


def corrections(flow: Flow) -> Iterator[Happening]:
    rows = Correction.objects.filter(participant__flow=flow).select_related("participant", "requested_by", "decided_by")
    for correction in rows[:MAX_SHOWN]:
        user = correction.participant.user_id
        marks = {"user": user, "before": correction.mark_before, "mark": correction.mark}
        yield Happening(
            at=correction.requested_at,
            icon="rule",
            what=_("Correction requested: %(user)s from %(before)s to %(mark)s") % marks,
            detail=correction.reason,
            who=person(correction.requested_by),
            url=address(correction),
            tone="info",
        )
        if correction.decided_at and correction.decided_by:
            is_approved = correction.state == Correction.State.APPROVED
            template = _("Correction approved: %(user)s") if is_approved else _("Correction declined: %(user)s")
            yield Happening(
                at=correction.decided_at,
                icon="check" if is_approved else "close",
                what=template % {"user": user},
                detail=correction.decline_reason,
                who=person(correction.decided_by),
                url=address(correction),
                tone="success" if is_approved else "plain",
            )


def decisions(flow: Flow) -> Iterator[Happening]:
    """About grades in Learn that GradeBridge did not write."""
    rows = Decision.objects.filter(participant__flow=flow).select_related("participant", "requested_by", "decided_by")
    for decision in rows[:MAX_SHOWN]:
        grades = {
            "user": decision.participant.user_id,
            "shown": decision.shown or _("nothing"),
            "value": decision.value,
        }
        is_kept = decision.kind == Decision.Kind.KEEP
        template = (
            _("Learn's grade kept: %(user)s, %(shown)s instead of %(value)s")
            if is_kept
            else _("Replacement requested: %(user)s, %(value)s for %(shown)s in Learn")
        )
        yield Happening(
            at=decision.requested_at,
            icon="handshake" if is_kept else "balance",
            what=template % grades,
            detail=decision.reason,
            who=person(decision.requested_by),
            url=address(decision),
            tone="plain" if is_kept else "info",
        )
        if decision.decided_at and decision.decided_by and not is_kept:
            is_approved = decision.state == Decision.State.APPROVED
            template = _("Replacement approved: %(user)s") if is_approved else _("Replacement declined: %(user)s")
            yield Happening(
                at=decision.decided_at,
                icon="check" if is_approved else "close",
                what=template % grades,
                detail=decision.decline_reason,
                who=person(decision.decided_by),
                url=address(decision),
                tone="success" if is_approved else "plain",
            )


def changes(flow: Flow, labels: Labels) -> Iterator[Happening]:
    """Of the flow and its mapping; a roster import is one of them."""
    histories = [history_of(Flow).filter(id=flow.pk), history_of(ColumnMapping).filter(flow_id=flow.pk)]
    for change in newest(histories, None, labels)[:MAX_SHOWN]:
        what = _("%(verb)s: %(name)s") % {"verb": change.verb, "name": change.name}
        yield Happening(
            at=change.when,
            icon="edit",
            what=what,
            detail=change.note or ", ".join(difference.label for difference in change.differences),
            who=change.who,
        )


def holds(flow: Flow) -> Iterator[Happening]:
    """Of the flow and of its people: held, and released."""
    for hold in flow.holds.select_related("participant", "held_by", "released_by")[:MAX_SHOWN]:
        user = hold.participant.user_id if hold.participant else ""
        yield Happening(
            at=hold.held_at,
            icon="pause_circle",
            what=_("%(user)s held") % {"user": user} if user else _("Exam held"),
            detail=hold.reason,
            who=person(hold.held_by),
            url=address(hold),
            tone="warning",
        )
        if hold.released_at and hold.released_by:
            yield Happening(
                at=hold.released_at,
                icon="play_circle",
                what=_("%(user)s released") % {"user": user} if user else _("Exam released"),
                who=person(hold.released_by),
                url=address(hold),
            )


def evidence(flow: Flow) -> Iterator[Happening]:
    for made in flow.evidence.select_related("made_by").defer("row_digests")[:MAX_SHOWN]:
        yield Happening(
            at=made.made_at,
            icon="verified",
            what=_("Evidence made as %(format)s") % {"format": made.get_format_display()},
            detail=made.reference,
            who=person(made.made_by),
            url=address(made),
        )


# What each permission to view lets see
KINDS: Mapping[str, Callable[[Flow], Iterator[Happening]]] = {
    "exportattempt": attempts,
    "correction": corrections,
    "decision": decisions,
    "hold": holds,
    "evidence": evidence,
}
