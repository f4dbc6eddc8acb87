"""The answers to *Why?* in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from courses.models import GradeColumn
from courses.sentences import sentence as reason_sentence
from courses.sentences import shown_grade
from exports.grades import sentences
from exports.mapping.health.saying import UNREAD_TO_DO, Said, said
from exports.mapping.health.why import Answer, Outcome, Step
from exports.models import Participant

FOUND: dict[str, Any] = {
    "LEADS_TO": gettext_lazy("A grade goes to column %(column)s of course %(course)s, for Learn user %(user)s."),
    "COURSE_FOUND": gettext_lazy("It is in Learn, named %(name)s."),
    "OPEN_FOUND": gettext_lazy("It takes grades."),
    "COLUMN_FOUND": gettext_lazy("It is there once, and takes grades."),
    "ENROLLED": gettext_lazy("Enrolled as %(name)s."),
    "ACTIVE": gettext_lazy("The enrolment is active."),
    "VALUE_FOUND": gettext_lazy("The column shows this value."),
    "EMPTY": gettext_lazy("Learn shows no grade. As far as GradeBridge knows, none was sent."),
    "AS_SENT": gettext_lazy("Learn shows %(shown)s, as it was sent."),
    "AS_TO_BE_SENT": gettext_lazy("Learn shows %(shown)s, which is what would be sent."),
    "NO_GRADE_YET": gettext_lazy("WISEflow has sent no grade yet, so no value was looked up."),
    "NO_CALLS_LEFT": gettext_lazy("One look makes no more than 6 calls to Learn."),
}
# What is wrong, and what to do
WRONG: dict[str, tuple[Any, Any]] = {
    "NOT_ON_ROSTER": (
        gettext_lazy("The student is not on the roster of this flow, so the grade is not sent."),
        gettext_lazy("Import a roster with the student."),
    ),
    "ADDED_BY_HAND": (
        gettext_lazy("The student was added by hand, not by the student system, so the grade is not sent."),
        gettext_lazy("Nothing, if that is meant. Else have the student added in the student system."),
    ),
    "NOT_MAPPED": (
        gettext_lazy("No grade column is chosen for this flow."),
        gettext_lazy("Choose a grade column on the flow's page."),
    ),
    "SOURCE_NOT_MAPPED": (
        gettext_lazy("No grade column is chosen for source %(source_code)s."),
        gettext_lazy("Choose a grade column for it, or for all other sources, on the flow's page."),
    ),
    "LEARN_USER_UNKNOWN": (
        gettext_lazy("No Learn user is known for this student."),
        gettext_lazy("Enter the Learn user on the roster."),
    ),
    "COLUMN_DELETED": (
        gettext_lazy("The column was deleted in Learn, or is being deleted."),
        gettext_lazy("Map the flow to another column, or create this one again."),
    ),
    "NOT_ENROLLED": (
        gettext_lazy("The student is not enrolled in course %(course)s in Learn."),
        gettext_lazy("Enrol the student in Learn, or correct the Learn user on the roster."),
    ),
    "MEMBER_DISABLED": (
        gettext_lazy("The student is enrolled in course %(course)s, but not available there."),
        gettext_lazy("Make the enrolment available in Learn."),
    ),
    "VALUE_REFUSED": (
        gettext_lazy("The grade cannot be converted for Learn: %(detail)s."),
        gettext_lazy("Correct the translation or the grade in WISEflow, then retry."),
    ),
    "GONE": (
        gettext_lazy("Learn shows no grade, and %(value)s was sent."),
        gettext_lazy("Ask the teacher of the course whether it was cleared."),
    ),
    "OTHER": (
        gettext_lazy("Learn shows %(shown)s, and %(value)s was sent."),
        gettext_lazy("Ask the teacher of the course who has changed it."),
    ),
    "OF_SOMEBODY_ELSE": (
        gettext_lazy("Learn shows %(shown)s, which GradeBridge has not sent to this place for this student."),
        gettext_lazy("Ask the teacher of the course before a grade is sent there."),
    ),
}
ON_FLOW_PAGE = ("NOT_MAPPED", "SOURCE_NOT_MAPPED", "COLUMN_DELETED", "NOT_ON_ROSTER", "LEARN_USER_UNKNOWN")


@dataclass(frozen=True, kw_only=True, slots=True)
class SaidAnswer:
    """`finding`: what was found, where it is repaired by a page of ours; `is_of_flow`: repaired on the flow's page."""

    step: Step
    key: str
    outcome: Outcome
    sentence: str
    what_to_do: str = ""
    finding: Said | None = None
    is_of_flow: bool = False


def say_answers(answers: Iterable[Answer], participant: Participant) -> list[SaidAnswer]:
    answers = list(answers)
    found = [answer.finding for answer in answers if answer.finding]
    keys = {each.params["column"] for each in found if "column" in each.params}
    columns = GradeColumn.objects.select_related("course").in_bulk(keys) if keys else {}
    people = {participant.pk: participant}
    return [say_answer(answer, said(answer.finding, people, columns) if answer.finding else None) for answer in answers]


def say_answer(answer: Answer, finding: Said | None) -> SaidAnswer:
    sentence, what_to_do = words_of(answer, finding)
    return SaidAnswer(
        step=answer.step,
        key=answer.key,
        outcome=answer.outcome,
        sentence=sentence,
        what_to_do=what_to_do,
        finding=finding,
        is_of_flow=answer.code in ON_FLOW_PAGE or bool(finding and finding.is_of_flow),
    )


def words_of(answer: Answer, finding: Said | None) -> Sequence[str]:
    """The sentence, and what to do."""
    params = dict(answer.params)
    if "shown" in params:
        params["shown"] = shown_grade(params["shown"])
    if "detail" in params:
        params["detail"] = sentences.reason(params["detail"])
    if finding and answer.outcome is Outcome.WRONG:
        return finding.sentence, finding.what_to_do
    if finding:
        return f"{FOUND[answer.code] % params} {finding.sentence}", finding.what_to_do
    if answer.code in WRONG:
        sentence, what_to_do = WRONG[answer.code]
        return str(sentence) % params, str(what_to_do)
    if answer.code == "NOT_SHOWN_TO_US":
        return _("Learn does not show GradeBridge the grades of this student."), _("Check the enrolment in Learn.")
    if answer.outcome is Outcome.NOT_READ:
        code = str(params["reason"].get("code", ""))
        nothing_follows = _("Try again later. Nothing follows from this.")
        return reason_sentence(params["reason"]), str(UNREAD_TO_DO.get(code, nothing_follows))
    return (str(FOUND[answer.code]) % params if answer.code else ""), ""
