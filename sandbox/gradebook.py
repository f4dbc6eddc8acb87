"""What a site of Learn holds of grades: grading schemas, and courses with their people and grade columns."""

from dataclasses import dataclass, field
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


@dataclass(kw_only=True)
class Column:
    """A grade column, with the content behind it where its type has some."""

    points: float | None = 100.0
    schema: str | None = None
    values: dict[str, str] = field(default_factory=dict)  # user -> value
    fields: dict[str, Any]  # the other fields of gradableItemsAPI, by the document's names
    copies: list["Column"] = field(default_factory=list)  # further columns of the same name, oldest first

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

    @property
    def is_ultra(self) -> bool:
        return self.experience == "ULTRA"
