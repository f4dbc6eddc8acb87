"""Who and what is held, and whether all sending is paused. In templates: `{% load holds %}`."""

from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from common.admin.cells import pill_of
from exports.models import Flow, Hold, Participant

register = template.Library()

MAX_CHARACTERS = 80  # of a reason in a cell


@register.simple_tag(takes_context=True)
def pause_of_all(context: RequestContext) -> Hold | None:
    """The pause of all sending that is in effect, for whoever is signed in: one statement a page."""
    user = getattr(context.get("request"), "user", None)
    return Hold.objects.pause() if user and user.is_staff else None


@register.filter
def held_pill(hold: Hold) -> SafeString:
    if hold.is_pause:
        return pill_of("PAUSED", _("Sending is paused"))
    return pill_of("HELD", _("Flow held") if hold.participant_id is None else _("Held"))


def holds_of(row: Any) -> list[Hold]:
    """The open holds of a flow or a participant, theirs first, that `with_open_holds` has found."""
    match row:
        case Participant():
            return [*getattr(row, "open_holds", ()), *holds_of(row.flow)]
        case Flow():
            return [*getattr(row, "open_holds", ())]
    return []


@register.filter
def with_holds(state: SafeString, row: Any) -> SafeString:
    """A state, and below it that the row is held, by whom and why."""
    lines = ((held_pill(hold), who_and_why(hold)) for hold in holds_of(row))
    held = format_html_join(mark_safe(""), '<div class="gb-held">{} <span class="gb-quiet">{}</span></div>', lines)
    return format_html("{}{}", state, held)


def who_and_why(hold: Hold) -> str:
    reason = Truncator(" ".join(hold.reason.split())).chars(MAX_CHARACTERS)
    return _("by %(person)s: %(reason)s") % {"person": hold.held_by, "reason": reason}
