"""Learn's public gradebook API, for reading alone: each function answers one call.

Written from Learn's public description alone and sharing nothing with GradeBridge, so that a mistake there shows here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox import privileges, rows
from sandbox.answers import Answer, error
from sandbox.gradebook import Column, Course
from sandbox.paging import BadQuery, number, page, trimmed
from sandbox.privileges import Privileges
from sandbox.world import NOBODY, World

NO_RIGHT = "User does not have the required entitlement"
EXTERNAL_ID, COURSE_ID, USER_NAME = "externalId:", "courseId:", "userName:"
SORTS = {"": True, "logged(desc)": True, "logged": False, "logged(asc)": False}  # newest first?


class NotThere(Exception):
    """404: what the address names is not in Learn. The message says what."""


class NoRight(Exception):
    """403: a privilege is missing, or the column is anonymous."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One call: what its address names, and the site that is asked. It is answered with the world locked."""

    world: World
    privileges: Privileges
    pages: Mapping[str, int]
    path: str
    query: Mapping[str, str]
    course: str = ""
    column: str = ""
    user: str = ""

    @property
    def shows_external_ids(self) -> bool:
        return self.privileges.has(privileges.PROPERTIES)

    def needs(self, *names: str) -> None:
        """Raises NoRight unless the application has all of the privileges."""
        if not all(map(self.privileges.has, names)):
            raise NoRight

    def find_course(self) -> tuple[str, Course]:
        """Its batch uid and the course. Raises NotThere."""
        world, asked = self.world, self.course
        found: str | None
        if asked.startswith(EXTERNAL_ID):
            found = asked.removeprefix(EXTERNAL_ID)
        elif asked.startswith(COURSE_ID):
            shown = asked.removeprefix(COURSE_ID)
            found = next((uid for uid, course in world.courses.items() if (course.course_id or uid) == shown), None)
        else:
            found = world.ids.name("course", asked)
        if found is None or found not in world.courses:
            raise NotThere("The specified course does not exist")
        return found, world.courses[found]

    def find_column(self) -> tuple[str, Course, str, Column]:
        """The batch uid of its course, the course, its name and the column. Raises NotThere."""
        course_id, course = self.find_course()
        for name, column in course.all_columns():
            if column.id == self.column:
                return course_id, course, name, column
        raise NotThere("The specified grade column does not exist")

    def find_member(self, course_id: str) -> str:
        """Raises NotThere."""
        world, asked = self.world, self.user
        found: str | None
        if asked.startswith(EXTERNAL_ID):
            found = asked.removeprefix(EXTERNAL_ID)
            found = found if world.people.get(found, NOBODY).has_external_id else None
        elif asked.startswith(USER_NAME):
            found = asked.removeprefix(USER_NAME)
        else:
            found = world.ids.name("user", asked)
        if found is None or found not in world.members(course_id):
            raise NotThere("The specified user is not enrolled in the course")
        return found

    def trimmed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return trimmed(row, self.query.get("fields", ""))

    def pages_of(self, kind: str, found: Sequence[Any], write: Callable[[Any], dict[str, Any]]) -> Answer:
        """One page of `found`, of which only that page is written. Raises BadQuery."""
        asked, following = page(found, path=self.path, query=self.query, largest=self.pages[kind])
        results = [write(row) for row in asked]
        return Answer(200, {"results": results} if following is None else {"results": results, "paging": following})


Read = Callable[[Question], Answer]


def answer(read: Read, question: Question) -> Answer:
    """What Learn answers, also where it refuses."""
    try:
        with question.world.lock:
            return read(question)
    except BadQuery as problem:
        return error(400, str(problem))
    except NoRight:
        return error(403, NO_RIGHT)
    except NotThere as problem:
        return error(404, str(problem))


def course(question: Question) -> Answer:
    question.needs(privileges.COURSES)
    return Answer(200, question.trimmed(rows.course(question.world, *question.find_course(), question.privileges)))


def members(question: Question) -> Answer:
    _needs_members(question)
    course_id, _ = question.find_course()
    is_expanded = "user" in question.query.get("expand", "").split(",")

    def write(user: str) -> dict[str, Any]:
        return question.trimmed(rows.member(question.world, course_id, user, question.privileges, is_expanded))

    return question.pages_of("members", list(question.world.members(course_id)), write)


def member(question: Question) -> Answer:
    _needs_members(question)
    course_id, _ = question.find_course()
    user = question.find_member(course_id)
    is_expanded = "user" in question.query.get("expand", "").split(",")
    row = rows.member(question.world, course_id, user, question.privileges, is_expanded)
    return Answer(200, question.trimmed(row))


def _needs_members(question: Question) -> None:
    """Either privilege is enough."""
    if not question.privileges.has(privileges.MEMBERS):
        question.needs(privileges.ENROLMENTS)


def columns(question: Question) -> Answer:
    """A `name` in the query is looked for anywhere in the name, in capitals and small letters alike."""
    question.needs(privileges.GRADEBOOK)
    _, held = question.find_course()
    part = question.query.get("name", "").casefold()
    found = [(name, column) for name, column in held.all_columns() if part in name.casefold()]
    return question.pages_of("columns", found, lambda pair: question.trimmed(rows.column(question.world, held, *pair)))


def schemas(question: Question) -> Answer:
    question.needs(privileges.GRADEBOOK)
    question.find_course()
    return question.pages_of("schemas", rows.schemas(question.world), question.trimmed)


def grades(question: Question) -> Answer:
    """Users whose place was ever filled, in a fixed order; with `changeIndex` those that changed after it."""
    course_id, course, column = _readable_column(question)
    after = number(question.query, "changeIndex", 0) if "changeIndex" in question.query else None
    found = [
        user
        for user, grade in column.grades.items()
        if after is None or (grade.change_index > after and not column.is_calculated)
    ]
    shown = _visible(question, course_id, course, found)
    return question.pages_of("grades", shown, lambda user: rows.grade(question.world, column, user))


def last_changed(question: Question) -> Answer:
    """The grade with the highest `changeIndex`, or an empty object."""
    course_id, course, column = _readable_column(question)
    found = _visible(question, course_id, course, column.grades)
    if not found:
        return Answer(200, {})
    last = max(found, key=lambda user: column.grades[user].change_index)
    return Answer(200, rows.grade(question.world, column, last))


def grade(question: Question) -> Answer:
    """Where nothing was ever entered, an object that names the place alone."""
    course_id, course, column = _readable_column(question)
    user = question.find_member(course_id)
    if not _visible(question, course_id, course, [user]):
        raise NotThere("The specified user is not enrolled in the course")
    return Answer(200, rows.grade(question.world, column, user))


def changes(question: Question) -> Answer:
    """The log of a column, newest first unless the query says otherwise."""
    question.needs(privileges.GRADES, privileges.GRADEBOOK, privileges.GRADES_CHANGE)
    _, _, _, column = question.find_column()
    since, until = _moment(question.query, "since"), _moment(question.query, "until")
    sort = question.query.get("sort", "")
    if sort not in SORTS:
        raise BadQuery(f"Cannot sort by {sort}")
    found = [
        change
        for change in column.log
        if (since is None or change.at >= since) and (until is None or change.at <= until)
    ]
    found.sort(key=lambda change: (change.at, change.number), reverse=SORTS[sort])
    return question.pages_of(
        "changes", found, lambda change: question.trimmed(rows.change(question.world, column, change))
    )


def _readable_column(question: Question) -> tuple[str, Course, Column]:
    question.needs(privileges.GRADEBOOK, privileges.GRADES)
    course_id, course, _, column = question.find_column()
    if column.fields["anonymous"]:
        raise NoRight
    return course_id, course, column


def _visible(question: Question, course_id: str, course: Course, users: Iterable[str]) -> list[str]:
    """Those who are members; disabled ones only where the query asks for them, which takes one privilege more."""
    held = question.world.members(course_id)
    if question.query.get("includeDisabledMemberships", "").lower() == "true":
        question.needs(privileges.GRADES_CHANGE)
        return [user for user in users if user in held]
    disabled = rows.disabled(question.world, course_id)
    return [user for user in users if user in held and user not in disabled]


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError as problem:
        raise BadQuery(f"{name} must be a moment such as 2026-05-03T10:00:00.000Z") from problem
    if moment.tzinfo is None:
        raise BadQuery(f"{name} must name its zone, such as Z")
    return moment
