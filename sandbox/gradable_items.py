"""The items of gradableItemsAPI: what each field may hold, and what a course allows.

`column_of` reads an item field by field; `refuse_unfit` then looks at the fields together and at the course.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from sandbox import formats
from sandbox.fields import (
    LONG_TEXT_LENGTH,
    Item,
    attempts,
    color,
    day,
    flag,
    optional_data,
    optional_text,
    points,
    refuse_unknown,
    text,
    whole_number,
)
from sandbox.gradebook import Column, Course, Refused

IN_ULTRA = ("ASSIGNMENT", "TEST", "MANUAL_COLUMN", "WEIGHTED_COLUMN")
IN_ORIGINAL = (
    *IN_ULTRA,
    "SURVEY",
    "DISCUSSION_BOARD",
    "WIKI",
    "BLOG",
    "JOURNAL",
    "SELF_AND_PEER_TEST",
    "TOTAL_COLUMN",
)
COLUMNS = ("MANUAL_COLUMN", "WEIGHTED_COLUMN", "TOTAL_COLUMN")  # without content in the course
SUB_FOLDER = "@>@"


def item_type(item: Item, name: str) -> str:
    value = text(item, name)
    if value not in IN_ORIGINAL:
        raise Refused(f"{name} must be one of {', '.join(IN_ORIGINAL)}")
    return value


FIELDS: dict[str, Callable[[Item, str], Any]] = {  # those that a column keeps as they are
    "itemType": item_type,
    "instructions": partial(optional_text, most=LONG_TEXT_LENGTH),
    "anonymous": flag,
    "group": flag,
    "contentAreaName": partial(optional_text, most=255),
    "available": flag,
    "color": color,
    "attempts": attempts,
    "tracked": flag,
    "startDate": day,
    "endDate": day,
    "dueDate": day,
    "sequenceNum": whole_number,
    "extract": flag,
    "mapping": optional_text,
    "optionalData": optional_data,
}


def column_of(item: Item) -> Column:
    """The column that an item makes, with the document's defaults where the item says nothing. Raises Refused."""
    refuse_unknown(item, ("courseId", "name", "points", "gradeSchema", *FIELDS))
    return Column(
        points=points(item, "points"), schema=optional_text(item, "gradeSchema") or None, fields=kept_fields(item)
    )


def kept_fields(item: Item) -> dict[str, Any]:
    """Name -> value, for all of FIELDS. Raises Refused."""
    return {name: read(item, name) for name, read in FIELDS.items()}


def refuse_unfit(column: Column, course: Course, schemas: Collection[str]) -> None:
    """Raises Refused for a column that cannot be made in `course` on a site with `schemas`."""
    if course.is_ultra:
        _refuse_unfit_for_ultra(column)
    elif SUB_FOLDER in column.fields["contentAreaName"]:
        raise Refused("contentAreaName can name a sub-folder in Ultra courses only")
    if column.schema is not None and column.schema not in schemas:
        raise Refused(f"Grade schema {column.schema} does not exist")
    if column.fields["group"] and column.item_type != "ASSIGNMENT":
        raise Refused("group is for items of type ASSIGNMENT only")
    if column.fields["tracked"] and column.item_type in COLUMNS:
        raise Refused("tracked is not for grade columns")
    start, end = column.fields["startDate"], column.fields["endDate"]
    if start and end and start > end:
        raise Refused("endDate is before startDate")
    _refuse_unfit_mapping(column, course)


def _refuse_unfit_for_ultra(column: Column) -> None:
    if column.item_type not in IN_ULTRA:
        raise Refused(f"{column.item_type} is available in Original courses only")
    for name, unset in (("color", ""), ("tracked", False), ("sequenceNum", None)):
        if column.fields[name] != unset:
            raise Refused(f"{name} is available in Original courses only")
    if column.fields["anonymous"] and not column.fields["dueDate"]:
        raise Refused("anonymous needs a dueDate in Ultra courses")
    folder = column.fields["contentAreaName"]
    if SUB_FOLDER in folder and (folder.count(SUB_FOLDER) > 1 or not all(map(str.strip, folder.split(SUB_FOLDER)))):
        raise Refused(f"contentAreaName must be a folder, or parent{SUB_FOLDER}child")


def _refuse_unfit_mapping(column: Column, course: Course) -> None:
    """An empty mapping fits every type: that of a calculated column is then made by hand in Learn."""
    mapping = column.fields["mapping"]
    if not mapping:
        return
    if not column.is_calculated:
        raise Refused("mapping is for items of type WEIGHTED_COLUMN and TOTAL_COLUMN only")
    read = formats.weights if column.item_type == "WEIGHTED_COLUMN" else formats.names
    for name in read(mapping, "mapping"):
        if name not in course.columns:
            raise Refused(f"mapping: there is no column {name} in the course")
