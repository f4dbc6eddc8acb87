"""What a site of Learn holds of grades: grading schemas, and courses with their people and grade columns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """Learn does not take an item. The message is the one that stands in its result."""


@dataclass(frozen=True)
class Schema:
    """A grading schema; `symbols` as in Grades Journey: `SYMBOL=lower bound` or `SYMBOL`, joined by colons."""

    symbols: str = ""
    optional_data: str = ""

    @property
    def names(self) -> list[str]:
        return [pair.partition("=")[0].strip() for pair in self.symbols.split(":")]

    @property
    def has_bounds(self) -> bool:
        return "=" in self.symbols


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account in Learn."""

    name: str | None = None  # None: one is made up
    has_external_id: bool = True  # False: no integration finds this person, whose key is the user name alone


@dataclass(frozen=True, kw_only=True)
class Membership:
    """How a person is enrolled in a course."""

    available: str = "Yes"  # "No", or "Disabled": hidden from the gradebook
    role: str = "Student"


@dataclass(kw_only=True)
class Grade:
    """What Learn keeps beside a value. It stays when the value is cleared."""

    is_exempt: bool = False
    is_corrupt: bool = False
    notation: str | None = None  # the text that is shown in place of the value
    is_override: bool = False
    change_index: int = 0  # grows with every change on the site
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A line in the log of a column."""

    number: int
    at: datetime
    user: str
    by: str
    value: str | None  # None: cleared
    previous: str | None


@dataclass(kw_only=True)
class Column:
    """A grade column, with the content behind it where its type has some."""

    points: float | None = 100.0
    schema: str | None = None
    values: dict[str, str] = field(default_factory=dict)  # user -> value
    fields: dict[str, Any]  # the other fields of gradableItemsAPI, by the document's names
    copies: list["Column"] = field(default_factory=list)  # further columns of the same name, oldest first
    shown_as: str | None = None  # how people see its values: "text", "score" or "percent"; None: by schema and points
    id: str = ""  # such as _12_1; given when Learn takes the column
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    grades: dict[str, Grade] = field(default_factory=dict)  # user -> what there is beside the value
    log: list[Change] = field(default_factory=list)  # oldest first

    @property
    def item_type(self) -> str:
        item_type: str = self.fields["itemType"]
        return item_type

    @property
    def is_calculated(self) -> bool:
        """Learn computes its values from other columns."""
        return self.item_type in ("WEIGHTED_COLUMN", "TOTAL_COLUMN")


@dataclass(kw_only=True)
class Course:
    experience: str = "ULTRA"
    users: set[str] = field(default_factory=set)
    columns: dict[str, Column] = field(default_factory=dict)
    external_grade: str | None = None  # the name of a column
    metadata: dict[str, str] = field(default_factory=dict)  # user -> optionalData of the enrolment
    course_id: str | None = None  # the id that people see; None: the batch uid
    name: str | None = None  # None: the id that people see
    available: str = "Yes"
    is_completed: bool = False
    parent: str | None = None  # the batch uid of the course that this one is merged into
    memberships: dict[str, Membership] = field(default_factory=dict)  # user -> what is not as usual

    def membership(self, user: str) -> Membership:
        return self.memberships.get(user, USUAL)

    def all_columns(self) -> Iterator[tuple[str, Column]]:
        """Name and column, with those that share a name."""
        for name, column in self.columns.items():
            yield name, column
            for copy in column.copies:
                yield name, copy

    @property
    def is_ultra(self) -> bool:
        return self.experience == "ULTRA"


USUAL = Membership()
