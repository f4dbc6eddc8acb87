"""What a cell shows of grades: a reason, a place, what is in Learn. In templates: `{% load grades %}`."""

from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.cells import link, pill, pill_of, state_pill
from exports.grades.causes import Cause
from exports.grades.sentences import MISSING, of_source, sentence, what_to_do
from exports.models import Delivery, ExportState, Flow, GradeInLearn, Participant

register = template.Library()


@register.simple_tag
def changed_badge(flow: Flow, people: int | None) -> SafeString | str:
    """How many people of the flow WISEflow has sent another grade for since their export; leads to them."""
    if not people:
        return ""
    return format_html(
        '<a class="gb-pill gb-warning" title="{}" href="{}?flow__exact={}&amp;changed_since_export__exact=1">'
        '<span class="material-symbols-outlined" aria-hidden="true">change_circle</span>{}</a>',
        _("Changed since export"),
        reverse("admin:exports_participant_changelist"),
        flow.pk,
        _("%(count)s changed") % {"count": intcomma(people)},
    )


@register.filter
def flow_pill(flow: Flow) -> SafeString:
    """The flow's state. Exported, with someone missing, is incomplete; beside any other state it says how many are."""
    if not flow.is_incomplete:
        return state_pill(flow)
    missing, count = flow.missing_count, {"count": intcomma(flow.missing_count)}
    if flow.state == ExportState.EXPORTED:
        incomplete = ngettext("Incomplete, %(count)s missing", "Incomplete, %(count)s missing", missing)
        return pill_of("INCOMPLETE", incomplete % count)
    return format_html(
        "{} {}",
        state_pill(flow),
        pill_of("MISSING", ngettext("%(count)s missing", "%(count)s missing", missing) % count),
    )


@register.filter
def person(participant: Participant) -> SafeString:
    """The user id, which leads to the person's page, with what else is known of them."""
    return person_cell(participant, link(participant, participant.user_id))


def person_cell(participant: Participant, user_id: SafeString | str) -> SafeString:
    """The user id with the name below it, and whether the person is no longer on the roster."""
    name = format_html('<span class="gb-quiet">{}</span>', participant.name) if participant.name else ""
    left = pill_of("LEFT_ROSTER", _("Not on the roster any more")) if participant.left_roster_at else ""
    return format_html('<span class="gb-person">{} {} {}</span>', id_cell(user_id), name, left)


def id_cell(spelled: SafeString | str) -> SafeString:
    """An id that is never broken in mid-word, if it fits on a line at all."""
    return format_html('<span class="gb-id">{}</span>', spelled)


@register.filter
def advice(cause: Cause, may_configure: bool = False) -> str:
    """What to do about a cause: `{{ cause|advice:perms.exports.change_flow }}`."""
    return what_to_do(cause, may_configure=bool(may_configure))


@register.filter
def reason(row: Participant | Delivery, may_configure: bool = False) -> SafeString | str:
    """Why it failed, and what to do: `{{ delivery|reason:perms.exports.change_flow }}`."""
    if isinstance(row, Participant) and row.is_missing:
        return format_html('<div class="gb-reason"><strong>{}</strong> {}</div>', MISSING.sentence, MISSING.what_to_do)
    if not row.cause:
        return ""
    cause = Cause(row.cause)
    source = of_source(row.cause_source_code, "") if isinstance(row, Participant) and row.cause_source_code else ""
    return format_html(
        '<div class="gb-reason"><strong>{}{}</strong> {}</div>',
        source,
        sentence(cause, row.detail),
        what_to_do(cause, may_configure=bool(may_configure)),
    )


@register.filter
def grade_cells(participant: Participant) -> SafeString | str:
    """What is in Learn of a person: the values, and where, as far as that is not plain from the person."""
    grades = participant.in_learn
    several = len({grade.value for grade in grades}) > 1 or any(grade.is_left_behind for grade in grades)
    lines = ((grade_cell(grade, participant, several=several),) for grade in grades)
    return format_html_join(mark_safe("<br>"), "{}", lines)


def grade_cell(grade: GradeInLearn, participant: Participant, *, several: bool) -> SafeString:
    notes = []
    if several or grade.learn_user_id not in (participant.learn_user_id, participant.user_id):
        notes.append(_("for %(user)s in %(column)s") % {"user": grade.learn_user_id, "column": grade.column_name})
    if not grade.is_certain:
        notes.append(_("not confirmed"))
    if grade.is_left_behind:
        notes.append(_("check it in Learn"))
    return (
        format_html('{} <span class="gb-quiet">{}</span>', grade.value, ", ".join(notes))
        if notes
        else format_html("{}", grade.value)
    )


@register.filter
def place(row: Delivery | GradeInLearn) -> SafeString | str:
    """Where in Learn a delivery went, or was to go; nothing for one that was not to be sent."""
    if not row.course_id:
        return ""
    return format_html(
        '<div>{} · {}<br><span class="gb-quiet">{}</span></div>',
        row.course_id,
        row.column_name,
        _("for %(user)s") % {"user": row.learn_user_id},
    )


@register.filter
def certainty_pill(grade: GradeInLearn) -> SafeString:
    return pill(GradeInLearn.Certainty(grade.certainty))


@register.filter
def whereabouts(grade: GradeInLearn) -> SafeString | str:
    """Whether it is in Learn, and what to do if its participant no longer leads there."""
    if grade.until:
        ended = {"how": grade.get_ended_as_display(), "who": grade.dealt_with_by, "when": short(grade.until)}
        return (_("%(how)s by %(who)s, %(when)s") if grade.dealt_with_by else "%(how)s, %(when)s") % ended
    if not grade.left_behind_at:
        return _("In Learn")
    return format_html(
        '<div><strong>{}</strong> <span class="gb-quiet">{}</span></div>',
        _("Left behind, check it in Learn"),
        _("since %(when)s") % {"when": short(grade.left_behind_at)},
    )


def short(moment: datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
