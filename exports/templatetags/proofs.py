"""What Learn's own gradebook shows in place of a grade. In templates: `{% load proofs %}`."""

from collections.abc import Iterable

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.admin.cells import pill, pill_of, state_pill
from exports.models import Decision, Flow, GradeInLearn, Participant, Proof, ProofState
from exports.models.grade_in_learn import DIFFERENCES, proof_state_of
from exports.proving.sentences import proof_sentence

register = template.Library()


@register.simple_tag
def different_badge(flow: Flow, grades: int | None) -> SafeString | str:
    """How many grades of the flow Learn shows otherwise than they were sent; leads to their people."""
    if not grades:
        return ""
    return format_html(
        '<a class="gb-pill gb-danger" title="{}" href="{}?flow__exact={}&amp;proof={}">'
        '<span class="material-symbols-outlined" aria-hidden="true">difference</span>{}</a>',
        _("Different in Learn"),
        reverse("admin:exports_participant_changelist"),
        flow.pk,
        DIFFERENCES,
        _("%(count)s different") % {"count": intcomma(grades)},
    )


@register.filter
def proof_pill(grade: GradeInLearn) -> SafeString | str:
    """Nothing for a grade that has ended and was never read back."""
    if grade.until and not grade.verdict:
        return ""
    return pill(proof_state_of(grade))


def one_of_each_state(grades: Iterable[GradeInLearn]) -> list[GradeInLearn]:
    """Of a person's grades the first of each state, so that one pill says of all what is the same."""
    return list({proof_state_of(grade): grade for grade in reversed(list(grades))}.values())


@register.filter
def decision_pill(decision: Decision) -> SafeString:
    """Its state. What is kept needs no approval."""
    if decision.kind == Decision.Kind.KEEP:
        return pill_of("KEPT", _("Learn's grade kept"))
    return state_pill(decision)


@register.filter
def verdict_pill(proof: Proof) -> SafeString:
    return pill(ProofState(proof.verdict))


@register.filter
def proof_text(proof: Proof | None) -> str:
    """What was read, when, and who changed it; or why it could not be read."""
    return proof_sentence(proof)


@register.filter
def proof_cell(grade: GradeInLearn) -> SafeString | str:
    """The pill, and below it what Learn shows."""
    if grade.until and not grade.verdict:
        return ""
    if grade.verdict:
        return format_html(
            '<div>{}<div class="gb-reason">{}</div></div>', proof_pill(grade), proof_sentence(grade.proof)
        )
    return proof_pill(grade)


@register.filter
def proof_pills(participant: Participant) -> SafeString:
    """One for each state that a grade of theirs in Learn is in; none while nothing was read back."""
    shown = one_of_each_state([grade for grade in participant.in_learn if grade.verdict])
    pills = ((pill_of(state.value, str(SHORT[state])),) for state in map(proof_state_of, shown))
    return format_html_join(" ", "{}", pills)


# Beside the value, where it is plain that it is about Learn
SHORT = {
    ProofState.PROVEN: gettext_lazy("Proven"),
    ProofState.DIFFERENT: gettext_lazy("Different"),
    ProofState.ABSENT: gettext_lazy("Not shown"),
    ProofState.KEPT: gettext_lazy("Kept"),
    ProofState.UNREADABLE: gettext_lazy("Not readable"),
    ProofState.UNREAD: gettext_lazy("Not read yet"),
}
