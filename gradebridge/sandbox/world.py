"""What the sandbox Learn holds: grading schemas, courses, who is enrolled, columns and their values.

As JSON (`World.as_json`, `World.replace`, `World.merge`); every key below a name may be left out:

    {"schemas": {"Pass-Fail": {"symbols": "P=50:F=0"}},
     "courses": {"BIO101-2026": {"experience": "ULTRA",
                                 "users": ["s1001", "s1002"],
                                 "columns": {"Final Grade": {"points": 100.0,
                                                             "schema": "Pass-Fail",
                                                             "values": {"s1001": "P"}}}}}}

`experience` is ULTRA or ORIGINAL. `points` null makes a text column, which takes any value. `schema` null makes a plain
number column. In `symbols` the lower bound may be left out (`P=50:F=0:U`). Values are text, exactly as they were sent.
"""

import math
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EXPERIENCES = ("ULTRA", "ORIGINAL")
NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


class Senseless(ValueError):
    """What was asked of the sandbox makes no sense. The message says what would."""


class Refused(Exception):
    """Learn does not take an item. The message is the one that stands in its result."""


@dataclass(frozen=True)
class Schema:
    """A grading schema; `symbols` as in Grades Journey: `SYMBOL=lower bound` or `SYMBOL`, joined by colons."""

    symbols: str = ""

    @property
    def names(self) -> list[str]:
        return [pair.partition("=")[0] for pair in self.symbols.split(":")]

    @property
    def has_bounds(self) -> bool:
        return "=" in self.symbols


@dataclass
class Column:
    points: float | None = 100.0
    schema: str | None = None
    values: dict[str, str] = field(default_factory=dict)  # user -> value


@dataclass
class Course:
    experience: str = "ULTRA"
    users: set[str] = field(default_factory=set)
    columns: dict[str, Column] = field(default_factory=dict)


class World:
    """Everything Learn holds. Any number of threads may read and write it at once."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        """Holds `state` (the JSON shape above), or nothing. Raises Senseless."""
        self._lock = threading.RLock()
        self._schemas: dict[str, Schema] = {}
        self._courses: dict[str, Course] = {}
        self._sent: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        if state is not None:
            self.replace(state)

    def set_value(self, *, course_id: str, column_name: str, user_id: str, value: str) -> None:
        """Sets one user's value in one column. Raises Refused."""
        with self._lock:
            course = self._courses.get(course_id)
            if course is None:
                raise Refused(f"Course {course_id} does not exist")
            column = course.columns.get(column_name)
            if column is None:
                raise Refused(f"Column {column_name} does not exist in course {course_id}")
            if user_id not in course.users:
                raise Refused(f"User {user_id} is not enrolled in course {course_id}")
            self._refuse_unfit(value, column)
            column.values[user_id] = value
            self._sent[course_id, column_name, user_id].append(value)

    def _refuse_unfit(self, value: str, column: Column) -> None:
        is_number = column.points is not None and NUMBER.fullmatch(value) and float(value) <= column.points
        if column.schema is None:
            if column.points is not None and not is_number:
                raise Refused(f"{value} is not a number from 0 to {column.points:g}")
            return
        schema = self._schemas[column.schema]
        if value not in schema.names and not (schema.has_bounds and is_number):
            raise Refused(f"{value} is not a symbol of the grading schema {column.schema}")

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
            return {
                "schemas": {title: {"symbols": schema.symbols} for title, schema in self._schemas.items()},
                "courses": {
                    course_id: {
                        "experience": course.experience,
                        "users": sorted(course.users),
                        "columns": {
                            name: {"points": column.points, "schema": column.schema, "values": dict(column.values)}
                            for name, column in course.columns.items()
                        },
                    }
                    for course_id, course in self._courses.items()
                },
            }

    def replace(self, state: Mapping[str, Any]) -> None:
        """Holds `state` and nothing else; forgets what was sent. All or nothing. Raises Senseless."""
        with self._lock:
            self._load(state)
            self._sent.clear()

    def merge(self, state: Mapping[str, Any]) -> None:
        """Adds `state` to what is held: names are added or changed, users added. All or nothing. Raises Senseless."""
        with self._lock:
            self._load(_merged(self.as_json(), state))

    def _load(self, state: Mapping[str, Any]) -> None:
        known(state, "the state", ("schemas", "courses"))
        schemas = {title: _schema(title, given) for title, given in _named(state, "schemas", "the state").items()}
        courses = {
            course_id: _course(course_id, given, schemas)
            for course_id, given in _named(state, "courses", "the state").items()
        }
        self._schemas, self._courses = schemas, courses


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(sorted(names)) or "none"


def known(given: object, what: str, keys: Iterable[str]) -> None:
    """Raises Senseless unless `given` is a JSON object that has no other keys than `keys`."""
    if not isinstance(given, Mapping):
        raise Senseless(f"{what} must be a JSON object.")
    if strange := sorted(set(given) - set(keys)):
        raise Senseless(f"{what} has no '{strange[0]}'. It has: {listed(keys)}.")


def _named(given: Mapping[str, Any], key: str, what: str) -> Mapping[str, Any]:
    named = given.get(key, {})
    if not isinstance(named, Mapping):
        raise Senseless(f"'{key}' of {what} must be a JSON object.")
    return named


def _schema(title: str, given: Any) -> Schema:
    what = f"schema '{title}'"
    known(given, what, ("symbols",))
    symbols = given.get("symbols")
    if not isinstance(symbols, str) or not all(Schema(symbols).names):
        raise Senseless(f"'symbols' of {what} must be text such as P=50:F=0.")
    return Schema(symbols)


def _course(course_id: str, given: Any, schemas: Mapping[str, Schema]) -> Course:
    what = f"course '{course_id}'"
    known(given, what, ("experience", "users", "columns"))
    experience, users = given.get("experience", "ULTRA"), given.get("users", [])
    if experience not in EXPERIENCES:
        raise Senseless(f"'experience' of {what} must be one of {listed(EXPERIENCES)}.")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise Senseless(f"'users' of {what} must be a list of texts.")
    columns = _named(given, "columns", what)
    return Course(experience, set(users), {name: _column(name, columns[name], what, schemas) for name in columns})


def _column(name: str, given: Any, course: str, schemas: Mapping[str, Schema]) -> Column:
    what = f"column '{name}' of {course}"
    known(given, what, ("points", "schema", "values"))
    points, schema, values = given.get("points", 100.0), given.get("schema"), _named(given, "values", what)
    if points is not None and (
        isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points < math.inf
    ):
        raise Senseless(f"'points' of {what} must be a number above 0, or null for a text column.")
    if schema is not None and not (isinstance(schema, str) and schema in schemas):
        raise Senseless(f"'schema' of {what} must be null or one of {listed(schemas)}.")
    if not all(isinstance(value, str) for value in values.values()):
        raise Senseless(f"'values' of {what} must be texts.")
    return Column(None if points is None else float(points), schema, dict(values))


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    return new
