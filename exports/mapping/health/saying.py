"""What was found in Learn, in words: the sentence of each finding, what to do about it, and where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.sentences import shortlist
from courses.models import GradeColumn
from courses.sentences import sentence as reason_sentence
from exports.mapping.health.findings import Code, Finding, read
from exports.mapping.health.problems import Severity
from exports.models import LearnCheck, Participant

MAX_NAMED = 10  # people in a sentence; the page lists the others


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A finding for people. `column`: where here it is repaired; `is_adoptable`: by adopting what Learn has."""

    code: Code
    severity: Severity
    sentence: str
    what_to_do: str
    people: Sequence[Participant] = ()
    more_people: int = 0
    column: GradeColumn | None = None
    is_adoptable: bool = False
    is_of_flow: bool = False  # repaired on the flow's page

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


ADOPTABLE = {
    Code.POINTS_DIFFER,
    Code.NUMBERS_ONLY,
    Code.SYMBOLS_MISSING,
    Code.SCHEMA_DIFFERS,
    Code.SYMBOLS_DIFFER,
}
ON_FLOW_PAGE = {Code.COURSE_UNKNOWN, Code.COURSE_MERGED, Code.NO_COLUMN}

SENTENCES: dict[Code, Any] = {
    Code.COURSE_UNKNOWN: gettext_lazy("Learn has no course with the id %(course)s."),
    Code.COURSE_MERGED: gettext_lazy(
        "Course %(course)s is merged into course %(parent)s in Learn. Its grades are in that course."
    ),
    Code.COURSE_COMPLETED: gettext_lazy(
        "Course %(course)s is marked as completed in Learn, which then takes no grades."
    ),
    Code.COURSE_DISABLED: gettext_lazy("Course %(course)s is disabled in Learn."),
    Code.COURSE_NOT_AVAILABLE: gettext_lazy(
        "Course %(course)s is not available in Learn. Grades arrive, and students do not see them."
    ),
    Code.COLUMN_UNKNOWN: gettext_lazy("Course %(course)s has no column named %(name)s in Learn."),
    Code.COLUMN_TWICE: gettext_lazy(
        "Course %(course)s has %(number)s columns named %(name)s in Learn. Which one takes a grade is not certain."
    ),
    Code.COLUMN_CALCULATED: gettext_lazy(
        "Learn calculates column %(name)s of course %(course)s from other columns, so it takes no grades."
    ),
    Code.COLUMN_ANONYMOUS: gettext_lazy(
        "Column %(name)s of course %(course)s is marked anonymously in Learn. As long as it is, its grades cannot be "
        "read back."
    ),
    Code.COLUMN_KIND_UNKNOWN: gettext_lazy(
        "Learn does not say that column %(name)s of course %(course)s takes grades that are entered (%(kind)s)."
    ),
    Code.POINTS_DIFFER: gettext_lazy(
        "Column %(name)s of course %(course)s has %(there)s points in Learn, and %(here)s here."
    ),
    Code.NUMBERS_ONLY: gettext_lazy(
        "Column %(name)s of course %(course)s shows numbers in Learn. It would refuse: %(symbols)s."
    ),
    Code.SYMBOLS_MISSING: gettext_lazy(
        "Column %(name)s of course %(course)s uses grade schema %(schema)s in Learn, which does not have: %(symbols)s. "
        "These grades would be refused."
    ),
    Code.SCHEMA_DIFFERS: gettext_lazy(
        "Column %(name)s of course %(course)s uses grade schema %(there)s in Learn, and %(here)s here."
    ),
    Code.SYMBOLS_DIFFER: gettext_lazy(
        "Grade schema %(schema)s of column %(name)s, course %(course)s, is %(there)s in Learn, and %(here)s here."
    ),
    Code.SCHEMA_NOT_NAMED: gettext_lazy(
        "Learn does not show the grade schema of column %(name)s of course %(course)s, so it was not compared."
    ),
    Code.NO_COLUMN: gettext_lazy("No grade column is chosen for this flow, so there was nothing to look up in Learn."),
}
PARTS: dict[str, Any] = {
    "COURSE": gettext_lazy("Course %(course)s could not be read. %(reason)s"),
    "COLUMNS": gettext_lazy("The columns of course %(course)s could not be read. %(reason)s"),
    "SCHEMAS": gettext_lazy("The grade schemas of course %(course)s could not be read. %(reason)s"),
    "MEMBERS": gettext_lazy("The enrolments in course %(course)s could not be read. %(reason)s"),
}
WHAT_TO_DO: dict[Code, Any] = {
    Code.COURSE_UNKNOWN: gettext_lazy("Correct the course id, or map the flow to a column of another course."),
    Code.COURSE_MERGED: gettext_lazy("Map the flow to the column of that course."),
    Code.COURSE_COMPLETED: gettext_lazy("Open the course again in Learn until the grades have arrived."),
    Code.COURSE_DISABLED: gettext_lazy("Enable the course in Learn."),
    Code.COURSE_NOT_AVAILABLE: gettext_lazy(
        "Make the course available in Learn when students are to see their grades."
    ),
    Code.COLUMN_UNKNOWN: gettext_lazy("Provision the column, or correct its name."),
    Code.COLUMN_TWICE: gettext_lazy("Rename or delete the others in Learn."),
    Code.COLUMN_CALCULATED: gettext_lazy("Map the flow to a column that is not calculated."),
    Code.COLUMN_ANONYMOUS: gettext_lazy("Nothing, if that is meant. Else end the anonymous marking in Learn."),
    Code.COLUMN_KIND_UNKNOWN: gettext_lazy("Check in Learn whether a grade can be entered there by hand."),
    Code.POINTS_DIFFER: gettext_lazy("Adopt Learn's points, or change them in Learn."),
    Code.NUMBERS_ONLY: gettext_lazy(
        "Choose the grade schema in Learn, or adopt from Learn and change the translation."
    ),
    Code.SYMBOLS_MISSING: gettext_lazy(
        "Choose another grade schema in Learn, or adopt from Learn and change the translation."
    ),
    Code.SCHEMA_DIFFERS: gettext_lazy("Adopt Learn's grade schema, or choose another one in Learn."),
    Code.SYMBOLS_DIFFER: gettext_lazy("Correct the symbols here, or in Learn."),
    Code.SCHEMA_NOT_NAMED: gettext_lazy("Compare the grade schema in Learn with the one here."),
    Code.NOT_ENROLLED: gettext_lazy("Enrol them in Learn, or correct their Learn users on the roster."),
    Code.MEMBER_DISABLED: gettext_lazy("Make their enrolments available in Learn."),
    Code.USERS_HIDDEN: gettext_lazy(
        "Give the role of GradeBridge's user in Learn the privilege course.configure-properties.EXECUTE."
    ),
    Code.NO_COLUMN: gettext_lazy("Choose a grade column."),
}
# What to do about what could not be read, by the code of the reason
UNREAD_TO_DO: dict[str, Any] = {
    "NOT_READABLE": gettext_lazy(
        "Give the role of GradeBridge's user in Learn the privileges for reading. The page Connection to Learn lists "
        "them."
    ),
}

# Why a run did not look at a flow
STOPPED = {
    "NO_CALLS_LEFT": gettext_lazy(
        "The share of Learn's daily calls that reading may take (PROVE_SHARE) is used up. Try again tomorrow."
    ),
    "DELIVERIES_WAIT": gettext_lazy("Grades were being sent, and they go first. Try again after them."),
}

# Why nothing is adopted from Learn
NOT_ADOPTABLE: dict[str, Any] = {
    "COURSE_MERGED": gettext_lazy(
        "Course %(course)s is merged into another one in Learn. Map the flow to the column of that course instead."
    ),
    "COLUMN_CALCULATED": gettext_lazy("Learn calculates this column from other columns, so it takes no grades."),
    "SCHEMA_NOT_NAMED": gettext_lazy("Learn does not show which grade schema the column uses."),
    "TITLE_NOT_USABLE": gettext_lazy("The title of its grade schema in Learn cannot be entered here."),
    "OFFER_TOO_OLD": gettext_lazy("What was shown is more than an hour old. Look again."),
    "OFFER_NOT_OURS": gettext_lazy("This is not what was shown. Look again."),
    "COLUMN_CHANGED": gettext_lazy("The column has been changed here since this was shown. Look again."),
    "BEING_SENT": gettext_lazy("The column is being sent to Learn in run %(run)s. Adopt it once the run has finished."),
}


def say(checks: Iterable[LearnCheck]) -> dict[int, list[Said]]:
    """What was found, by the flow's primary key, the worst first. Two statements, however many checks there are."""
    found = {check.flow_id: read(check.findings) for check in checks}
    every = [each for theirs in found.values() for each in theirs]
    people = Participant.objects.in_bulk({pk for each in every for pk in keys_of(each)})
    keys = {each.params["column"] for each in every if isinstance(each.params.get("column"), int)}
    columns = GradeColumn.objects.select_related("course").in_bulk(keys)
    return {flow: [said(each, people, columns) for each in theirs] for flow, theirs in found.items()}


def keys_of(finding: Finding) -> list[int]:
    return [pk for pk in finding.params.get("people", ()) if isinstance(pk, int)]


def said(finding: Finding, people: Mapping[int, Participant], columns: Mapping[int, GradeColumn]) -> Said:
    named = [people[pk] for pk in keys_of(finding) if pk in people]
    column = columns.get(finding.params.get("column", 0))
    try:
        sentence = sentence_of(finding, named)
    except (KeyError, TypeError, ValueError):  # of another version: it must not break a page
        sentence = f"{finding.code.label}."
    return Said(
        code=finding.code,
        severity=finding.severity,
        sentence=sentence,
        what_to_do=what_to_do(finding),
        people=named,
        more_people=max(0, finding.params.get("count", 0) - len(named)),
        column=column,
        is_adoptable=column is not None and finding.code in ADOPTABLE,
        is_of_flow=finding.code in ON_FLOW_PAGE,
    )


def sentence_of(finding: Finding, people: Sequence[Participant]) -> str:
    """Raises KeyError, TypeError or ValueError where the finding lacks what its sentence needs."""
    params = dict(finding.params)
    match finding.code:
        case Code.NOT_ENROLLED | Code.MEMBER_DISABLED | Code.USERS_HIDDEN:
            return people_sentence(finding, people)
        case Code.NOT_READ:
            return str(PARTS[params["part"]]) % {**params, "reason": reason_sentence(params["reason"])}
        case Code.COLUMN_UNKNOWN if params["similar"]:
            similar = _("It has one named %(similar)s.") % params
            return f"{SENTENCES[finding.code] % params} {similar}"
        case Code.NUMBERS_ONLY | Code.SYMBOLS_MISSING:
            params["symbols"] = shortlist(params["symbols"], most=MAX_NAMED)
        case Code.SCHEMA_DIFFERS:
            params["here"] = params["here"] or _("none")
        case Code.COLUMN_KIND_UNKNOWN:
            params["kind"] = params["kind"] or _("nothing is said")
    return str(SENTENCES[finding.code]) % params


def people_sentence(finding: Finding, people: Sequence[Participant]) -> str:
    number = finding.params["count"]
    match finding.code:
        case Code.NOT_ENROLLED:
            text = ngettext(
                "%(count)s expected student is not enrolled in course %(course)s in Learn: %(people)s.",
                "%(count)s expected students are not enrolled in course %(course)s in Learn: %(people)s.",
                number,
            )
        case Code.MEMBER_DISABLED:
            text = ngettext(
                "%(count)s expected student is enrolled in course %(course)s, but not available there: %(people)s.",
                "%(count)s expected students are enrolled in course %(course)s, but not available there: %(people)s.",
                number,
            )
        case _:
            text = ngettext(
                "Learn hides batch uids in course %(course)s, so %(count)s expected student cannot be found there: "
                "%(people)s. Nothing follows from that.",
                "Learn hides batch uids in course %(course)s, so %(count)s expected students cannot be found there: "
                "%(people)s. Nothing follows from that.",
                number,
            )
    names = shortlist([name_of(person) for person in people[:MAX_NAMED]], most=MAX_NAMED)
    if number > MAX_NAMED or not people:
        more = number - min(len(people), MAX_NAMED)
        names = ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more) % {
            "names": names or "…",
            "count": intcomma(more),
        }
    return text % {"count": intcomma(number), "course": finding.params["course"], "people": names}


def name_of(person: Participant) -> str:
    """`Ada Berg (s1001)`; without a name the user id."""
    if not person.name:
        return person.user_id
    return _("%(name)s (%(user_id)s)") % {"name": person.name, "user_id": person.user_id}


def what_to_do(finding: Finding) -> str:
    if finding.code is Code.NOT_READ:
        reason = finding.params.get("reason")
        code = str(reason.get("code", "")) if isinstance(reason, dict) else ""
        return str(UNREAD_TO_DO.get(code, _("Check with Learn again later. Nothing follows from this.")))
    return str(WHAT_TO_DO[finding.code])


def stopped_sentence(reason: Mapping[str, Any]) -> str:
    """Why a flow was not looked at; empty: it was."""
    known = STOPPED.get(str(reason.get("code", "")))
    return str(known) if known else reason_sentence(reason)


def refusal_sentence(reason: Mapping[str, Any]) -> str:
    """Why nothing was adopted."""
    known = NOT_ADOPTABLE.get(str(reason.get("code", "")))
    return str(known) % reason if known else stopped_sentence(reason)
