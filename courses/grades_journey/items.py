"""The items of the services, each in the form Grades Journey takes. An item that exists can be sent."""

import math
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar, Protocol

from courses.learn_http.errors import Explained, Fault

MAX_CHARACTERS = 333  # of a field for which the document says nothing else
COURSE_ID_OF_ITEM, FOLDER, COLOUR, LONG_TEXT = 256, 255, 10, 2000
HEX_COLOUR = re.compile(r"#[0-9A-Fa-f]{3}([0-9A-Fa-f]{3})?")


class InvalidItem(Explained, ValueError):
    """The item cannot be written in Grades Journey's format; `field` is the name of the field that prevents it."""

    def __init__(self, code: str, *, field: str, **params: str | int | float) -> None:
        super().__init__(code, field=field, **params)
        self.field = field


class Item(Protocol):
    """What every service's item offers to the code that sends it."""

    service: ClassVar[str]
    repeatable: ClassVar[bool]  # whether sending it twice leaves Learn as sending it once does
    effect: ClassVar[str]  # names what Learn does with it

    @property
    def echo(self) -> tuple[str, str]:
        """`courseId` and `name` as Learn's result for this item repeats them: all that ties the two together."""

    def body(self) -> dict[str, object]:
        """The item's JSON object."""


@dataclass(frozen=True, kw_only=True)
class GradeValue:
    """One user's value in one grade column (`gradeValueAPI`). Each field has 1 to 333 characters; else InvalidItem."""

    service: ClassVar[str] = "gradeValueAPI"
    repeatable: ClassVar[bool] = True
    effect: ClassVar[str] = "GRADE"

    course_id: str  # the course's batch uid
    user_id: str  # the user's batch uid
    name: str  # the column
    value: str

    def __post_init__(self) -> None:
        check_text("course_id", self.course_id)
        check_text("user_id", self.user_id)
        check_text("name", self.name)
        check_text("value", self.value)

    @property
    def echo(self) -> tuple[str, str]:
        return self.course_id, self.name

    def body(self) -> dict[str, object]:
        return {"courseId": self.course_id, "userId": self.user_id, "name": self.name, "value": self.value}


@dataclass(frozen=True, kw_only=True)
class SchemaItem:
    """A grading schema to be made (`gradeSchemasAPI`). `symbols` as `courses.wire` writes them."""

    service: ClassVar[str] = "gradeSchemasAPI"
    repeatable: ClassVar[bool] = False
    effect: ClassVar[str] = "SCHEMA"

    title: str
    symbols: str
    optional_data: str = ""

    def __post_init__(self) -> None:
        check_text("title", self.title)
        check_text("symbols", self.symbols, most=LONG_TEXT)
        check_text("optional_data", self.optional_data, most=LONG_TEXT, required=False)

    @property
    def echo(self) -> tuple[str, str]:
        return "", self.title

    def body(self) -> dict[str, object]:
        return without_unset(title=self.title, symbols=self.symbols, optionalData=self.optional_data)


class ItemType(StrEnum):
    """`itemType`. TEST, SURVEY, DISCUSSION_BOARD and BLOG are translated away in every public copy of the document:
    should a Learn site spell one otherwise, this is the place.
    """

    ASSIGNMENT = "ASSIGNMENT"
    TEST = "TEST"
    MANUAL_COLUMN = "MANUAL_COLUMN"
    WEIGHTED_COLUMN = "WEIGHTED_COLUMN"
    SURVEY = "SURVEY"
    DISCUSSION_BOARD = "DISCUSSION_BOARD"
    WIKI = "WIKI"
    BLOG = "BLOG"
    JOURNAL = "JOURNAL"
    SELF_AND_PEER_TEST = "SELF_AND_PEER_TEST"
    TOTAL_COLUMN = "TOTAL_COLUMN"

    @property
    def is_in_ultra(self) -> bool:
        return self in (ItemType.ASSIGNMENT, ItemType.TEST, ItemType.MANUAL_COLUMN, ItemType.WEIGHTED_COLUMN)

    @property
    def is_column(self) -> bool:
        """A column of the gradebook alone, without content in the course."""
        return self in (ItemType.MANUAL_COLUMN, ItemType.WEIGHTED_COLUMN, ItemType.TOTAL_COLUMN)

    @property
    def is_calculated(self) -> bool:
        """It may name other columns in its `mapping`."""
        return self in (ItemType.WEIGHTED_COLUMN, ItemType.TOTAL_COLUMN)


@dataclass(frozen=True, kw_only=True)
class GradableItem:
    """A gradable item or grade column to be made (`gradableItemsAPI`). What is None or "" is left to Learn's default.

    What an item may hold in a course of which experience is for the caller to know: an item does not know its course.
    """

    service: ClassVar[str] = "gradableItemsAPI"
    repeatable: ClassVar[bool] = False
    effect: ClassVar[str] = "COLUMN"

    course_id: str
    name: str
    item_type: ItemType
    instructions: str = ""
    anonymous: bool | None = None
    group: bool | None = None  # whether groups hand it in, of an ASSIGNMENT only
    content_area_name: str = ""  # Ultra may use parent@>@child
    available: bool | None = None
    color: str = ""  # a name, or hex such as #FF0000
    attempts: int | None = None  # -1: unlimited
    tracked: bool | None = None
    start_date: date | None = None
    end_date: date | None = None
    due_date: date | None = None
    points: float | None = None
    grade_schema: str = ""  # its title in Learn
    sequence_num: int | None = None
    extract: bool | None = None
    mapping: str = ""  # of a calculated column, as `courses.wire` writes it; "": mapped by hand in Learn
    optional_data: str = ""

    def __post_init__(self) -> None:
        check_text("course_id", self.course_id, most=COURSE_ID_OF_ITEM)
        check_text("name", self.name)
        for field, most in (
            ("instructions", LONG_TEXT),
            ("content_area_name", FOLDER),
            ("color", COLOUR),
            ("grade_schema", MAX_CHARACTERS),
            ("mapping", MAX_CHARACTERS),
            ("optional_data", LONG_TEXT),
        ):
            check_text(field, getattr(self, field), most=most, required=False)
        if self.color and not (HEX_COLOUR.fullmatch(self.color) or (self.color.isascii() and self.color.isalpha())):
            raise InvalidItem(Fault.NO_COLOUR, field="color")
        if self.attempts is not None and self.attempts != -1 and self.attempts < 1:
            raise InvalidItem(Fault.ATTEMPTS_TOO_FEW, field="attempts")
        if self.points is not None and not (math.isfinite(self.points) and self.points > 0):
            raise InvalidItem(Fault.NO_POINTS, field="points")
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise InvalidItem(Fault.ENDS_BEFORE_START, field="end_date")
        if self.mapping and not self.item_type.is_calculated:
            raise InvalidItem(Fault.TAKES_NO_MAPPING, field="mapping", item_type=self.item_type.value)
        if self.group and self.item_type is not ItemType.ASSIGNMENT:
            raise InvalidItem(Fault.NOT_FOR_GROUPS, field="group", item_type=self.item_type.value)

    @property
    def echo(self) -> tuple[str, str]:
        return self.course_id, self.name

    def body(self) -> dict[str, object]:
        return without_unset(
            courseId=self.course_id,
            name=self.name,
            itemType=self.item_type.value,
            instructions=self.instructions,
            anonymous=self.anonymous,
            group=self.group,
            contentAreaName=self.content_area_name,
            available=self.available,
            color=self.color,
            attempts=self.attempts,
            tracked=self.tracked,
            startDate=wire_date(self.start_date),
            endDate=wire_date(self.end_date),
            dueDate=wire_date(self.due_date),
            points=None if self.points is None else float(self.points),
            gradeSchema=self.grade_schema,
            sequenceNum=self.sequence_num,
            extract=self.extract,
            mapping=self.mapping,
            optionalData=self.optional_data,
        )


@dataclass(frozen=True, kw_only=True)
class ColumnName:
    """A column that is in Learn. Each field has 1 to 333 characters; else InvalidItem."""

    course_id: str
    name: str

    def __post_init__(self) -> None:
        check_text("course_id", self.course_id)
        check_text("name", self.name)

    @property
    def echo(self) -> tuple[str, str]:
        return self.course_id, self.name

    def body(self) -> dict[str, object]:
        return {"courseId": self.course_id, "name": self.name}


@dataclass(frozen=True, kw_only=True)
class ColumnToDelete(ColumnName):
    """`gradeColumnDeleteAPI`."""

    service: ClassVar[str] = "gradeColumnDeleteAPI"
    repeatable: ClassVar[bool] = False
    effect: ClassVar[str] = "DELETION"


@dataclass(frozen=True, kw_only=True)
class ExternalGradeColumn(ColumnName):
    """The column that becomes its course's external grade (`externalGradeColumnAPI`), in Original courses only."""

    service: ClassVar[str] = "externalGradeColumnAPI"
    repeatable: ClassVar[bool] = True
    effect: ClassVar[str] = "EXTERNAL_GRADE"


@dataclass(frozen=True, kw_only=True)
class EnrolmentData:
    """Keys and values for one user's enrolment (`userMetadataAPI`), as `courses.wire` writes them."""

    service: ClassVar[str] = "userMetadataAPI"
    repeatable: ClassVar[bool] = True
    effect: ClassVar[str] = "DATA"

    course_id: str
    user_id: str
    optional_data: str = ""

    def __post_init__(self) -> None:
        check_text("course_id", self.course_id)
        check_text("user_id", self.user_id)
        check_text("optional_data", self.optional_data, most=LONG_TEXT, required=False)

    @property
    def echo(self) -> tuple[str, str]:
        return self.course_id, self.user_id  # in this service's results `name` carries the user

    def body(self) -> dict[str, object]:
        return without_unset(courseId=self.course_id, userId=self.user_id, optionalData=self.optional_data)


def wire_date(day: date | None) -> str | None:
    """ISO 8601: the document does not say, and related Anthology files use it."""
    return day.isoformat() if day else None


def without_unset(**fields: object) -> dict[str, object]:
    """Without what is None or "": Learn takes its own default for a field that is not there."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def check_text(field: str, text: str, *, most: int = MAX_CHARACTERS, required: bool = True) -> None:
    """Raises InvalidItem unless `text` has at most `most` characters that can all be sent, and one if `required`."""
    if required and not text:
        raise InvalidItem(Fault.EMPTY, field=field)
    if len(text) > most:
        raise InvalidItem(Fault.TOO_LONG, field=field, length=len(text), max=most)
    try:
        sendable = b"\0" not in text.encode()
    except UnicodeEncodeError:  # half of a character
        sendable = False
    if not sendable:
        raise InvalidItem(Fault.NOT_SENDABLE, field=field)
