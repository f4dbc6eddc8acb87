"""What Learn's gradebook holds, as values. Ids such as `_12_1` are Learn's own; batch uids are the university's."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    id: str
    course_id: str  # batch uid
    name: str
    is_ultra: bool | None  # None: not decided, or not said
    is_completed: bool  # Learn refuses updates
    availability: str  # Yes, No, Disabled, Term; empty: not said
    has_children: bool  # other courses are merged into it
    parent_id: str | None  # the course it is merged into, where its grades are


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    user_id: str
    learn_user_id: str | None  # batch uid; None: Learn showed none
    is_hidden: bool  # Learn showed no batch uid of any member: a privilege is missing
    name: str  # empty: not shown
    is_available: bool
    is_student: bool
    child_course_id: str | None  # the merged course that the person comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    id: str
    external_id: str | None
    name: str
    display_name: str
    is_external_grade: bool
    points: Decimal | None
    is_available: bool
    grading: str  # Attempts, Calculated, Manual; empty: not said
    schema_id: str | None
    is_anonymous: bool
    has_formula: bool

    @property
    def is_calculated(self) -> bool:
        """Learn computes its grades from others, and counts no changes of them."""
        return self.grading == "Calculated" or self.has_formula


class Symbol(NamedTuple):
    """A text of a Tabular schema, for what is at least `lower` and less than `upper` percent."""

    text: str
    lower: Decimal | None
    upper: Decimal | None
    absolute: Decimal | None  # the percentage that the text is worth where it is entered


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    id: str
    title: str
    scale: str  # one of SCALES
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What people see (`displayGrade`)."""

    scale: str  # one of SCALES
    score: Decimal | None
    possible: Decimal | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    user_id: str
    shown: Shown | None  # None: nothing was entered, or it was cleared
    is_exempt: bool
    is_corrupt: bool
    notation_id: str | None  # its description is shown as the text
    is_override: bool
    change_index: int | None  # grows with every change; 0 in calculated columns
    changed_at: datetime | None  # aware

    @property
    def is_empty(self) -> bool:
        return self.shown is None and not (self.is_exempt or self.is_corrupt or self.notation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A line of a column's log. Learn documents no fields of it: each is what could be found, else empty or None."""

    by: str
    at: datetime | None  # aware
    what: str
    user_id: str | None  # whose grade it was


SCALES = ("Percent", "Score", "Tabular", "Text", "Complete")
