"""What evidence holds: its three parts, and the columns of each as they are in CSV and Excel files.

A new column goes to the end of its part with the layout that it came with, and raises LAYOUT. What was made before is
then still compared by the columns that it has.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.utils import timezone

LAYOUT = 2

Cells = tuple[str, ...]  # of one row, in the order of its part's columns


class Part(StrEnum):
    """Their names are in the files, and never change."""

    GRADES = "grades"  # a row for each person and place, or for a person without any
    ENDED = "ended"  # what was in Learn once: a row for each grade, with what came after it
    CORRECTIONS = "corrections"


@dataclass(frozen=True, slots=True)
class Column:
    """`explains`: it may change, or go with a purge, while the grade itself is as it was.

    `is_moment`: in ISO 8601, in UTC as long as GradeBridge has it, in the site's zone in a file.
    """

    name: str
    explains: bool = False
    is_moment: bool = False
    layout: int = 1


PERSON = (Column("user_id"), Column("first_name", explains=True), Column("last_name", explains=True))
PLACE = (Column("course_id"), Column("column_name"), Column("learn_user_id"))

COLUMNS: dict[Part, tuple[Column, ...]] = {
    Part.GRADES: (
        *PERSON,
        Column("expected"),
        Column("state"),
        Column("mark"),  # as WISEflow sent it last
        Column("alternative_grade"),
        Column("source_code"),
        Column("value"),
        Column("certainty"),
        *PLACE,
        Column("since", is_moment=True),
        Column("left_behind_at", is_moment=True),
        Column("cause"),
        Column("failed_at", is_moment=True),
        Column("attempt", explains=True),
        Column("trigger", explains=True),
        Column("explanation", explains=True),
        # What Learn's own gradebook showed: it is read again and again.
        Column("proof", explains=True, layout=2),
        Column("shown", explains=True, layout=2),
        Column("read_at", explains=True, is_moment=True, layout=2),
    ),
    Part.ENDED: (
        *PERSON,
        Column("mark"),
        Column("alternative_grade"),
        Column("source_code"),
        Column("value"),
        Column("certainty"),
        *PLACE,
        Column("since", is_moment=True),
        Column("until", is_moment=True),
        Column("ended_as"),
        Column("replaced_by_value"),
        Column("replaced_by_user_id"),
        Column("replaced_by_flow_id"),
        Column("dealt_with_by"),
    ),
    Part.CORRECTIONS: (
        *PERSON,
        Column("source_code"),
        Column("mark_before"),
        Column("value_before"),
        Column("mark"),
        Column("correction_state"),
        Column("reason"),
        Column("requested_by"),
        Column("requested_at", is_moment=True),
        Column("decided_by"),
        Column("decided_at", is_moment=True),
        Column("decline_reason"),
        Column("attempt", explains=True),
    ),
}


UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # what no file can hold


def plain(text: str) -> str:
    """As every kind of file can hold it, so that each has the same rows: in one line, without what cannot be seen."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def moment_cell(when: datetime | None) -> str:
    return when.astimezone(UTC).replace(microsecond=0).isoformat() if when else ""


def written(part: Part, cells: Cells) -> Cells:
    """A row as files have it: its moments in the site's zone."""
    return tuple(
        utc_to_local(cell) if column.is_moment else cell for column, cell in zip(COLUMNS[part], cells, strict=True)
    )


def read_back(part: Part, cells: Cells) -> Cells:
    """A row that a file has, as GradeBridge had it. What is no moment any more stays as it is."""
    return tuple(
        local_to_utc(cell) if column.is_moment else cell for column, cell in zip(COLUMNS[part], cells, strict=True)
    )


def utc_to_local(cell: str) -> str:
    return timezone.localtime(datetime.fromisoformat(cell)).isoformat() if cell else ""


def local_to_utc(text: str) -> str:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment_cell(when) if when.tzinfo else text


def names_of(part: Part) -> tuple[str, ...]:
    return tuple(column.name for column in COLUMNS[part])


# The columns of all parts in one table, each once
ALL_NAMES = tuple(dict.fromkeys(name for part in Part for name in names_of(part)))
