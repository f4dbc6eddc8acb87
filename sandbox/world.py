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
oldest column to every service: that one takes values, and that one is deleted, after which the next stands in its
place.

A state is held as it is given, also where a service would not have made it so: the restrictions are for items alone.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sandbox import gradable_items, state
from sandbox.gradebook import Column, Course, Refused, Schema
from sandbox.state import Senseless, listed

NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
DUPLICATE_COLUMNS = ("refuse", "create")


class World:
    """Everything Learn holds. Any number of threads may read and write it at once."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Holds `given` (the JSON shape above), or nothing. Raises Senseless."""
        self.duplicate_columns = "refuse"  # or "create": what becomes of an item whose name the course has already
        self._lock = threading.RLock()
        self._schemas: dict[str, Schema] = {}
        self._courses: dict[str, Course] = {}
        self._sent: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        if given is not None:
            self.replace(given)

    # What the services do. Each raises Refused.

    def set_value(self, *, course_id: str, column_name: str, user_id: str, value: str) -> None:
        """Sets one user's value in one column."""
        with self._lock:
            course = self._course(course_id)
            column = self._column(course_id, column_name)
            _refuse_stranger(user_id, course_id, course)
            if column.is_calculated:
                raise Refused(f"Column {column_name} is calculated by Learn and takes no values")
            self._refuse_unfit(value, column)
            column.values[user_id] = value
            self._sent[course_id, column_name, user_id].append(value)

    def add_schema(self, title: str, schema: Schema) -> None:
        with self._lock:
            if title in self._schemas:
                raise Refused(f"Grade schema {title} already exists")
            self._schemas[title] = schema

    def add_column(self, course_id: str, name: str, column: Column) -> None:
        """A second column of one name is refused or made, as `duplicate_columns` says."""
        with self._lock:
            course = self._course(course_id)
            gradable_items.refuse_unfit(column, course, self._schemas)
            if name not in course.columns:
                course.columns[name] = column
            elif self.duplicate_columns == "create":
                course.columns[name].copies.append(column)
            else:
                raise Refused(f"Column {name} already exists in course {course_id}")

    def delete_column(self, course_id: str, name: str) -> None:
        """Deletes the oldest column of the name, with its values. A deleted column is no external grade any more."""
        with self._lock:
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
        with self._lock:
            course = self._course(course_id)
            if course.is_ultra:
                raise Refused("An external grade column can be set in Original courses only")
            self._column(course_id, column_name)
            course.external_grade = column_name

    def set_metadata(self, *, course_id: str, user_id: str, optional_data: str) -> None:
        """Sets the data of one user's enrolment, in place of any other."""
        with self._lock:
            course = self._course(course_id)
            _refuse_stranger(user_id, course_id, course)
            course.metadata[user_id] = optional_data

    def _course(self, course_id: str) -> Course:
        course = self._courses.get(course_id)
        if course is None:
            raise Refused(f"Course {course_id} does not exist")
        return course

    def _column(self, course_id: str, name: str) -> Column:
        column = self._course(course_id).columns.get(name)
        if column is None:
            raise Refused(f"Column {name} does not exist in course {course_id}")
        return column

    def _refuse_unfit(self, value: str, column: Column) -> None:
        is_number = column.points is not None and NUMBER.fullmatch(value) and float(value) <= column.points
        if column.schema is None:
            if column.points is not None and not is_number:
                raise Refused(f"{value} is not a number from 0 to {column.points:g}")
            return
        schema = self._schemas[column.schema]
        if value not in schema.names and not (schema.has_bounds and is_number):
            raise Refused(f"{value} is not a symbol of the grading schema {column.schema}")

    # What tests and people look at.

    def value(self, course_id: str, column_name: str, user_id: str) -> str | None:
        """The value that stands in the column, or None."""
        return self.values(course_id, column_name).get(user_id)

    def values(self, course_id: str, column_name: str) -> dict[str, str]:
        """User -> value. Raises Senseless for a course or column that Learn does not hold."""
        with self._lock:
            course = self._courses.get(course_id)
            if course is None:
                raise Senseless(f"There is no course '{course_id}'. Courses: {listed(self._courses)}.")
            if column_name not in course.columns:
                raise Senseless(f"'{course_id}' has no column '{column_name}'. Columns: {listed(course.columns)}.")
            return dict(course.columns[column_name].values)

    def sent(self, course_id: str, column_name: str, user_id: str) -> list[str]:
        """Every value that calls have set there, oldest first: two entries show a double send."""
        with self._lock:
            return list(self._sent.get((course_id, column_name, user_id), ()))

    @property
    def writes(self) -> int:
        """How many values calls have set in all."""
        with self._lock:
            return sum(map(len, self._sent.values()))

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return state.written(self._schemas, self._courses)

    def replace(self, given: Mapping[str, Any]) -> None:
        """Holds `given` and nothing else; forgets what was sent. All or nothing. Raises Senseless."""
        with self._lock:
            self._schemas, self._courses = state.read(given)
            self._sent.clear()

    def merge(self, given: Mapping[str, Any]) -> None:
        """Adds `given` to what is held: names are added or changed, users and copies added. All or nothing.

        Raises Senseless.
        """
        with self._lock:
            self._schemas, self._courses = state.read(state.merged(self.as_json(), given))


def _refuse_stranger(user_id: str, course_id: str, course: Course) -> None:
    if user_id not in course.users:
        raise Refused(f"User {user_id} is not enrolled in course {course_id}")
