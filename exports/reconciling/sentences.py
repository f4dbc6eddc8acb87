"""What each kind of line says, and what to do about it, in sentences."""

from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.moments import moment
from courses.sentences import sentence
from exports.grades.causes import Cause
from exports.grades.sentences import MISSING, of_source
from exports.grades.sentences import sentence as sentence_of_cause
from exports.grades.sentences import what_to_do as what_to_do_about
from exports.models import Proof
from exports.models.in_wiseflow import state_label
from exports.proving.sentences import proof_sentence
from exports.reconciling.kinds import Kind
from exports.reconciling.lines import InLearn, Line


class Guidance(NamedTuple):
    """Both may be empty: the line itself says it, or nothing is to be done."""

    sentence: Any
    what_to_do: Any = ""


GUIDANCE: dict[Kind, Guidance] = {
    Kind.DIFFERENT_IN_LEARN: Guidance(
        _("Learn shows another grade than GradeBridge wrote, or was to write."),
        _("Keep Learn's grade, or replace it, on the student's page."),
    ),
    Kind.ABSENT_IN_LEARN: Guidance(
        _("Learn shows no grade where GradeBridge wrote one."),
        _("Ask the teacher of the course whether it was cleared, then keep that or replace it on the student's page."),
    ),
    Kind.CHANGED_IN_WISEFLOW: Guidance(
        _("WISEflow holds another grade than the one that came from it."),
        _("If WISEflow's grade is right, request a correction on the student's page, or export it in WISEflow."),
    ),
    Kind.GONE_IN_WISEFLOW: Guidance(
        _("A grade came from WISEflow, and WISEflow holds none now."),
        _("Ask the assessors in WISEflow which is right, and have the grade in Learn corrected if it is not."),
    ),
    Kind.EXPORTED_THERE_ONLY: Guidance(
        _("WISEflow says that the grade is exported, and it is not delivered."),
        _("Act on its cause, then retry here. Do not rely on WISEflow's word."),
    ),
    Kind.NOT_DELIVERED: Guidance(
        _("The grade came from WISEflow, and is not delivered to Learn."), _("Act on its cause, then retry.")
    ),
    Kind.GRADED_NOT_EXPORTED: Guidance(
        _("WISEflow holds a grade, and nothing has come."),
        _("Export it in WISEflow, or from WISEflow's API on the flow's page."),
    ),
    Kind.NOT_LISTED: Guidance(
        _("WISEflow does not list this student in the flow."),
        _("Check in WISEflow whether the student belongs to the flow, and correct the roster, or the grade in Learn."),
    ),
    Kind.LEFT_BEHIND: Guidance(
        _("A grade is in Learn at a place that its student no longer leads to."),
        _("Remove it in Learn, then mark it as dealt with on its page."),
    ),
    Kind.DELIVERED_BUT_FAILED_THERE: Guidance(
        _("The grade is in Learn, and WISEflow says that its export failed."),
        _("Retry it in WISEflow. Nothing is sent to Learn again; WISEflow then learns that it is exported."),
    ),
    Kind.DELIVERED_BUT_NOT_THERE: Guidance(
        _("The grade is in Learn, and WISEflow says that it is not exported."),
        _("Export it in WISEflow. Nothing is sent to Learn again; WISEflow then learns that it is exported."),
    ),
    Kind.MISSING: Guidance(MISSING.sentence, MISSING.what_to_do),
    Kind.NOT_GRADED: Guidance(
        _("Expected, and WISEflow holds no grade."), _("Ask the assessors to assess it, then export it in WISEflow.")
    ),
    Kind.NOT_READABLE: Guidance(
        _("Learn does not let GradeBridge read the grade."),
        _("Ask an administrator of Learn for what the line names. The grade itself may be right."),
    ),
    Kind.NOT_COMPARABLE: Guidance(
        _("WISEflow stores the number multiplied, and it is not known by what."),
        _("Ask an administrator to give all translations of the flow the same divisor, or none."),
    ),
    Kind.READ_BEFORE: Guidance(
        _("WISEflow was read before the grade was sent, and held another one then."), _("Fetch the flow again.")
    ),
    Kind.IN_PROGRESS: Guidance(_("The grade is being sent."), _("Look again in a minute.")),
    Kind.NOT_DUE: Guidance(_("The assessment period has not ended.")),
    Kind.DECIDED: Guidance(_("Learn shows another grade, and it was decided to keep that.")),
    Kind.CORRECTED: Guidance(
        _("The grade was corrected here, and WISEflow holds the one before it."),
        _("Change it in WISEflow as well, where its rules allow that."),
    ),
    Kind.PULLED: Guidance(
        _("The grade was exported from WISEflow's API. WISEflow's own export state does not follow that.")
    ),
    Kind.SKIPPED: Guidance(_("A rule leaves this student out on purpose.")),
    Kind.DEACTIVATED: Guidance(_("The student is deactivated in WISEflow: no grade is expected.")),
    Kind.NOT_READ: Guidance(
        _("The grade has not been read back from Learn yet."), _("Prove it, or wait for the clock.")
    ),
    Kind.NOTHING: Guidance(_("No grade has come, and none is expected.")),
    Kind.AGREES: Guidance(_("WISEflow, GradeBridge and Learn agree, as far as they were read.")),
}


def what_to_do(kind: Kind) -> str:
    return str(GUIDANCE[kind].what_to_do)


def kind_sentence(kind: Kind) -> str:
    """What all lines of the kind have in common."""
    return str(GUIDANCE[kind].sentence)


def line_sentences(line: Line) -> str:
    """What a line says beyond the names of its kinds: the cause of a failure, what would refuse an export."""
    said = [cause_sentence(line)]
    if Kind.GRADED_NOT_EXPORTED in line.kinds and line.spot.refusal:
        said.append(refusal_sentence(line))
    if Kind.SKIPPED in line.kinds and line.spot.refusal and not line.spot.has_cause:
        said.append(sentence_of_cause(Cause(line.spot.refusal), line.spot.refusal_detail))
    return " ".join(filter(None, said))


def cause_sentence(line: Line) -> str:
    person, spot = line.person, line.spot
    if not (spot.has_cause and person.cause):
        return ""
    said = sentence_of_cause(Cause(person.cause), person.detail)
    return of_source(spot.source_code, said) if spot.source_code else said


def refusal_sentence(line: Line) -> str:
    why = sentence_of_cause(Cause(line.spot.refusal), line.spot.refusal_detail)
    return gettext("Exported now, it would be refused: %(why)s") % {"why": why}


def acts(line: Line, *, may_configure: bool = False, but: Kind | None = None) -> str:
    """What to do about a line: of each of its problems, `but` what is said of a kind above it. A failure's cause knows
    better than its kind.
    """
    found = []
    for kind in line.problems or line.kinds[:1]:
        if kind == Kind.NOT_DELIVERED and line.person.cause:
            found.append(what_to_do_about(Cause(line.person.cause), may_configure=may_configure))
        elif kind != but:
            found.append(what_to_do(kind))
    return " ".join(dict.fromkeys(filter(None, found)))


# The three sides


def wiseflow_state(line: Line) -> str:
    """WISEflow's own word for its export, or why it has none."""
    wiseflow = line.wiseflow
    if wiseflow is None:
        return ""
    if not wiseflow.is_listed:
        return gettext("Not listed")
    if not wiseflow.is_activated:
        return gettext("Deactivated")
    return state_label(wiseflow.export_state)


def learn_sentence(line: Line) -> str:
    """What Learn showed, who made it so, and when it was read; empty: nothing is there to be read."""
    learn = line.learn
    if learn is None:
        return gettext("Not read back from Learn yet.") if line.spot.written else refused_because_of(line)
    return proof_sentence(proof_of(learn))


def refused_because_of(line: Line) -> str:
    """Of a grade that was not sent because of what Learn shows."""
    is_refused = line.spot.has_cause and line.person.cause in (Cause.CHANGED_IN_LEARN, Cause.LEARN_GRADE_KEPT)
    return sentence_of_cause(Cause(line.person.cause), line.person.detail) if is_refused else ""


def proof_of(learn: InLearn) -> Proof:
    return Proof(verdict=learn.verdict, shown=learn.shown, detail=dict(learn.detail), read_at=learn.read_at)


def learn_shown(line: Line) -> str:
    """The grade that Learn showed, alone."""
    if line.learn:
        return line.learn.shown
    is_refused = line.spot.has_cause and line.person.cause in (Cause.CHANGED_IN_LEARN, Cause.LEARN_GRADE_KEPT)
    return str(line.person.detail.get("shown", "")) if is_refused else ""


def unreadable_because(line: Line) -> str:
    learn = line.learn
    return sentence(learn.detail) if learn and learn.verdict == Proof.Verdict.UNREADABLE else ""


def read_on(when: datetime | None) -> str:
    return moment(when) if when else ""
