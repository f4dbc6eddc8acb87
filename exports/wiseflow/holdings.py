"""What WISEflow holds, as values. Times are aware, UTC; what WISEflow does not say is None or empty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

STATES = (
    "NOT_ACTIVATED",
    "PARTICIPATION_NOT_STARTED",
    "PARTICIPATION_STARTED",
    "PARTICIPATION_ENDED",
    "CONCLUDED",
    "ARCHIVED",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowHead:
    """A flow as it is named; `state` is one of STATES, or the number that WISEflow gave."""

    flow_id: int
    title: str
    subtitle: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """`assessment_ends_at`: the latest end that an assessor has, else the end of marking (R2)."""

    participation_ends_at: datetime | None
    assessment_ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFlow:
    """A flow as a search finds it."""

    flow_id: int
    title: str
    state: str
    marking_ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of a flow in the student system; the first of a flow is its master."""

    source_id: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A participant of a flow. `participant_id` is of this flow, `user_id` of WISEflow. A phone is never read."""

    participant_id: int
    user_id: int
    is_activated: bool
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    external_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a participant got. Grades as WISEflow stores them; "" is none. Any number may be an `export_state`."""

    participant_id: int
    grade: str = field(repr=False)
    alternative_grade: str = field(repr=False)
    graded_at: datetime | None
    alternative_grade_at: datetime | None
    export_state: int | None
    exported_at: datetime | None
    export_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """A change of a grade; `by` is the WISEflow user who made it."""

    by: int | None
    grade: str = field(repr=False)
    kind: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A grading scale. A number is stored multiplied by `modifier`: 89.99 as 8999 with 100. `grades`: of a list."""

    modifier: Decimal
    grades: tuple[str, ...]
