"""The JSON of a world, both ways; `world.py` shows its shape. What is read is refused whole or taken whole."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox import gradable_items
from sandbox.fields import is_points
from sandbox.gradebook import Column, Course, Refused, Schema

EXPERIENCES = ("ULTRA", "ORIGINAL")
OF_COLUMN = ("points", "schema", "values", *gradable_items.FIELDS)


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


def written(schemas: Mapping[str, Schema], courses: Mapping[str, Course]) -> dict[str, Any]:
    return {
        "schemas": {
            title: {"symbols": schema.symbols, "optionalData": schema.optional_data}
            for title, schema in schemas.items()
        },
        "courses": {
            course_id: {
                "experience": course.experience,
                "users": sorted(course.users),
                "metadata": dict(course.metadata),
                "externalGrade": course.external_grade,
                "columns": {
                    name: {**_written_column(column), "copies": [_written_column(copy) for copy in column.copies]}
                    for name, column in course.columns.items()
                },
            }
            for course_id, course in courses.items()
        },
    }


def _written_column(column: Column) -> dict[str, Any]:
    return {"points": column.points, "schema": column.schema, "values": dict(column.values), **column.fields}


def read(state: Mapping[str, Any]) -> tuple[dict[str, Schema], dict[str, Course]]:
    """The schemas and the courses. Raises Senseless."""
    known(state, "the state", ("schemas", "courses"))
    schemas = {title: _schema(title, given) for title, given in _named(state, "schemas", "the state").items()}
    courses = _named(state, "courses", "the state")
    return schemas, {course_id: _course(course_id, given, schemas) for course_id, given in courses.items()}


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


def _course(course_id: str, given: Any, schemas: Mapping[str, Schema]) -> Course:
    what = f"course '{course_id}'"
    known(given, what, ("experience", "users", "metadata", "externalGrade", "columns"))
    experience, users = given.get("experience", "ULTRA"), given.get("users", [])
    if experience not in EXPERIENCES:
        raise Senseless(f"'experience' of {what} must be one of {listed(EXPERIENCES)}.")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise Senseless(f"'users' of {what} must be a list of texts.")
    columns = _named(given, "columns", what)
    external_grade = given.get("externalGrade")
    if external_grade is not None and not (isinstance(external_grade, str) and external_grade in columns):
        raise Senseless(f"'externalGrade' of {what} must be null or one of {listed(columns)}.")
    return Course(
        experience=experience,
        users=set(users),
        columns={name: _column(name, columns[name], what, schemas) for name in columns},
        external_grade=external_grade,
        metadata=_texts(given, "metadata", what),
    )


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
    points, schema = given.get("points", 100.0), given.get("schema")
    if points is not None and not is_points(points):
        raise Senseless(f"'points' of {what} must be a number above 0, or null for a text column.")
    if schema is not None and not (isinstance(schema, str) and schema in schemas):
        raise Senseless(f"'schema' of {what} must be null or one of {listed(schemas)}.")
    sent = {name: given[name] for name in gradable_items.FIELDS if given.get(name) is not None}
    try:
        fields = gradable_items.kept_fields({"itemType": "MANUAL_COLUMN", **sent})
    except Refused as refusal:
        raise Senseless(f"{what}: {refusal}.") from refusal
    return Column(
        points=None if points is None else float(points),
        schema=schema,
        values=_texts(given, "values", what),
        fields=fields,
    )
