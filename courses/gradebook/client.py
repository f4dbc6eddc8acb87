"""Gradebook: what Learn's public API says is in the gradebook. It asks with GET alone, so it changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from courses.gradebook import reading
from courses.gradebook.answers import Body, body_of, lost
from courses.gradebook.errors import (
    ColumnAnonymous,
    ColumnTwice,
    ColumnUnknown,
    CourseUnknown,
    NotEnrolled,
    NotReadable,
    Unreadable,
)
from courses.gradebook.paging import MAX_PAGE_BYTES, ROOT, Pages
from courses.gradebook.records import Change, Column, Course, Grade, Member, Schema
from courses.learn_http.calls import Observe, ignore
from courses.learn_http.errors import Fault, LearnError, RequestRefused
from courses.learn_http.site import Site
from courses.learn_http.transport import StaleConnection

COURSE_FIELDS = "id,externalId,courseId,name,ultraStatus,closedComplete,availability,hasChildren,parentId"
MEMBER_FIELDS = "userId,childCourseId,availability,courseRoleId,user.externalId,user.userName,user.name"

# The names of the calls in the call log
COURSE, MEMBERS, MEMBER, COLUMNS, SCHEMAS = "course", "members", "member", "columns", "schemas"
GRADES, LAST_CHANGED, GRADE, CHANGES = "grades", "lastChanged", "grade", "changes"
SERVICES = (COURSE, MEMBERS, MEMBER, COLUMNS, SCHEMAS, GRADES, LAST_CHANGED, GRADE, CHANGES)

# Rows in a page, the largest first. Which Learn refuses differs by call and by release, and it says so with 400.
PAGE_SIZES = {MEMBERS: (200, 100, 50, 25), COLUMNS: (200, 100, 50, 25), GRADES: (100, 50, 25), CHANGES: (100, 50, 25)}

T = TypeVar("T")
Row = Callable[[reading.Fields], T]


class Gradebook:
    """The gradebook of one Learn site. Thread-safe; one for a process, over the Site that all clients of Learn share.

    Every call takes `until`, a time.monotonic() moment beyond which no call goes, and `observe`, which receives each
    call that is made; it raises a LearnError, and never returns a part of a list.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._page_sizes = dict(PAGE_SIZES)  # what Learn has not refused so far

    def course(self, course_id: str, *, until: float, observe: Observe = ignore) -> Course:
        """By its batch uid. Raises CourseUnknown."""
        unknown = CourseUnknown(course_id)
        path = f"/v3/courses/{by_batch_uid(course_id, unknown)}?fields={COURSE_FIELDS}"
        row = partial(reading.course, course_id=course_id)
        return self._one(COURSE, path, row, absent=unknown, until=until, observe=observe)

    def course_of_id(self, own_id: str, *, until: float, observe: Observe = ignore) -> Course:
        """By Learn's own id, such as the `parent_id` of another. Its `course_id` is empty where Learn hides it."""
        path = f"/v3/courses/{own_id}?fields={COURSE_FIELDS}"
        row = partial(reading.course, course_id=None)
        return self._one(COURSE, path, row, absent=CourseUnknown(own_id), until=until, observe=observe)

    def check(self, course_id: str, *, until: float, observe: Observe = ignore) -> None:
        """Raises LearnError unless columns of the course, by its batch uid, can be read. One call."""
        unknown = CourseUnknown(course_id)
        path = f"/v2/courses/{by_batch_uid(course_id, unknown)}/gradebook/columns?limit=1"
        read = partial(Pages().read, ROOT + path)
        self._get(COLUMNS, ROOT + path, read, absent=unknown, denied=NotReadable(), until=until, observe=observe)

    def members(self, course: Course, *, until: float, observe: Observe = ignore) -> list[Member]:
        """Everybody in it, but for those whose enrolment is disabled where Learn leaves them out."""
        path = f"/v1/courses/{course.id}/users?expand=user&fields={MEMBER_FIELDS}"
        found = self._list(MEMBERS, path, reading.member_and_key, absent=unknown(course), until=until, observe=observe)
        is_hidden = bool(found) and not any(has_key for _, has_key in found)
        return unique([replace(member, is_hidden=is_hidden) for member, _ in found], lambda member: member.user_id)

    def member(self, course: Course, learn_user_id: str, *, until: float, observe: Observe = ignore) -> Member:
        """One person, by batch uid. Raises NotEnrolled, also where Learn knows no such person."""
        person = by_batch_uid(learn_user_id, NotEnrolled())
        path = f"/v1/courses/{course.id}/users/{person}?expand=user&fields={MEMBER_FIELDS}"
        row = partial(reading.member, asked=learn_user_id)
        return self._one(MEMBER, path, row, absent=NotEnrolled(), until=until, observe=observe)

    def columns(self, course: Course, *, until: float, observe: Observe = ignore) -> list[Column]:
        path = f"/v2/courses/{course.id}/gradebook/columns"
        found = self._list(COLUMNS, path, reading.column, absent=unknown(course), until=until, observe=observe)
        return unique(found, lambda column: column.id)

    def schemas(self, course: Course, *, until: float, observe: Observe = ignore) -> list[Schema]:
        path = f"/v1/courses/{course.id}/gradebook/schemas"
        found = self._list(SCHEMAS, path, reading.schema, absent=unknown(course), until=until, observe=observe)
        return unique(found, lambda schema: schema.id)

    def grades(
        self,
        course: Course,
        column: Column | str,
        *,
        changed_after: int | None = None,
        until: float,
        observe: Observe = ignore,
    ) -> list[Grade]:
        """All of a column, given whole or by its id; `changed_after`: only those with a higher change index.

        Raises ColumnUnknown; ColumnAnonymous where the column was given whole, else NotReadable.
        """
        path = f"{of_column(course, column)}/users"
        if changed_after is not None:
            path += f"?changeIndex={changed_after}"
        row = partial(reading.grade, column_id=id_of(column))
        found = self._list(GRADES, path, row, absent=gone(), denied=denied(column), until=until, observe=observe)
        return unique(found, lambda grade: grade.user_id)

    def last_changed(
        self, course: Course, column: Column | str, *, until: float, observe: Observe = ignore
    ) -> Grade | None:
        """The grade with the highest change index; None: the column was never graded. Raises as `grades` does."""

        def take(body: Body, size: int) -> Grade | None:
            if body in (None, {}):
                return None
            return reading.grade(reading.an_object(body), column_id=id_of(column))

        path = f"{ROOT}{of_column(course, column)}/users/lastChanged"
        return self._get(LAST_CHANGED, path, take, absent=gone(), denied=denied(column), until=until, observe=observe)

    def grade(
        self, course: Course, column: Column | str, learn_user_id: str, *, until: float, observe: Observe = ignore
    ) -> Grade:
        """One person's, by batch uid; it is empty where nothing was entered.

        Raises as `grades` does. A 404 that does not name the column is NotEnrolled.
        """
        person = by_batch_uid(learn_user_id, NotEnrolled())
        path = f"{of_column(course, column)}/users/{person}"
        row = partial(reading.grade, column_id=id_of(column))

        def absent(message: str) -> LearnError:
            return gone() if "column" in message.lower() else NotEnrolled()

        return self._one(GRADE, path, row, absent=absent, denied=denied(column), until=until, observe=observe)

    def changes(
        self,
        course: Course,
        column: Column | str,
        *,
        since: datetime | None,
        until_time: datetime | None,
        until: float,
        observe: Observe = ignore,
    ) -> list[Change]:
        """The log of a column between two aware moments, newest first. Raises as `grades` does."""
        bounds = {"since": since, "until": until_time}
        query = "".join(f"&{name}={written(at)}" for name, at in bounds.items() if at)
        path = f"{of_column(course, column, version='v1')}/logs?sort=logged(desc){query}"
        return self._list(
            CHANGES, path, reading.change, absent=gone(), denied=denied(column), until=until, observe=observe
        )

    def _one(
        self,
        service: str,
        path: str,
        row: Row[T],
        *,
        absent: LearnError | Callable[[str], LearnError],
        denied: LearnError | None = None,
        until: float,
        observe: Observe,
    ) -> T:
        def take(body: Body, size: int) -> T:
            return row(reading.an_object(body))

        return self._get(
            service, ROOT + path, take, absent=absent, denied=denied or NotReadable(), until=until, observe=observe
        )

    def _list(
        self,
        service: str,
        path: str,
        row: Row[T],
        *,
        absent: LearnError,
        denied: LearnError | None = None,
        until: float,
        observe: Observe,
    ) -> list[T]:
        """All rows of all pages."""
        pages, found = Pages(), list[T]()

        def page(path: str) -> str:
            def take(body: Body, size: int) -> tuple[list[T], str]:
                rows, following = pages.read(path, body, size)
                return [row(fields) for fields in rows], following

            rows, following = self._get(
                service, path, take, absent=absent, denied=denied or NotReadable(), until=until, observe=observe
            )
            found.extend(rows)
            return following

        following = self._first_page(service, ROOT + path, page)
        while following:
            following = page(following)
        return found

    def _first_page(self, service: str, path: str, page: Callable[[str], str]) -> str:
        """What `page` returns, for the largest page that Learn does not refuse, which is remembered."""
        sizes = self._page_sizes.get(service)
        if not sizes:
            return page(path)
        joint = "&" if "?" in path else "?"
        for place, size in enumerate(sizes):
            try:
                following = page(f"{path}{joint}limit={size}")
            except RequestRefused as refused:
                if refused.params.get("status") != 400 or size == sizes[-1]:
                    raise
            else:
                self._page_sizes[service] = sizes[place:]
                return following
        raise AssertionError("the smallest page returns or raises")

    def _get(
        self,
        service: str,
        path: str,
        take: Callable[[Body, int], T],
        *,
        absent: LearnError | Callable[[str], LearnError],
        denied: LearnError,
        until: float,
        observe: Observe,
    ) -> T:
        """What `take` makes of the body and its size in bytes. `absent` is what a 404 means, `denied` what a 403 does.

        A connection that Learn had closed costs a second call over a new one.
        """
        read = partial(body_of, take, absent=absent, denied=denied)
        get = partial(
            self._site.get, service, path, read, until=until, observe=observe, most_bytes=MAX_PAGE_BYTES, lost=lost
        )
        try:
            return get()
        except StaleConnection:
            return get(fresh_connection=True)


def column_named(columns: Iterable[Column], name: str) -> Column:
    """The one with exactly this name. Raises ColumnUnknown or ColumnTwice."""
    found = [column for column in columns if column.name == name]
    if not found:
        raise ColumnUnknown(Fault.NO_SUCH_COLUMN, name=name)
    if len(found) > 1:
        raise ColumnTwice(name)
    return found[0]


def by_batch_uid(uid: str, otherwise: LearnError) -> str:
    """A segment of an address. What no address can name raises `otherwise`: Learn has nothing of that name."""
    try:
        segment = quote(uid, safe="")
    except UnicodeEncodeError as error:
        raise otherwise from error
    if not uid or "\0" in uid:
        raise otherwise
    return f"externalId:{segment}"


def unknown(course: Course) -> CourseUnknown:
    return CourseUnknown(course.course_id)


def gone() -> ColumnUnknown:
    return ColumnUnknown(Fault.COLUMN_GONE)


def denied(column: Column | str) -> LearnError:
    return ColumnAnonymous() if isinstance(column, Column) and column.is_anonymous else NotReadable()


def id_of(column: Column | str) -> str:
    return column.id if isinstance(column, Column) else column


def of_column(course: Course, column: Column | str, *, version: str = "v2") -> str:
    if not reading.ID.fullmatch(id_of(column)):
        raise gone()
    return f"/{version}/courses/{course.id}/gradebook/columns/{id_of(column)}"


def unique(rows: list[T], key: Callable[[T], str]) -> list[T]:
    """The rows. One that comes twice shows that rows moved between pages, so that another may have been left out."""
    if len({key(row) for row in rows}) < len(rows):
        raise Unreadable(Fault.LIST_CHANGED)
    return rows


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
