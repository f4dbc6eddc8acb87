"""What the public API says of a course, a member, a column, a schema, a grade and a change: a JSON object each.

As in Learn, a field that has no value is left out.
"""

from datetime import UTC, datetime
from typing import Any

from sandbox import privileges
from sandbox.gradebook import Change, Column, Course, Schema
from sandbox.privileges import Privileges
from sandbox.showing import display_grade, scale_of, score_of, symbols_of
from sandbox.world import INTEGRATION, NOBODY, World

BUILT_IN = {
    "Score": "Score",
    "Percentage": "Percent",
    "Text": "Text",
    "Complete/Incomplete": "Complete",
}  # title: scale
COLUMNS_ALONE = ("MANUAL_COLUMN", "WEIGHTED_COLUMN", "TOTAL_COLUMN")  # without attempts behind them
GRADED_STATUS = ("Graded", "NeedsGrading", "InProgress")  # which of them Learn says is not to be relied on
ENROLLED_AT = "2026-01-15T08:00:00.000Z"


def course(world: World, course_id: str, held: Course, rights: Privileges) -> dict[str, Any]:
    shown_id = held.course_id or course_id
    return _present(
        id=world.ids.of("course", course_id),
        externalId=course_id if rights.has(privileges.PROPERTIES) else None,
        courseId=shown_id,
        name=held.name or shown_id,
        organization=False,
        ultraStatus="Ultra" if held.is_ultra else "Classic",
        closedComplete=held.is_completed,
        availability={"available": held.available, "duration": {"type": "Continuous"}},
        hasChildren=world.has_children(course_id),
        parentId=None if held.parent is None else world.ids.of("course", held.parent),
    )


def member(world: World, course_id: str, user: str, rights: Privileges, is_expanded: bool) -> dict[str, Any]:
    """`is_expanded` adds the `user`; external ids and names are there for those who may see them."""
    child = world.members(course_id)[user]
    membership = world.courses[child or course_id].membership(user)
    return _present(
        userId=world.ids.of("user", user),
        user=_user(world, user, rights) if is_expanded else None,
        courseId=world.ids.of("course", course_id),
        childCourseId=None if child is None else world.ids.of("course", child),
        created=ENROLLED_AT,
        availability={"available": membership.available},
        courseRoleId=membership.role,
    )


def _user(world: World, user: str, rights: Privileges) -> dict[str, Any]:
    if not rights.has(privileges.USERS):
        return {"id": world.ids.of("user", user)}
    person = world.people.get(user, NOBODY)
    given, _, family = (person.name or f"Student {user}").rpartition(" ")
    shows_external_id = person.has_external_id and rights.has(privileges.PROPERTIES)
    return _present(
        id=world.ids.of("user", user),
        externalId=user if shows_external_id else None,
        userName=user,
        name=_present(given=given or None, family=family),
    )


def column(world: World, held: Course, name: str, shown: Column) -> dict[str, Any]:
    return _present(
        id=shown.id,
        name=name,
        displayName=name,
        description=shown.fields["instructions"] or None,
        externalGrade=held.external_grade == name and held.columns[name] is shown,
        created=_written(shown.created_at),
        modified=_written(shown.created_at),
        score={"possible": shown.points or 0.0},
        availability={"available": "Yes" if shown.fields["available"] else "No"},
        grading=_present(
            type=_grading(shown),
            due=None if shown.fields["dueDate"] is None else f"{shown.fields['dueDate']}T23:59:00.000Z",
            attemptsAllowed=shown.fields["attempts"] if _grading(shown) == "Attempts" else None,
            schemaId=_schema_id(world, shown),
            anonymousGrading={"type": "AfterAllGraded" if shown.fields["anonymous"] else "None"},
        ),
        formula={"formula": shown.fields["mapping"] or "total", "aliases": {}} if shown.is_calculated else None,
    )


def _grading(shown: Column) -> str:
    if shown.is_calculated:
        return "Calculated"
    return "Manual" if shown.item_type in COLUMNS_ALONE else "Attempts"


def _schema_id(world: World, shown: Column) -> str:
    scale = scale_of(shown)
    if scale == "Tabular" and shown.schema is not None:
        return world.ids.of("schema", shown.schema)
    return world.ids.of("schema", _built_in_name(next(title for title, known in BUILT_IN.items() if known == scale)))


def _built_in_name(title: str) -> str:
    return f"\0{title}"  # no schema of Grades Journey can have it


def schemas(world: World) -> list[dict[str, Any]]:
    """Learn's own and those that were made."""
    own = [
        {"id": world.ids.of("schema", _built_in_name(title)), "title": title, "scaleType": scale}
        for title, scale in BUILT_IN.items()
    ]
    return own + [_schema(world, title, schema) for title, schema in world.schemas.items()]


def _schema(world: World, title: str, schema: Schema) -> dict[str, Any]:
    symbols = [
        {
            "text": symbol.text,
            "absoluteValue": symbol.absolute,
            "lowerBound": symbol.lower,
            "upperBound": symbol.upper,
        }
        for symbol in symbols_of(schema)
    ]
    return {"id": world.ids.of("schema", title), "title": title, "scaleType": "Tabular", "symbols": symbols}


def disabled(world: World, course_id: str) -> set[str]:
    """The members whom the gradebook does not show."""
    held = world.members(course_id)
    children = {child for child in held.values() if child is not None}
    return {
        user
        for home in (course_id, *children)
        for user, membership in world.courses[home].memberships.items()
        if membership.available == "Disabled" and user in held and (held[user] or course_id) == home
    }


def grade(world: World, held: Column, user: str) -> dict[str, Any]:
    """A place where nothing was ever entered is named and no more."""
    place = {"userId": world.ids.of("user", user), "columnId": held.id}
    known = held.grades.get(user)
    if known is None:
        return place
    value, schema = held.values.get(user), world.schema_of(held)
    is_override = known.is_override and value is not None
    return _present(
        **place,
        status=GRADED_STATUS[known.change_index % len(GRADED_STATUS)],
        displayGrade=display_grade(held, schema, user),
        text=value if is_override else None,
        score=score_of(held, schema, value) if is_override and value is not None else None,
        overridden=_written(known.last_at) if is_override else None,
        exempt=known.is_exempt,
        corrupt=known.is_corrupt,
        gradeNotationId=None if known.notation is None else world.ids.of("notation", known.notation),
        changeIndex=0 if held.is_calculated else known.change_index,
        firstRelevantDate=_written(known.first_at),
        lastRelevantDate=_written(known.last_at),
    )


def change(world: World, held: Column, made: Change) -> dict[str, Any]:
    """A line of a column's log. No public document names its fields; these are the ones that callers have seen."""
    schema = world.schema_of(held)
    return _present(
        id=f"_{made.number}_1",
        date=_written(made.at),
        gradebookColumnId=held.id,
        user={"id": world.ids.of("user", made.user), "name": _user_name(world, made.user)},
        modifier={"name": made.by, "role": "Integration" if made.by == INTEGRATION else "Instructor"},
        value=made.value,
        previousValue=made.previous,
        score=None if made.value is None else score_of(held, schema, made.value),
        previousScore=None if made.previous is None else score_of(held, schema, made.previous),
    )


def _user_name(world: World, user: str) -> str:
    return world.people.get(user, NOBODY).name or f"Student {user}"


def _written(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
