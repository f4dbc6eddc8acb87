"""What a cell shows of grades: a reason, a place, what is in Learn. In templates: `{% load grades %}`."""

from django import template
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from common.admin.cells import pill
from exports.grades.causes import Cause
from exports.models import Delivery, Flow, GradeInLearn, Participant

register = template.Library()


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
    source = f"Source {row.cause_source_code}: " if isinstance(row, Participant) and row.cause_source_code else ""
    return format_html(
        '<div class="gb-reason"><strong>{}{}</strong> {}</div>',
        source,
        cause.sentence(row.detail),
        cause.guidance.what_to_do,
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
        notes.append(f"for {grade.learn_user_id} in {grade.column_name}")
    if not grade.is_certain:
        notes.append("not certain")
    if grade.is_left_behind:
        notes.append("check it in Learn")
    return (
        format_html('{} <span class="gb-quiet">{}</span>', grade.value, ", ".join(notes))
        if notes
        else format_html("{}", grade.value)
    )


@register.filter
def place(row: Delivery) -> SafeString | str:
    """Where in Learn a delivery went, or was to go; nothing for one that was not to be sent."""
    if not row.course_id:
        return ""
    return format_html(
        '<div>{} · {}<br><span class="gb-quiet">for {}</span></div>',
        row.course_id,
        row.column_name,
        row.learn_user_id,
    )


@register.filter
def certainty_pill(grade: GradeInLearn) -> SafeString:
    return pill(GradeInLearn.Certainty(grade.certainty))


@register.filter
def whereabouts(grade: GradeInLearn) -> SafeString | str:
    """Whether it is in Learn, and what to do where its person no longer leads there."""
    if grade.until:
        how = grade.get_ended_as_display()
        by = f" by {grade.dealt_with_by}" if grade.dealt_with_by else ""
        return f"{how}{by}, {formats.date_format(timezone.localtime(grade.until), 'SHORT_DATETIME_FORMAT')}"
    if not grade.left_behind_at:
        return "In Learn"
    since = formats.date_format(timezone.localtime(grade.left_behind_at), "SHORT_DATETIME_FORMAT")
    return format_html(
        '<div><strong>Left behind, check it in Learn</strong> <span class="gb-quiet">since {}</span></div>', since
    )
