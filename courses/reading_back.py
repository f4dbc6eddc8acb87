"""What Learn's gradebook shows at places: a user in a column of a course. Reads, and never writes to Learn.

Courses, their members and their columns are read once by a reader. What Learn cannot say now (it is not reached, its
quota is used up) is raised and nothing follows from it; what it cannot say at all (a privilege is missing, a column is
anonymous, the answer is odd) is the problem of a reading, which is never taken for "no grade".
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from courses import quota
from courses.connection import gradebook
from courses.gradebook import (
    Change,
    Column,
    ColumnAnonymous,
    ColumnTwice,
    ColumnUnknown,
    Course,
    CourseUnknown,
    Grade,
    Member,
    NotEnrolled,
    NotReadable,
    Schema,
    Unreadable,
    column_named,
)
from courses.learn_http.calls import Call
from courses.learn_http.errors import Fault, LearnError, RequestRefused
from courses.models import ColumnReading
from courses.sentences import reason_of

T = TypeVar("T")

FEW = 2  # so many people of a column are asked for one by one: that takes no more calls than its list and its members
PROBLEMS = (CourseUnknown, ColumnUnknown, ColumnTwice, ColumnAnonymous, NotReadable, RequestRefused, Unreadable)
CLOCK_DIFFERENCE = timedelta(minutes=2)  # by which Learn's clock may differ from ours

RUN_SECONDS = 600.0  # a run ends then: the next one goes on
# Why a run ended early, as code and parameters
NO_CALLS_LEFT: Mapping[str, Any] = {"code": Fault.NO_CALLS_LEFT}
DELIVERIES_WAIT: Mapping[str, Any] = {"code": Fault.DELIVERIES_WAIT}
INTERRUPTED: Mapping[str, Any] = {"code": Fault.INTERRUPTED}


class NoCallsLeft(Exception):
    """The reader has made as many calls as it may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What Learn shows of one user in one column."""

    read_at: datetime
    grade: Grade | None = None  # None: none is shown, or there is a problem
    points: Decimal | None = None  # of the column
    problem: Mapping[str, Any] | None = None  # why it could not be read: code and parameters
    absence: Mapping[str, Any] | None = None  # why none is shown, where more is known than that


class Reader:
    """Reads for one run, bounded in time (`until`, a time.monotonic() moment) and in calls: at most one more than
    `most_calls`. Not thread-safe.

    Every method raises NoCallsLeft, and the LearnErrors that say nothing about the gradebook: Unavailable,
    CredentialsRefused, NotInstalled, QuotaUsedUp.
    """

    def __init__(self, *, until: float, most_calls: int | None = None) -> None:
        self.calls: list[Call] = []
        self.made = 0  # calls, also those that are in the call log by now
        self.until = until
        self._most_calls, self._spare = most_calls, 0
        self._read: dict[tuple[str, str], dict[str, Any]] = {}  # how far, by course id and column name
        self._gradebook = gradebook()
        self._courses: dict[str, Course | LearnError] = {}
        self._columns: dict[str, list[Column] | LearnError] = {}
        self._schemas: dict[str, list[Schema] | LearnError] = {}
        self._parents: dict[str, Course | LearnError] = {}
        self._members: dict[str, dict[str, Member] | LearnError] = {}
        self._asked: dict[tuple[str, str], Member] = {}  # by course id and batch uid
        self._hidden: set[str] = set()  # courses with students whose batch uid Learn does not show

    def read(self, course_id: str, column_name: str, users: Collection[str], *, few: int = FEW) -> dict[str, Reading]:
        """What Learn shows of these users in the column, by user. Up to `few` are asked for one by one."""
        if len(users) > few:
            return self.read_column(course_id, column_name, users)
        try:
            course, column = self.find(course_id, column_name)
            return {user: self._read_one(course, column, user) for user in users}
        except PROBLEMS as error:
            return problem(error, users)

    def read_column(self, course_id: str, column_name: str, users: Collection[str]) -> dict[str, Reading]:
        """The same from the list of all grades of the column, so that the next look needs only what changes later, if
        the column is remembered.
        """
        name, began_at = (course_id, column_name), timezone.now()
        try:
            course, column = self.find(course_id, column_name)
            grades = self._ask(lambda: self._gradebook.grades(course, column.id, **self._bounds))
            found = self._by_user(course, column, grades, users, began_at)
        except PROBLEMS as error:
            self._read[name] = {"read_at": began_at, "change_index": None, "problem": reason_of(error)}
            return problem(error, users)
        index = None if column.is_calculated else read_to_the_end(grades, began_at)
        ids = {"learn_course": course.id, "learn_column": column.id}
        self._read[name] = {"read_at": began_at, **ids, "change_index": index, "problem": {}}
        return found

    def look(self, last: ColumnReading, users: Collection[str]) -> dict[str, Reading]:
        """What has changed in the column since it was last read, of these users: one call while nothing has."""
        name = last.course_id, last.column_name
        if last.change_index is None or not last.learn_column:
            return self.read_column(*name, users)
        began_at = timezone.now()
        course, column_id = stub_of(last)
        try:
            newest = self._ask(lambda: self._gradebook.last_changed(course, column_id, **self._bounds))
            index = (newest.change_index if newest else 0) or 0
            if index == last.change_index:
                self._read[name] = {"read_at": began_at}
                return {}
            if index < last.change_index:  # another column by now
                return self.read_column(*name, users)
            course, column = self.find(*name)
            changed = self._ask(
                lambda: self._gradebook.grades(course, column.id, changed_after=last.change_index, **self._bounds)
            )
            people = self._members_of(course)
            changed_ids = {grade.user_id for grade in changed}
            theirs = [user for user in users if user in people and people[user].user_id in changed_ids]
            found = self._by_user(course, column, changed, theirs, began_at)
        except PROBLEMS:  # its id may be another by now: what it is called says what has become of it
            return self.read_column(*name, users)
        read = read_to_the_end(changed, began_at)  # what changed last may be the grade of someone whom Learn leaves out
        self._read[name] = {"read_at": began_at, "change_index": None if read is None else max(read, index)}
        return found

    def remember(self, course_id: str, column_name: str) -> None:
        """Write down how far the column was read, for the next look begins there. Call it once all that was found is
        recorded: what was changed before would not be found again.
        """
        if values := self._read.pop((course_id, column_name), None):
            ColumnReading.objects.update_or_create(course_id=course_id, column_name=column_name, defaults=values)

    def changes(self, course_id: str, column_name: str, *, since: datetime) -> list[Change]:
        """The column's log since then, the newest first; empty where it cannot be read."""
        try:
            course, column = self.find(course_id, column_name)
            return self._ask(
                lambda: self._gradebook.changes(course, column.id, since=since, until_time=None, **self._bounds)
            )
        except PROBLEMS:
            return []

    def user_id_of(self, course_id: str, learn_user_id: str) -> str | None:
        """Learn's own id of a member, where the members have been read."""
        people = self._members.get(self._id_of(course_id))
        return people[learn_user_id].user_id if isinstance(people, dict) and learn_user_id in people else None

    def find(self, course_id: str, column_name: str) -> tuple[Course, Column]:
        """The course, or the one that it is merged into, and the column of that name. Raises PROBLEMS."""
        return self.course(course_id), column_named(self.columns(course_id), column_name)

    def course(self, course_id: str) -> Course:
        """The course; of one that is merged into another, that one's id, where its grades are. Raises PROBLEMS."""
        call = partial(self._gradebook.course, course_id, **self._bounds)
        course = self._once(self._courses, course_id, call, is_one=True)
        return replace(course, id=course.parent_id) if course.parent_id else course

    def parent(self, course_id: str) -> Course | None:
        """The course that it is merged into; None: into none. Raises PROBLEMS."""
        course = self.course(course_id)
        if course.parent_id is None:
            return None
        call = partial(self._gradebook.course_of_id, course.id, **self._bounds)
        return self._once(self._parents, course.id, call, is_one=True)

    def columns(self, course_id: str) -> list[Column]:
        """All of the course. Raises PROBLEMS."""
        course = self.course(course_id)
        return self._once(self._columns, course.id, lambda: self._gradebook.columns(course, **self._bounds))

    def schemas(self, course_id: str) -> list[Schema]:
        """All that columns of the course can have. Raises PROBLEMS."""
        course = self.course(course_id)
        return self._once(self._schemas, course.id, lambda: self._gradebook.schemas(course, **self._bounds))

    def members(self, course_id: str) -> tuple[dict[str, Member], bool]:
        """All members by batch uid; and whether Learn hides the batch uid of some, so that who is not among them may be
        a member all the same. Raises PROBLEMS.
        """
        course = self.course(course_id)
        people = self._members_of(course)
        return people, course.id in self._hidden

    def member(self, course_id: str, learn_user_id: str) -> Member:
        """One member, without a list of all. Raises PROBLEMS, and NotEnrolled."""
        course, key = self.course(course_id), (course_id, learn_user_id)
        if key not in self._asked:
            self._asked[key] = self._ask_one(lambda: self._gradebook.member(course, learn_user_id, **self._bounds))
        return self._asked[key]

    def grade(self, course_id: str, column: Column, learn_user_id: str) -> Grade | None:
        """What Learn shows of one user in the column; None: nothing was entered. Raises PROBLEMS, and NotEnrolled."""
        course = self.course(course_id)
        return self._ask_one(lambda: self._gradebook.grade(course, column, learn_user_id, **self._bounds))

    def log(self) -> None:
        """Write the calls that were made into the call log."""
        quota.log_calls(self.calls)
        self.calls = []

    def share_calls(self) -> None:
        """Log the calls, and go on with what others that read at the same time have left of the day's share."""
        self.log()
        self._most_calls = self.made + calls_to_read() - 1

    # How it is read

    @property
    def _bounds(self) -> dict[str, Any]:
        return {"until": self.until, "observe": self._observe}

    def _observe(self, call: Call) -> None:
        """A list may have any number of pages: it is given up with the first call that is too many."""
        self.calls.append(call)
        self.made += 1
        if self._most_calls is not None and self.made > self._most_calls + self._spare:
            raise NoCallsLeft

    def _ask(self, call: Callable[[], T]) -> T:
        if self._most_calls is not None and self.made >= self._most_calls + self._spare:
            raise NoCallsLeft
        return call()

    def _ask_one(self, call: Callable[[], T]) -> T:
        """What has one answer, without further pages: it may be the one call more."""
        self._spare = 1
        try:
            return self._ask(call)
        finally:
            self._spare = 0

    def _once(self, known: dict[str, Any], key: str, call: Callable[[], T], *, is_one: bool = False) -> T:
        """What `call` returns or raises of PROBLEMS, asked once a run. `is_one`: it has no further pages."""
        if key not in known:
            try:
                known[key] = self._ask_one(call) if is_one else self._ask(call)
            except PROBLEMS as error:
                known[key] = error
        found: Any = known[key]
        if isinstance(found, LearnError):
            raise found
        return found  # type: ignore[no-any-return]

    def _id_of(self, course_id: str) -> str:
        course = self._courses.get(course_id)
        return (course.parent_id or course.id) if isinstance(course, Course) else ""

    def _members_of(self, course: Course) -> dict[str, Member]:
        """By batch uid. Raises PROBLEMS."""

        def read() -> dict[str, Member]:
            members = self._gradebook.members(course, **self._bounds)
            if any(member.learn_user_id is None and (member.is_student or member.is_hidden) for member in members):
                self._hidden.add(course.id)
            return {member.learn_user_id: member for member in members if member.learn_user_id}

        return self._once(self._members, course.id, read)

    def _read_one(self, course: Course, column: Column, user: str) -> Reading:
        if column.is_anonymous:
            raise ColumnAnonymous
        read_at = timezone.now()
        try:
            grade = self._ask(lambda: self._gradebook.grade(course, column.id, user, **self._bounds))
        except NotEnrolled:
            return self._read_absent(course, user, read_at)
        except Unreadable as error:
            return Reading(read_at=read_at, problem=reason_of(error))
        return Reading(read_at=read_at, grade=grade, points=column.points)

    def _read_absent(self, course: Course, user: str, read_at: datetime) -> Reading:
        """Learn shows the grade of a member who is disabled as little as that of somebody who is none."""
        try:
            self._ask(lambda: self._gradebook.member(course, user, **self._bounds))
        except NotEnrolled as error:
            return Reading(read_at=read_at, absence=reason_of(error))
        except PROBLEMS as error:
            return Reading(read_at=read_at, problem=reason_of(error))
        return Reading(read_at=read_at, problem={"code": Fault.MEMBER_DISABLED})

    def _by_user(
        self, course: Course, column: Column, grades: Iterable[Grade], users: Collection[str], read_at: datetime
    ) -> dict[str, Reading]:
        people, by_id = self._members_of(course), {grade.user_id: grade for grade in grades}
        found = {}
        for user in users:
            member = people.get(user)
            if member is None and course.id in self._hidden:
                found[user] = Reading(read_at=read_at, problem={"code": Fault.USER_HIDDEN})
            elif member is None:
                found[user] = Reading(read_at=read_at, absence={"code": Fault.NOT_ENROLLED})
            elif (grade := by_id.get(member.user_id)) is None and not member.is_available:
                # Learn leaves out the grades of disabled members unless a further privilege is given.
                found[user] = Reading(read_at=read_at, problem={"code": Fault.MEMBER_DISABLED})
            else:
                found[user] = Reading(read_at=read_at, grade=grade, points=column.points)
        return found


def calls_to_read() -> int:
    """How many calls may still be made today to read: a share of them, so that deliveries have theirs."""
    now = timezone.now()
    return 0 if quota.lifts_at(now) else quota.calls_for_reading(now, share=settings.PROVE_SHARE)


def stub_of(last: ColumnReading) -> tuple[Course, str]:
    """As far as a call asks of them."""
    course = Course(
        id=last.learn_course,
        course_id=last.course_id,
        name="",
        is_ultra=None,
        is_completed=False,
        availability="",
        has_children=False,
        parent_id=None,
    )
    return course, last.learn_column


def problem(error: LearnError, users: Iterable[str]) -> dict[str, Reading]:
    reading = Reading(read_at=timezone.now(), problem=reason_of(error))
    return dict.fromkeys(users, reading)


def read_to_the_end(grades: Collection[Grade], began_at: datetime) -> int | None:
    """The change up to which all have been read. None: one may have come between two pages, and been missed."""
    if not grades:
        return 0
    newest = max(grades, key=lambda grade: grade.change_index or 0)
    if newest.change_index is None:
        return None
    is_older = newest.changed_at is not None and newest.changed_at < began_at - CLOCK_DIFFERENCE
    return newest.change_index if len(grades) <= ONE_PAGE or is_older else None


ONE_PAGE = 25  # so many come in one answer, whatever largest page the site accepts
