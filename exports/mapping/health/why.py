"""Why one person's grade does not arrive: what it needs in Learn, looked up now, up to the first thing that is wrong.

Reads, and writes nothing to Learn; what comes after the first thing that is wrong is not asked.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses import quota
from courses.gradebook import Column, Course, CourseUnknown, NotEnrolled, Verdict, column_named, compare
from courses.learn_http.errors import LearnError
from courses.models import GradeColumn
from courses.reading_back import PROBLEMS, NoCallsLeft, Reader
from courses.sentences import reason_of
from exports.delivering.callers import callers_of
from exports.delivering.judging import flow_facts, person_facts
from exports.grades.facts import BY_HAND, Entry, Place, Refused
from exports.grades.rules import Case, added_by, by_source, case_of
from exports.grades.translating import is_number
from exports.mapping.health.findings import Code, Finding, finding
from exports.mapping.health.in_learn import Sent, course_findings, fit_findings, presence_findings
from exports.mapping.health.problems import Severity
from exports.models import Participant

MAX_CALLS = 6
MAX_SECONDS = 30.0  # someone waits for the page


class Step(models.TextChoices):
    """What a grade needs, in the order in which it is looked up."""

    PLACE = "PLACE", _("Where the grade goes")
    COURSE = "COURSE", _("Course")
    OPEN = "OPEN", _("Course open")
    COLUMN = "COLUMN", _("Column")
    ENROLMENT = "ENROLMENT", _("Enrolment")
    AVAILABILITY = "AVAILABILITY", _("Enrolment active")
    VALUE = "VALUE", _("Grade schema")
    SHOWN = "SHOWN", _("What Learn shows now")


class Outcome(models.TextChoices):
    FOUND = "FOUND", _("Fine")  # nothing to do
    WRONG = "WRONG", _("Wrong")  # the sentence says what to do
    NOT_READ = "NOT_READ", _("Could not be read")  # nothing follows from it
    NOT_ASKED = "NOT_ASKED", _("Not asked")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Of one step. `key`: what was looked for, such as a batch uid. What is wrong is a `finding`, or a code."""

    step: Step
    key: str
    outcome: Outcome
    finding: Finding | None = None
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """One place to which the person's grade goes, or one source for which there is none."""

    source_code: str
    answers: Sequence[Answer]

    @property
    def first_wrong(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.outcome in STOPPING), None)


STOPPING = (Outcome.WRONG, Outcome.NOT_READ)


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """`calls` were made."""

    places: Sequence[Explained]
    calls: int


def why(participant: Participant) -> Looked:
    """Look up now what the person's grade needs in Learn: at most 6 calls, however many places it goes to."""
    most = min(MAX_CALLS, quota.calls_left(timezone.now()))
    reader = Reader(until=time.monotonic() + MAX_SECONDS, most_calls=most - 1)
    try:
        return Looked(places=[explain(reader, participant, case) for case in cases_of(participant)], calls=reader.made)
    finally:
        reader.log()


def cases_of(participant: Participant) -> list[Case]:
    """The latest grade for each source that it is for, one of each place."""
    person = person_facts(participant)
    facts = flow_facts(participant.flow, timezone.localtime(), None, callers=callers_of([person]))
    entry = Entry(user_id=participant.user_id, mark=participant.mark, alternative_grade=participant.alternative_grade)
    found: dict[tuple[Place | None, str], Case] = {}
    for part in by_source(entry, person, facts):
        case = case_of(part, person, facts)
        found.setdefault((case.place, "" if case.place else part.source_code), case)
    return list(found.values())


def explain(reader: Reader, participant: Participant, case: Case) -> Explained:
    answers = list[Answer]()
    try:
        for answer in answers_of(reader, participant, case):
            answers.append(answer)
            if answer.outcome in STOPPING:
                break
    except NoCallsLeft:
        answers.append(Answer(step=next_step(answers), key="", outcome=Outcome.NOT_ASKED, code="NO_CALLS_LEFT"))
    except LearnError as error:
        answers.append(unread(next_step(answers), error))
    asked = {answer.step for answer in answers}
    rest = [Answer(step=step, key="", outcome=Outcome.NOT_ASKED) for step in Step if step not in asked]
    return Explained(source_code=case.entry.source_code, answers=[*answers, *rest])


def next_step(answers: Sequence[Answer]) -> Step:
    return list(Step)[len(answers)]


def unread(step: Step, error: LearnError, key: str = "") -> Answer:
    return Answer(step=step, key=key, outcome=Outcome.NOT_READ, params={"reason": reason_of(error)})


def answers_of(reader: Reader, participant: Participant, case: Case) -> Iterator[Answer]:
    """Step by step; raises what Learn cannot say now."""
    yield (place := place_answer(participant, case))
    if place.outcome is not Outcome.FOUND or case.place is None:
        return
    course_id, column_name, learn_user_id = case.place
    try:
        course = reader.course(course_id)
        closed = list(course_findings(reader, course_id, course))
    except CourseUnknown:
        yield wrong(Step.COURSE, course_id, finding(Code.COURSE_UNKNOWN, course=course_id))
        return
    except PROBLEMS as error:
        yield unread(Step.COURSE, error, course_id)
        return
    yield from course_answers(course_id, course, closed)
    column = column_of(course_id, column_name)
    try:
        there = reader.columns(course_id)
    except PROBLEMS as error:
        yield unread(Step.COLUMN, error, column_name)
        return
    yield found_or_wrong(Step.COLUMN, column_name, presence_findings(column, there))
    yield from member_answers(reader, course_id, learn_user_id)
    shown = column_named(there, column_name)
    yield value_answer(reader, case, column, shown)
    yield shown_answer(reader, case, column, shown)


def place_answer(participant: Participant, case: Case) -> Answer:
    key, entry = case.entry.source_code, case.entry
    if participant.flow.roster_imported_at and not participant.on_roster:
        return Answer(step=Step.PLACE, key=key, outcome=Outcome.WRONG, code="NOT_ON_ROSTER")
    if added_by(entry, case.person) == BY_HAND:
        return Answer(step=Step.PLACE, key=key, outcome=Outcome.WRONG, code="ADDED_BY_HAND")
    if case.column is None:
        code = "SOURCE_NOT_MAPPED" if case.flow.columns else "NOT_MAPPED"
        return Answer(step=Step.PLACE, key=key, outcome=Outcome.WRONG, code=code, params={"source_code": key})
    if not case.learn_user_id:
        return Answer(step=Step.PLACE, key=participant.user_id, outcome=Outcome.WRONG, code="LEARN_USER_UNKNOWN")
    if not case.column.takes_grades:
        return Answer(step=Step.PLACE, key=case.column.name, outcome=Outcome.WRONG, code="COLUMN_DELETED")
    where = {"course": case.column.course_id, "column": case.column.name, "user": case.learn_user_id}
    return Answer(step=Step.PLACE, key=key, outcome=Outcome.FOUND, code="LEADS_TO", params=where)


def course_answers(course_id: str, course: Course, closed: Sequence[Finding]) -> Iterator[Answer]:
    """A merged course is not where the grades are; a course that students cannot see takes them all the same."""
    merged = [each for each in closed if each.code is Code.COURSE_MERGED]
    if merged:
        yield wrong(Step.COURSE, course_id, merged[0])
        return
    named = {"name": course.name or course_id}
    yield Answer(step=Step.COURSE, key=course_id, outcome=Outcome.FOUND, code="COURSE_FOUND", params=named)
    yield found_or_wrong(Step.OPEN, course_id, iter(closed))


def member_answers(reader: Reader, course_id: str, learn_user_id: str) -> Iterator[Answer]:
    try:
        member = reader.member(course_id, learn_user_id)
    except NotEnrolled:
        where = {"course": course_id}
        yield Answer(step=Step.ENROLMENT, key=learn_user_id, outcome=Outcome.WRONG, code="NOT_ENROLLED", params=where)
        return
    except PROBLEMS as error:
        yield unread(Step.ENROLMENT, error, learn_user_id)
        return
    named = {"name": member.name or learn_user_id}
    yield Answer(step=Step.ENROLMENT, key=learn_user_id, outcome=Outcome.FOUND, code="ENROLLED", params=named)
    outcome, code = (Outcome.FOUND, "ACTIVE") if member.is_available else (Outcome.WRONG, "MEMBER_DISABLED")
    yield Answer(step=Step.AVAILABILITY, key=learn_user_id, outcome=outcome, code=code, params={"course": course_id})


def value_answer(reader: Reader, case: Case, column: GradeColumn, shown: Column) -> Answer:
    """Whether the column shows what would be sent, or was."""
    if case.value is None and case.here is None:
        return Answer(step=Step.VALUE, key="", outcome=Outcome.NOT_ASKED, code="NO_GRADE_YET")
    if isinstance(case.value, Refused) and case.here is None:
        return Answer(
            step=Step.VALUE,
            key=case.entry.given,
            outcome=Outcome.WRONG,
            code="VALUE_REFUSED",
            params={"detail": case.value.detail},
        )
    value = value_of(case)
    symbols = column.grade_schema.symbol_names if column.grade_schema else frozenset()
    is_symbol = value in symbols or not is_number(value)
    sent = Sent(symbols=frozenset([value] if is_symbol else []), has_numbers=not is_symbol)
    try:
        found = list(fit_findings(column, sent, shown, reader.schemas(column.course.course_id)))
    except PROBLEMS as error:
        return unread(Step.VALUE, error, value)
    return found_or_wrong(Step.VALUE, value, iter(found))


def shown_answer(reader: Reader, case: Case, column: GradeColumn, shown: Column) -> Answer:
    """Right: what was sent is shown; or nothing was sent, and nothing is shown."""
    assert case.place is not None  # else nothing was looked up
    user, sent = case.place[2], case.here.value if case.here else ""
    try:
        grade = reader.grade(column.course.course_id, shown, user)
    except NotEnrolled:
        return Answer(step=Step.SHOWN, key=user, outcome=Outcome.NOT_READ, code="NOT_SHOWN_TO_US")
    except PROBLEMS as error:
        return unread(Step.SHOWN, error, user)
    symbols = column.grade_schema.symbol_names if column.grade_schema else frozenset()
    compared = compare(sent or value_of(case), grade, points=shown.points, symbols=symbols)
    params = {"value": sent, "shown": compared.detail()}
    if compared.verdict is Verdict.ABSENT:
        code, outcome = ("GONE", Outcome.WRONG) if sent else ("EMPTY", Outcome.FOUND)
    elif compared.verdict is Verdict.PROVEN:
        code, outcome = "AS_SENT" if sent else "AS_TO_BE_SENT", Outcome.FOUND
    else:
        code, outcome = "OTHER" if sent else "OF_SOMEBODY_ELSE", Outcome.WRONG
    return Answer(step=Step.SHOWN, key=user, outcome=outcome, code=code, params=params)


def value_of(case: Case) -> str:
    """What would be sent now; where that is not known, what was sent."""
    if isinstance(case.value, str):
        return case.value
    return case.here.value if case.here else ""


def column_of(course_id: str, name: str) -> GradeColumn:
    return GradeColumn.objects.select_related("course", "grade_schema").get(course__course_id=course_id, name=name)


def wrong(step: Step, key: str, found: Finding) -> Answer:
    return Answer(step=step, key=key, outcome=Outcome.WRONG, finding=found)


def found_or_wrong(step: Step, key: str, findings: Iterator[Finding]) -> Answer:
    """The worst of these. Only an error is wrong; what is less is said beside what was found."""
    found = list(findings)
    if errors := [each for each in found if each.severity is Severity.ERROR]:
        return wrong(step, key, errors[0])
    return Answer(step=step, key=key, outcome=Outcome.FOUND, finding=found[0] if found else None, code=f"{step}_FOUND")
