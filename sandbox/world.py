"""What the sandbox Learn holds: grading schemas, courses, who is enrolled, columns and their values.

As JSON (`World.as_json`, `World.replace`, `World.merge`); every key below a name may be left out:

    {"schemas": {"Pass-Fail": {"symbols": "P=50:F=0", "optionalData": "sisSchemaID=PF"}},
     "courses": {"BIO101-2026": {"experience": "ORIGINAL",
                                 "users": ["s1001", "s1002"],
                                 "metadata": {"s1002": "EnrollType=Audit"},
                                 "externalGrade": "Final Grade",
                                 "columns": {"Final Grade": {"points": 100.0,
                                                             "schema": "Pass-Fail",
                                                             "values": {"s1001": "P"},
                                                             "itemType": "MANUAL_COLUMN",
                                                             "dueDate": "2026-05-31",
                                                             "copies": []}}}}}

`experience` is ULTRA or ORIGINAL. `points` null makes a text column, which takes any value. `schema` null makes a plain
number column. In `symbols` the lower bound may be left out (`P=50:F=0:U`). Values are text, exactly as they were sent.

`metadata` is the `optionalData` of a user's enrolment as it was last sent. `externalGrade` names a column, or is null.
Beside `itemType` (MANUAL_COLUMN where it is left out) and `dueDate` a column has the other fields of gradableItemsAPI,
by their names there; one that was not set has the document's default: "", false, -1 attempts, null for a day or a
number.

`copies` are further columns of the same name, oldest first, each like a column without `copies`. A name means the
oldest column to every service: that one takes values, and that one is deleted, after which the next takes its
place.

What only the public API of Learn shows is written where it is not as usual:

    {"people": {"s1001": {"name": "Ada Berg"}, "guest7": {"hasExternalId": false}},
     "courses": {"BIO101-2026": {"courseId": "BIO101", "name": "Biology", "available": "Term", "closedComplete": true},
                 "BIO101-A": {"parent": "BIO101-2026",
                              "users": ["s1003"],
                              "memberships": {"s1003": {"available": "Disabled", "role": "Student"}},
                              "columns": {"Oral": {"shownAs": "percent",
                                                   "flags": {"s1003": {"exempt": true,
                                                                       "corrupt": true,
                                                                       "notation": "Withdrawn"}}}}}}}

A course with a `parent` is merged into it: its users are members of the parent too, and a value for a column that the
parent has is a value there. `closedComplete` makes Grades Journey refuse values. `available` is Yes, No, Disabled or
Term for a course, and Yes, No or Disabled for a member. `shownAs` is text, score or percent; without it a column with
a schema shows symbols, one with points scores, and any other text. A person without an external id is a member whom
Grades Journey does not find. A `notation` is shown in place of the value.

A state is held as it is given, also where a service would not have made it so: the restrictions are for items alone.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count, zip_longest
from typing import Any

from sandbox import gradable_items, state
from sandbox.gradebook import Change, Column, Course, Grade, Person, Refused, Schema
from sandbox.ids import Ids
from sandbox.showing import display_grade
from sandbox.state import Senseless, listed

NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
DUPLICATE_COLUMNS = ("refuse", "create")
INTEGRATION = "gradebridge-integration"  # who the log says has sent what came from Grades Journey
NOBODY = Person()


class World:
    """Everything Learn holds. Any number of threads may read and write it at once.

    `schemas`, `courses`, `people` and `ids` are to be looked at while `lock` is held, and changed by methods alone.
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Holds `given` (the JSON shape above), or nothing. Raises Senseless."""
        self.duplicate_columns = "refuse"  # or "create": what becomes of an item whose name the course has already
        self.lock = threading.RLock()
        self.ids = Ids()
        self.schemas: dict[str, Schema] = {}
        self.courses: dict[str, Course] = {}
        self.people: dict[str, Person] = {}
        self._changes = count(1)
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        self._members: dict[str, dict[str, str | None]] = {}
        self._sent: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        if given is not None:
            self.replace(given)

    # What the services do. Each raises Refused.

    def set_value(self, *, course_id: str, column_name: str, user_id: str, value: str) -> None:
        """Sets one user's value in one column."""
        with self.lock:
            course, home = self._course(course_id), self._home(course_id, column_name)
            column = self._column(home, column_name)
            self._refuse_stranger(user_id, course_id)
            if course.is_completed or self.courses[home].is_completed:
                raise Refused(f"Course {course_id} is completed and takes no values")
            if column.is_calculated:
                raise Refused(f"Column {column_name} is calculated by Learn and takes no values")
            self._refuse_unfit(value, column)
            self._write(column, user_id, value, by=INTEGRATION)
            self._sent[home, column_name, user_id].append(value)

    def add_schema(self, title: str, schema: Schema) -> None:
        with self.lock:
            if title in self.schemas:
                raise Refused(f"Grade schema {title} already exists")
            self.schemas[title] = schema

    def add_column(self, course_id: str, name: str, column: Column) -> None:
        """A second column of one name is refused or made, as `duplicate_columns` says."""
        with self.lock:
            course = self._course(course_id)
            gradable_items.refuse_unfit(column, course, self.schemas)
            column.id = self.ids.new("column")
            if name not in course.columns:
                course.columns[name] = column
            elif self.duplicate_columns == "create":
                course.columns[name].copies.append(column)
            else:
                raise Refused(f"Column {name} already exists in course {course_id}")

    def delete_column(self, course_id: str, name: str) -> None:
        """Deletes the oldest column of the name, with its values. A deleted column is no external grade any more."""
        with self.lock:
            course, column = self._course(course_id), self._column(course_id, name)
            if column.copies:
                course.columns[name], *others = column.copies
                course.columns[name].copies = others
            else:
                del course.columns[name]
            if course.external_grade == name:
                course.external_grade = None

    def set_external_grade(self, course_id: str, column_name: str) -> None:
        """Makes a column the external grade of its course, in place of any other."""
        with self.lock:
            course = self._course(course_id)
            if course.is_ultra:
                raise Refused("An external grade column can be set in Original courses only")
            self._column(course_id, column_name)
            course.external_grade = column_name

    def set_metadata(self, *, course_id: str, user_id: str, optional_data: str) -> None:
        """Sets the data of one user's enrolment, in place of any other."""
        with self.lock:
            course = self._course(course_id)
            self._refuse_stranger(user_id, course_id)
            course.metadata[user_id] = optional_data

    def _course(self, course_id: str) -> Course:
        course = self.courses.get(course_id)
        if course is None:
            raise Refused(f"Course {course_id} does not exist")
        return course

    def _column(self, course_id: str, name: str) -> Column:
        column = self._course(course_id).columns.get(name)
        if column is None:
            raise Refused(f"Column {name} does not exist in course {course_id}")
        return column

    def _home(self, course_id: str, column_name: str) -> str:
        """The course where values of this column are: for a merged course, its parent where that has the column."""
        course = self.courses.get(course_id)
        parent = self.courses.get(course.parent) if course is not None and course.parent is not None else None
        if course is None or course.parent is None or parent is None or column_name not in parent.columns:
            return course_id
        return course.parent

    def _refuse_stranger(self, user: str, course_id: str) -> None:
        if user not in self.members(course_id) or not self.people.get(user, NOBODY).has_external_id:
            raise Refused(f"User {user} is not enrolled in course {course_id}")

    def _write(
        self,
        column: Column,
        user: str,
        value: str | None,
        *,
        by: str,
        at: datetime | None = None,
        override: bool = False,
    ) -> None:
        """Sets or clears a value, and writes the column's log."""
        at = at or datetime.now(UTC)
        previous = column.values.get(user)
        if value is None:
            column.values.pop(user, None)
        else:
            column.values[user] = value
        grade = column.grades.setdefault(user, Grade())
        grade.notation, grade.is_override = None, override
        self._touch(grade, at)
        column.log.append(Change(number=grade.change_index, at=at, user=user, by=by, value=value, previous=previous))

    def _touch(self, grade: Grade, at: datetime) -> None:
        grade.change_index = next(self._changes)
        grade.first_at, grade.last_at = grade.first_at or at, at

    def _refuse_unfit(self, value: str, column: Column) -> None:
        is_number = column.points is not None and NUMBER.fullmatch(value) and float(value) <= column.points
        if column.schema is None:
            if column.points is not None and not is_number:
                raise Refused(f"{value} is not a number from 0 to {column.points:g}")
            return
        schema = self.schemas[column.schema]
        if value not in schema.names and not (schema.has_bounds and is_number):
            raise Refused(f"{value} is not a symbol of the grading schema {column.schema}")

    # What a teacher changes by hand in Learn. Each raises Senseless.

    def type_grade(
        self,
        course_id: str,
        column_name: str,
        user: str,
        value: str | None,
        *,
        by: str = "teacher",
        at: datetime | None = None,
    ) -> None:
        """Sets a value as a teacher does, or clears it (None). It is an override, and in the log of the column."""
        with self.lock:
            column = self._column_for_hand(course_id, column_name, user)
            if value is not None:
                try:
                    self._refuse_unfit(value, column)
                except Refused as refusal:
                    raise Senseless(f"{refusal}.") from refusal
            self._write(column, user, value, by=by, at=at, override=value is not None)

    def flag_grade(
        self,
        course_id: str,
        column_name: str,
        user: str,
        *,
        exempt: bool | None = None,
        corrupt: bool | None = None,
        notation: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Marks a grade as exempt or corrupt, or puts a notation ("": none) in its place. None leaves as it is."""
        with self.lock:
            column = self._column_for_hand(course_id, column_name, user)
            grade = column.grades.setdefault(user, Grade())
            grade.is_exempt = grade.is_exempt if exempt is None else exempt
            grade.is_corrupt = grade.is_corrupt if corrupt is None else corrupt
            grade.notation = grade.notation if notation is None else notation or None
            self._touch(grade, at or datetime.now(UTC))

    def _column_for_hand(self, course_id: str, column_name: str, user: str) -> Column:
        column = self._named_column(course_id, column_name)
        if user not in self.members(course_id):
            raise Senseless(f"'{user}' is not a member of '{course_id}'.")
        return column

    # What tests and people look at.

    def members(self, course_id: str) -> dict[str, str | None]:
        """User -> the merged course that the user comes from, or None; in a fixed order. Not to be changed."""
        with self.lock:
            if course_id not in self._members:
                found: dict[str, str | None] = dict.fromkeys(self.courses[course_id].users)
                for child in self._children[course_id]:
                    found = {**dict.fromkeys(self.courses[child].users, child), **found}
                self._members[course_id] = {user: found[user] for user in sorted(found)}
            return self._members[course_id]

    def has_children(self, course_id: str) -> bool:
        return bool(self._children.get(course_id))

    def shown(self, course_id: str, column_name: str, user: str) -> dict[str, Any] | None:
        """What Learn shows there: `{"scaleType", "score", "possible", "text"}`, each where there is one; or None."""
        with self.lock:
            column = self._named_column(course_id, column_name)
            return display_grade(column, self.schema_of(column), user)

    def log(self, course_id: str, column_name: str) -> list[Change]:
        """The log of a column, oldest first. Raises Senseless."""
        with self.lock:
            return list(self._named_column(course_id, column_name).log)

    def schema_of(self, column: Column) -> Schema | None:
        return None if column.schema is None else self.schemas[column.schema]

    def value(self, course_id: str, column_name: str, user_id: str) -> str | None:
        """The value that stands in the column, or None."""
        return self.values(course_id, column_name).get(user_id)

    def values(self, course_id: str, column_name: str) -> dict[str, str]:
        """User -> value. Raises Senseless for a course or column that Learn does not hold."""
        with self.lock:
            return dict(self._named_column(course_id, column_name).values)

    def _named_column(self, course_id: str, column_name: str) -> Column:
        course = self.courses.get(course_id)
        if course is None:
            raise Senseless(f"There is no course '{course_id}'. Courses: {listed(self.courses)}.")
        home = self.courses[self._home(course_id, column_name)]
        if column_name not in home.columns:
            raise Senseless(f"'{course_id}' has no column '{column_name}'. Columns: {listed(course.columns)}.")
        return home.columns[column_name]

    def sent(self, course_id: str, column_name: str, user_id: str) -> list[str]:
        """Every value that calls have set there, oldest first: two entries show a double send."""
        with self.lock:
            return list(self._sent.get((self._home(course_id, column_name), column_name, user_id), ()))

    @property
    def writes(self) -> int:
        """How many values calls have set in all."""
        with self.lock:
            return sum(map(len, self._sent.values()))

    def as_json(self) -> dict[str, Any]:
        with self.lock:
            return state.written(self.schemas, self.courses, self.people)

    def replace(self, given: Mapping[str, Any]) -> None:
        """Holds `given` and nothing else; forgets what was sent. All or nothing. Raises Senseless."""
        with self.lock:
            schemas, courses, people = state.read(given)
            self.courses = {}
            self._hold(schemas, courses, people)
            self._sent.clear()

    def merge(self, given: Mapping[str, Any]) -> None:
        """Adds `given` to what is held: names are added or changed, users and copies added. All or nothing.

        A column stays the same column, with its id, its log and the grades that do not change. Raises Senseless.
        """
        with self.lock:
            self._hold(*state.read(state.merged(self.as_json(), given)))

    def _hold(self, schemas: dict[str, Schema], courses: dict[str, Course], people: dict[str, Person]) -> None:
        before = self.courses
        self.schemas, self.courses, self.people = schemas, courses, people
        self._members.clear()
        self._children.clear()
        for course_id, course in courses.items():
            self.ids.of("course", course_id)
            if course.parent is not None:
                self._children[course.parent].append(course_id)
            for user in sorted(course.users):
                self.ids.of("user", user)
            for name, column in course.columns.items():
                known = before[course_id].columns.get(name) if course_id in before else None
                known_columns = [] if known is None else [known, *known.copies]
                for new, old in zip_longest([column, *column.copies], known_columns[: 1 + len(column.copies)]):
                    self._adopt(new, old)

    def _adopt(self, column: Column, old: Column | None) -> None:
        """Makes a column that was read the successor of `old`, or a new one."""
        if old is None:
            column.id = self.ids.new("column")
            old = Column(fields=column.fields)
        else:
            column.id, column.created_at, column.log = old.id, old.created_at, old.log
        now = datetime.now(UTC)
        for user in {**old.grades, **column.values, **column.grades}:
            grade, earlier = column.grades.setdefault(user, Grade()), old.grades.get(user)
            if earlier is not None:
                grade.is_override, grade.first_at, grade.last_at = (
                    earlier.is_override,
                    earlier.first_at,
                    earlier.last_at,
                )
                grade.change_index = earlier.change_index
            if earlier != grade or column.values.get(user) != old.values.get(user):
                self._touch(grade, now)
