"""The items of the services, each in the form Grades Journey takes. An item that exists can be sent."""

from dataclasses import dataclass
from typing import Protocol

from courses.grades_journey.errors import InvalidItem

MOST_CHARACTERS = 333


class Item(Protocol):
    """What every service's item offers to the code that sends it."""

    @property
    def echo(self) -> tuple[str, str]:
        """`courseId` and `name` as Learn's result for this item repeats them: all that ties the two together."""

    def body(self) -> dict[str, object]:
        """The item's JSON object."""


@dataclass(frozen=True, kw_only=True)
class GradeValue:
    """One user's value in one grade column (`gradeValueAPI`). Each field has 1 to 333 characters; else InvalidItem."""

    course_id: str  # the course's batch uid
    user_id: str  # the user's batch uid
    name: str  # the column
    value: str

    def __post_init__(self) -> None:
        check_text("course_id", "course id", self.course_id)
        check_text("user_id", "user id", self.user_id)
        check_text("name", "column name", self.name)
        check_text("value", "value", self.value)

    @property
    def echo(self) -> tuple[str, str]:
        return self.course_id, self.name

    def body(self) -> dict[str, object]:
        return {"courseId": self.course_id, "userId": self.user_id, "name": self.name, "value": self.value}


def check_text(field: str, label: str, text: str) -> None:
    """Raises InvalidItem unless `text` has 1 to 333 characters, all of which can be sent."""
    if not text:
        raise InvalidItem(field, f"The {label} is empty.")
    if len(text) > MOST_CHARACTERS:
        raise InvalidItem(field, f"The {label} has {len(text)} characters; Learn takes {MOST_CHARACTERS}.")
    try:
        sendable = b"\0" not in text.encode()
    except UnicodeEncodeError:  # half of a character
        sendable = False
    if not sendable:
        raise InvalidItem(field, f"The {label} holds a character that cannot be sent.")
