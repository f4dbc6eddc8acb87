"""The services of Learn that the sandbox offers. A Grades Journey service is one function and one entry here."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox import formats, gradable_items
from sandbox.fields import LONG_TEXT_LENGTH, Item, optional_data, refuse_unknown, text
from sandbox.gradebook import Schema
from sandbox.world import World

COURSE_ID_OF_ITEM_LENGTH = 256  # 333 at every other service
GRADES_JOURNEY = "/learn/api/v2/cc/gradejourney"
Act = Callable[[World, Item], None]  # carries out one item, or raises Refused


@dataclass(frozen=True, kw_only=True)
class Service:
    """One address of Learn. A service with `act` takes a JSON array and answers with one result an item."""

    name: str
    method: str = "POST"
    path: str
    act: Act | None = None
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


TOKEN = Service(name="token", path="/learn/api/public/v1/oauth2/token")
VERSION = Service(name="version", method="GET", path="/learn/api/public/v1/system/version")

SERVICES = {
    service.name: service
    for service in (
        TOKEN,
        VERSION,
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
