"""What can be missing or wrong, in words; and the result of looking for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db import models
from django.utils.text import capfirst

from exports.models import Flow


class Severity(models.TextChoices):
    ERROR = "ERROR", "Error"  # grades would be refused: repair it before the exam day
    NOTE = "NOTE", "Note"  # nothing is refused for it, but nothing is checked either: see that it is meant so


class Kind(models.TextChoices):
    """What is missing or wrong."""

    NOT_MAPPED = "NOT_MAPPED", "No grade column"
    NOT_SYNCHRONISED = "NOT_SYNCHRONISED", "Not synchronised"
    SOURCE_NOT_MAPPED = "SOURCE_NOT_MAPPED", "Source not mapped"
    SAME_LEARN_USER = "SAME_LEARN_USER", "Several people, one Learn user"
    COLUMN_DELETED = "COLUMN_DELETED", "Column deleted in Learn"
    MARKS_NOT_TRANSLATED = "MARKS_NOT_TRANSLATED", "Marks not translated"
    ALTERNATIVE_GRADE_REFUSED = "ALTERNATIVE_GRADE_REFUSED", "Alternative grade refused"
    VALUE_NOT_SHOWN = "VALUE_NOT_SHOWN", "Value that the column cannot show"

    SOURCE_NOT_GIVEN = "SOURCE_NOT_GIVEN", "People without a source"
    SOURCE_NOT_ON_ROSTER = "SOURCE_NOT_ON_ROSTER", "Source that nobody has"
    ALTERNATIVE_GRADES_UNKNOWN = "ALTERNATIVE_GRADES_UNKNOWN", "Alternative grades not translated"
    SCHEMA_NOT_KNOWN = "SCHEMA_NOT_KNOWN", "Grade schema not known"
    # R8: a flow without a roster trusts WISEflow. That is a way to work, not a mistake, so it is never an error; and
    # where no flow of the site has a roster nobody forgot one, so it is not even said.
    ROSTER_MISSING = "ROSTER_MISSING", "No roster"
    PERIOD_NOT_KNOWN = "PERIOD_NOT_KNOWN", "Assessment period not known"

    @property
    def severity(self) -> Severity:
        return Severity.NOTE if self in NOTES else Severity.ERROR


NOTES = {
    Kind.SOURCE_NOT_GIVEN,
    Kind.SOURCE_NOT_ON_ROSTER,
    Kind.ALTERNATIVE_GRADES_UNKNOWN,
    Kind.SCHEMA_NOT_KNOWN,
    Kind.ROSTER_MISSING,
    Kind.PERIOD_NOT_KNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to repair. `repair` is the row whose page in the admin does it."""

    flow: Flow
    kind: Kind
    sentence: str
    repair: models.Model

    @property
    def is_error(self) -> bool:
        return self.kind.severity is Severity.ERROR

    @property
    def place(self) -> str:
        """`Translation Letters`: what to repair, in words."""
        return capfirst(f"{self.repair._meta.verbose_name} {self.repair}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """Of `checked` flows. `finished` more were left out: every grade of theirs is exported."""

    problems: Sequence[Problem]
    checked: int
    finished: int

    @property
    def by_flow(self) -> list[tuple[Flow, list[Problem]]]:
        """The flows with problems, errors first within each."""
        grouped = groupby(self.problems, key=attrgetter("flow"))
        return [(flow, sorted(found, key=lambda problem: not problem.is_error)) for flow, found in grouped]

    @property
    def flows_with_errors(self) -> int:
        return len({problem.flow.pk for problem in self.problems if problem.is_error})

    @property
    def flows_with_notes(self) -> int:
        """Without an error."""
        return len({problem.flow.pk for problem in self.problems}) - self.flows_with_errors

    @property
    def healthy(self) -> int:
        return self.checked - self.flows_with_errors - self.flows_with_notes

    @property
    def sentence(self) -> str:
        counts = f"{self.flows_with_errors} with errors, {self.flows_with_notes} with notes, {self.healthy} without"
        left_out = f" {self.finished} left out: all their grades are exported." if self.finished else ""
        return f"{self.checked} {'flow' if self.checked == 1 else 'flows'} checked: {counts}.{left_out}"


def people(number: int) -> str:
    return "1 person has" if number == 1 else f"{number} people have"
