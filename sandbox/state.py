"""The JSON of a world, both ways; `world.py` shows its shape. What is read is refused whole or taken whole."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox import gradable_items
from sandbox.fields import is_points
from sandbox.gradebook import Column, Course, Grade, Membership, Person, Refused, Schema
from sandbox.showing import SCALES

EXPERIENCES = ("ULTRA", "ORIGINAL")
COURSE_AVAILABLE = ("Yes", "No", "Disabled", "Term")
MEMBER_AVAILABLE = ("Yes", "No", "Disabled")
OF_COURSE = (
    *("experience", "users", "metadata", "externalGrade", "columns"),
    *("courseId", "name", "available", "closedComplete", "parent", "memberships"),
)
OF_COLUMN = ("points", "schema", "values", "shownAs", "flags", *gradable_items.FIELDS)


class Senseless(ValueError):
    """What was asked of the sandbox makes no sense. The message says what would."""


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(sorted(names)) or "none"


def known(given: object, what: str, keys: Iterable[str]) -> None:
    """Raises Senseless unless `given` is a JSON object that has no other keys than `keys`."""
    if not isinstance(given, Mapping):
        raise Senseless(f"{what} must be a JSON object.")
    if strange := sorted(set(given) - set(keys)):
        raise Senseless(f"{what} has no '{strange[0]}'. It has: {listed(keys)}.")


def written(
    schemas: Mapping[str, Schema], courses: Mapping[str, Course], people: Mapping[str, Person]
) -> dict[str, Any]:
    held: dict[str, Any] = {
        "schemas": {
            title: {"symbols": schema.symbols, "optionalData": schema.optional_data}
            for title, schema in schemas.items()
        },
        "courses": {course_id: _written_course(course) for course_id, course in courses.items()},
    }
    if people:
        held["people"] = {
            user: _unusual(name=person.name, hasExternalId=None if person.has_external_id else False)
            for user, person in people.items()
        }
    return held


def _written_course(course: Course) -> dict[str, Any]:
    return {
        "experience": course.experience,
        "users": sorted(course.users),
        "metadata": dict(course.metadata),
        "externalGrade": course.external_grade,
        "columns": {
            name: {**_written_column(column), "copies": [_written_column(copy) for copy in column.copies]}
            for name, column in course.columns.items()
        },
        **_unusual(
            courseId=course.course_id,
            name=course.name,
            available=None if course.available == "Yes" else course.available,
            closedComplete=course.is_completed or None,
            parent=course.parent,
            memberships={
                user: {"available": membership.available, "role": membership.role}
                for user, membership in course.memberships.items()
            }
            or None,
        ),
    }


def _written_column(column: Column) -> dict[str, Any]:
    flags = {
        user: _unusual(exempt=grade.is_exempt or None, corrupt=grade.is_corrupt or None, notation=grade.notation)
        for user, grade in column.grades.items()
        if grade.is_exempt or grade.is_corrupt or grade.notation is not None
    }
    return {
        "points": column.points,
        "schema": column.schema,
        "values": dict(column.values),
        **column.fields,
        **_unusual(shownAs=column.shown_as, flags=flags or None),
    }


def _unusual(**keys: Any) -> dict[str, Any]:
    """Only those that are set: a world without them is written as short as it was given."""
    return {key: value for key, value in keys.items() if value is not None}


def read(state: Mapping[str, Any]) -> tuple[dict[str, Schema], dict[str, Course], dict[str, Person]]:
    """The schemas, the courses and the people. Raises Senseless."""
    known(state, "the state", ("schemas", "courses", "people"))
    schemas = {title: _schema(title, given) for title, given in _named(state, "schemas", "the state").items()}
    courses = _named(state, "courses", "the state")
    people = {user: _person(user, given) for user, given in _named(state, "people", "the state").items()}
    return schemas, {course_id: _course(course_id, courses, schemas) for course_id in courses}, people


def merged(old: Any, new: Any) -> Any:
    """Objects key by key, lists one behind the other; of anything else, the new."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    return new


def _named(given: Mapping[str, Any], key: str, what: str) -> Mapping[str, Any]:
    named = given.get(key, {})
    if not isinstance(named, Mapping):
        raise Senseless(f"'{key}' of {what} must be a JSON object.")
    return named


def _texts(given: Mapping[str, Any], key: str, what: str) -> dict[str, str]:
    texts = _named(given, key, what)
    if not all(isinstance(text, str) for text in texts.values()):
        raise Senseless(f"'{key}' of {what} must be texts.")
    return dict(texts)


def _schema(title: str, given: Any) -> Schema:
    what = f"schema '{title}'"
    known(given, what, ("symbols", "optionalData"))
    symbols, optional_data = given.get("symbols"), given.get("optionalData", "")
    if not isinstance(symbols, str) or not all(Schema(symbols).names):
        raise Senseless(f"'symbols' of {what} must be text such as P=50:F=0.")
    if not isinstance(optional_data, str):
        raise Senseless(f"'optionalData' of {what} must be text.")
    return Schema(symbols, optional_data)


def _person(user: str, given: Any) -> Person:
    what = f"person '{user}'"
    known(given, what, ("name", "hasExternalId"))
    return Person(name=_text_or_none(given, "name", what), has_external_id=_flag(given, "hasExternalId", what, True))


def _course(course_id: str, courses: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Course:
    what, given = f"course '{course_id}'", courses[course_id]
    known(given, what, OF_COURSE)
    users = given.get("users", [])
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise Senseless(f"'users' of {what} must be a list of texts.")
    columns = _named(given, "columns", what)
    others = [other for other in courses if other != course_id]
    return Course(
        experience=_one_of(given, "experience", what, EXPERIENCES),
        users=set(users),
        columns={name: _column(name, columns[name], what, schemas) for name in columns},
        external_grade=_named_or_none(given, "externalGrade", what, columns),
        metadata=_texts(given, "metadata", what),
        course_id=_text_or_none(given, "courseId", what),
        name=_text_or_none(given, "name", what),
        available=_one_of(given, "available", what, COURSE_AVAILABLE),
        is_completed=_flag(given, "closedComplete", what),
        parent=_named_or_none(given, "parent", what, others),
        memberships={
            user: _membership(membership, f"the membership of '{user}' in {what}")
            for user, membership in _named(given, "memberships", what).items()
        },
    )


def _membership(given: Any, what: str) -> Membership:
    known(given, what, ("available", "role"))
    role = _text_or_none(given, "role", what)
    return Membership(available=_one_of(given, "available", what, MEMBER_AVAILABLE), role=role or "Student")


def _one_of(given: Mapping[str, Any], key: str, what: str, choices: tuple[str, ...]) -> str:
    """The first choice where it is left out."""
    chosen = given.get(key, choices[0])
    if chosen not in choices:
        raise Senseless(f"'{key}' of {what} must be one of {listed(choices)}.")
    return str(chosen)


def _named_or_none(given: Mapping[str, Any], key: str, what: str, names: Iterable[str]) -> str | None:
    name = given.get(key)
    if name is not None and not (isinstance(name, str) and name in names):
        raise Senseless(f"'{key}' of {what} must be null or one of {listed(names)}.")
    return name


def _text_or_none(given: Mapping[str, Any], key: str, what: str) -> str | None:
    text = given.get(key)
    if text is not None and not isinstance(text, str):
        raise Senseless(f"'{key}' of {what} must be text.")
    return text


def _flag(given: Mapping[str, Any], key: str, what: str, usual: bool = False) -> bool:
    value = given.get(key, usual)
    if not isinstance(value, bool):
        raise Senseless(f"'{key}' of {what} must be true or false.")
    return value


def _column(name: str, given: Any, course: str, schemas: Mapping[str, Schema]) -> Column:
    what = f"column '{name}' of {course}"
    known(given, what, (*OF_COLUMN, "copies"))
    copies = given.get("copies", [])
    if not isinstance(copies, list):
        raise Senseless(f"'copies' of {what} must be a list of columns.")
    column = _single_column({key: value for key, value in given.items() if key != "copies"}, what, schemas)
    column.copies = [_single_column(copy, f"a copy of {what}", schemas) for copy in copies]
    return column


def _single_column(given: Any, what: str, schemas: Mapping[str, Schema]) -> Column:
    known(given, what, OF_COLUMN)
    points = given.get("points", 100.0)
    if points is not None and not is_points(points):
        raise Senseless(f"'points' of {what} must be a number above 0, or null for a text column.")
    sent = {name: given[name] for name in gradable_items.FIELDS if given.get(name) is not None}
    try:
        fields = gradable_items.kept_fields({"itemType": "MANUAL_COLUMN", **sent})
    except Refused as refusal:
        raise Senseless(f"{what}: {refusal}.") from refusal
    return Column(
        points=None if points is None else float(points),
        schema=_named_or_none(given, "schema", what, schemas),
        values=_texts(given, "values", what),
        fields=fields,
        shown_as=_named_or_none(given, "shownAs", what, SCALES),
        grades={
            user: _grade(flags, f"the flags of '{user}' in {what}")
            for user, flags in _named(given, "flags", what).items()
        },
    )


def _grade(given: Any, what: str) -> Grade:
    known(given, what, ("exempt", "corrupt", "notation"))
    return Grade(
        is_exempt=_flag(given, "exempt", what),
        is_corrupt=_flag(given, "corrupt", what),
        notation=_text_or_none(given, "notation", what),
    )
