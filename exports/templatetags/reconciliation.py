"""What a cell shows of a line of a reconciliation. In templates: `{% load reconciliation %}`."""

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from common.admin.cells import pill, pill_of
from common.moments import short_moment
from exports.grades.states import ExportState
from exports.reconciling import sentences
from exports.reconciling.kinds import Kind
from exports.reconciling.lines import Line
from exports.templatetags.grades import id_cell

register = template.Library()


@register.filter
def what_to_do(kind: Kind) -> str:
    return sentences.what_to_do(kind)


@register.filter
def kind_sentence(kind: Kind) -> str:
    return sentences.kind_sentence(kind)


@register.filter
def student(line: Line) -> SafeString:
    """The user id, which leads to the person's page, with the name below it."""
    url = reverse("admin:exports_participant_change", args=[line.person.pk])
    spelled = id_cell(format_html('<a class="gb-link" href="{}">{}</a>', url, line.person.user_id))
    return format_html('<span class="gb-person">{} <span class="gb-quiet">{}</span></span>', spelled, line.person.name)


@register.filter
def where(line: Line) -> SafeString | str:
    """The place in Learn, as far as it is known."""
    course, column, user = line.spot.place
    if not column:
        return ""
    about = _("for %(user)s") % {"user": user} if user else ""
    return valued(f"{course} · {column}", about)


@register.filter
def in_wiseflow(line: Line) -> SafeString | str:
    """The grade as people see it there, what would be sent of it where that is another text, and its export state."""
    wiseflow = line.wiseflow
    if wiseflow is None:
        return ""
    notes = [sentences.wiseflow_state(line)]
    if line.spot.value and line.spot.value != wiseflow.given:
        notes.insert(0, _("sent as %(value)s") % {"value": line.spot.value})
    return valued(wiseflow.given or _("no grade"), ", ".join(notes))


@register.filter
def done_here(line: Line) -> SafeString:
    """The state, the value that was sent, and since when it is in Learn."""
    written = line.spot.written
    state = ExportState(line.person.state)
    shown = pill_of(state.value, str(state.label))
    if written is None:
        return format_html("<div>{} {}</div>", shown, line.person.given)
    since = _("since %(when)s") % {"when": short_moment(written.since)}
    return valued(format_html("{} {}", shown, written.value), since)


def valued(value: SafeString | str, note: str) -> SafeString:
    return format_html('<span class="gb-person"><span>{}</span> <span class="gb-quiet">{}</span></span>', value, note)


@register.filter
def learn_side(line: Line) -> str:
    return sentences.learn_sentence(line)


@register.simple_tag
def said_of(line: Line, may_configure: bool = False, but: Kind | None = None) -> SafeString | str:
    """All kinds of the line, `but` for the one that is said above it, what is particular to it, and what to do."""
    pills = format_html_join("", "{} ", ((pill(kind),) for kind in line.kinds if kind is not but))
    act = sentences.acts(line, may_configure=bool(may_configure), but=but or None)
    said = sentences.line_sentences(line)
    if not (pills or said or act):
        return ""
    return format_html('<div class="gb-reason">{}<strong>{}</strong> {}</div>', pills, said, act)
