"""What a cell of a table shows: a state, a reason, a link, a span of time. In templates: `{% load cells %}`."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from courses.cells import address, link, pill
from courses.models import ProvisioningStep
from exports.causes import Cause
from exports.models import Correction, Delivery, ExportAttempt, ExportState, Flow, Participant

register = template.Library()
register.filter(address)
register.filter(link)
register.filter(pill)


@register.filter
def state_pill(row: Flow | Participant | ExportAttempt | Delivery | Correction | ProvisioningStep) -> SafeString:
    states = type(row).State if isinstance(row, Delivery | Correction | ProvisioningStep) else ExportState
    return pill(states(row.state))


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
