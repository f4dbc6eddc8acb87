"""What a cell of a table shows: a state, a reason, a link, a span of time. In templates: `{% load cells %}`."""

from datetime import timedelta

from django import template
from django.db.models import Model, TextChoices
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exports.causes import Cause
from exports.models import Correction, Delivery, ExportAttempt, ExportState, Flow, Participant

register = template.Library()

PILLS = {  # state: (tone, icon); the state is always written out as well
    "NOT_EXPORTED": ("plain", "remove"),
    "QUEUED": ("info", "schedule"),
    "SENDING": ("info", "sync"),
    "EXPORTED": ("success", "check"),
    "DELIVERED": ("success", "check"),
    "FAILED": ("danger", "error"),
    "REFUSED": ("warning", "block"),
    "REJECTED": ("danger", "cancel"),
    "UNCONFIRMED": ("warning", "help"),
    "ASKED": ("warning", "pending_actions"),
    "APPROVED": ("info", "how_to_reg"),
    "DECLINED": ("plain", "block"),
    # of a rehearsal
    "SEND": ("info", "send"),
    "ALREADY_EXPORTED": ("success", "check"),
    # of a problem
    "ERROR": ("danger", "error"),
    "NOTE": ("warning", "info"),
}


@register.filter
def state_pill(row: Flow | Participant | ExportAttempt | Delivery | Correction) -> SafeString:
    states = type(row).State if isinstance(row, Delivery | Correction) else ExportState
    return pill(states(row.state))


@register.filter
def pill(state: TextChoices) -> SafeString:
    tone, icon = PILLS[state.value]
    return format_html(
        '<span class="gb-pill gb-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        tone,
        icon,
        state.label,
    )


@register.simple_tag
def changed_badge(flow: Flow, people: int | None) -> SafeString | str:
    """How many people of the flow WISEflow has sent another grade for since their export; leads to them."""
    if not people:
        return ""
    return format_html(
        '<a class="gb-pill gb-warning" title="Changed since export"'
        ' href="{}?flow__exact={}&amp;changed_since_export__exact=1">'
        '<span class="material-symbols-outlined" aria-hidden="true">change_circle</span>{} changed</a>',
        reverse("admin:exports_participant_changelist"),
        flow.pk,
        people,
    )


@register.filter
def reason(row: Participant | Delivery) -> SafeString | str:
    """Why it failed, and what to do."""
    if not row.cause:
        return ""
    cause = Cause(row.cause)
    return format_html(
        '<div class="gb-reason"><strong>{}</strong> {}</div>', cause.sentence(row.detail), cause.guidance.what_to_do
    )


@register.filter
def link(row: Model, text: object = None) -> SafeString:
    """To the row's own page."""
    return format_html('<a class="gb-link" href="{}">{}</a>', address(row), row if text is None else text)


@register.filter
def address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def span(length: timedelta) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    seconds = length.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
