"""The services of Learn that the sandbox offers.

A service of Grades Journey is one function and one entry here; a call of the public gradebook API is one function of
`public_api.py` and one entry here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox import formats, gradable_items, public_api
from sandbox.fields import LONG_TEXT_LENGTH, Item, optional_data, refuse_unknown, text
from sandbox.gradebook import Schema
from sandbox.public_api import Read
from sandbox.world import World

COURSE_ID_OF_ITEM_LENGTH = 256  # 333 at every other service
GRADES_JOURNEY = "/learn/api/v2/cc/gradejourney"
PUBLIC = "/learn/api/public"
Act = Callable[[World, Item], None]  # carries out one item, or raises Refused


@dataclass(frozen=True, kw_only=True)
class Service:
    """One address of Learn.

    A service with `act` takes a JSON array and answers with one result an item. One with `read` answers from the
    gradebook; the parts of its address are named as in `public_api.Question`.
    """

    name: str
    method: str = "POST"
    path: str
    act: Act | None = None
    read: Read | None = None
    has_pages: bool = False
    done: str = ""  # the message of an item that was carried out
    not_done: str = "The item could not be carried out"
    in_course: bool = True  # a result repeats the item's courseId; else it is ""
    named_by: str = "name"  # the field that a result repeats as its `name`


def add_schema(world: World, item: Item) -> None:
    """gradeSchemasAPI: makes a grading schema. Raises Refused."""
    refuse_unknown(item, ("title", "symbols", "optionalData"))
    title, symbols = text(item, "title"), text(item, "symbols", most=LONG_TEXT_LENGTH)
    formats.symbols(symbols, "symbols")
    world.add_schema(title, Schema(symbols, optional_data(item, "optionalData")))


def add_item(world: World, item: Item) -> None:
    """gradableItemsAPI: makes a gradable item or grade column. Raises Refused."""
    course_id, name = text(item, "courseId", most=COURSE_ID_OF_ITEM_LENGTH), text(item, "name")
    world.add_column(course_id, name, gradable_items.column_of(item))


def delete_column(world: World, item: Item) -> None:
    """gradeColumnDeleteAPI: deletes a column with its values. Raises Refused."""
    refuse_unknown(item, ("courseId", "name"))
    world.delete_column(text(item, "courseId"), text(item, "name"))


def set_external_grade(world: World, item: Item) -> None:
    """externalGradeColumnAPI: makes a column its course's external grade. Raises Refused."""
    refuse_unknown(item, ("courseId", "name"))
    world.set_external_grade(text(item, "courseId"), text(item, "name"))


def set_metadata(world: World, item: Item) -> None:
    """userMetadataAPI: sets the data of one user's enrolment. Raises Refused."""
    refuse_unknown(item, ("courseId", "userId", "optionalData"))
    world.set_metadata(
        course_id=text(item, "courseId"),
        user_id=text(item, "userId"),
        optional_data=optional_data(item, "optionalData"),
    )


def set_value(world: World, item: Item) -> None:
    """gradeValueAPI: sets one user's value in one column. Raises Refused."""
    refuse_unknown(item, ("courseId", "userId", "name", "value"))
    world.set_value(
        course_id=text(item, "courseId"),
        user_id=text(item, "userId"),
        column_name=text(item, "name"),
        value=text(item, "value"),
    )


TOKEN = Service(name="token", path=f"{PUBLIC}/v1/oauth2/token")
VERSION = Service(name="version", method="GET", path=f"{PUBLIC}/v1/system/version")


def _reading(name: str, path: str, read: Read, *, has_pages: bool = False) -> Service:
    return Service(name=name, method="GET", path=PUBLIC + path, read=read, has_pages=has_pages)


COLUMN = "/courses/<path:course>/gradebook/columns/<column>"
READING = (
    _reading("course", "/v3/courses/<path:course>", public_api.course),
    _reading("members", "/v1/courses/<path:course>/users", public_api.members, has_pages=True),
    _reading("member", "/v1/courses/<path:course>/users/<path:user>", public_api.member),
    _reading("columns", "/v2/courses/<path:course>/gradebook/columns", public_api.columns, has_pages=True),
    _reading("schemas", "/v1/courses/<path:course>/gradebook/schemas", public_api.schemas, has_pages=True),
    _reading("grades", f"/v2{COLUMN}/users", public_api.grades, has_pages=True),
    _reading("lastChanged", f"/v2{COLUMN}/users/lastChanged", public_api.last_changed),
    _reading("grade", f"/v2{COLUMN}/users/<path:user>", public_api.grade),
    _reading("changes", f"/v1{COLUMN}/logs", public_api.changes, has_pages=True),
)

SERVICES = {
    service.name: service
    for service in (
        TOKEN,
        VERSION,
        *READING,
        Service(
            name="gradeSchemasAPI",
            path=f"{GRADES_JOURNEY}/gradeSchemasAPI",
            act=add_schema,
            done="Grade schema successfully created",
            in_course=False,
            named_by="title",
        ),
        Service(
            name="gradableItemsAPI",
            path=f"{GRADES_JOURNEY}/gradableItemsAPI",
            act=add_item,
            done="Gradecolumn successfully created",
        ),
        Service(
            name="gradeColumnDeleteAPI",
            path=f"{GRADES_JOURNEY}/gradeColumnDeleteAPI",
            act=delete_column,
            done="Grade column successfully deleted",
        ),
        Service(
            name="externalGradeColumnAPI",
            path=f"{GRADES_JOURNEY}/externalGradeColumnAPI",
            act=set_external_grade,
            done="External grade column successfully updated",
        ),
        Service(
            name="userMetadataAPI",
            path=f"{GRADES_JOURNEY}/userMetadataAPI",
            act=set_metadata,
            done="User metadata successfully created",
            named_by="userId",
        ),
        Service(
            name="gradeValueAPI",
            path=f"{GRADES_JOURNEY}/gradeValueAPI",
            act=set_value,
            done="Grade value successfully added",
            not_done="The grade could not be set",
        ),
    )
}
