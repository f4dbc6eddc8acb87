"""What can be missing or wrong, in words; and the result of looking for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from exports.models import Flow


class Severity(models.TextChoices):
    ERROR = "ERROR", _("Error")  # grades would be refused: repair it before the exam day
    WARNING = "WARNING", _("Warning")  # grades would arrive, but maybe not be seen as they are meant
    NOTE = "NOTE", _("Note")  # nothing is refused for it, but nothing is checked either: check it yourself


class Kind(models.TextChoices):
    """What is missing or wrong."""

    NOT_MAPPED = "NOT_MAPPED", _("No grade column")
    NOT_SYNCHRONISED = "NOT_SYNCHRONISED", _("Not synchronised")
    SOURCE_NOT_MAPPED = "SOURCE_NOT_MAPPED", _("Source without a grade column")
    SAME_LEARN_USER = "SAME_LEARN_USER", _("Several participants, one Learn user")
    COLUMN_DELETED = "COLUMN_DELETED", _("Column deleted in Learn")
    MARKS_NOT_TRANSLATED = "MARKS_NOT_TRANSLATED", _("Marks not translated")
    ALTERNATIVE_GRADE_REFUSED = "ALTERNATIVE_GRADE_REFUSED", _("Alternative grade refused")
    VALUE_NOT_SHOWN = "VALUE_NOT_SHOWN", _("Value that the column cannot show")
    ROSTER_OF_OTHERS = "ROSTER_OF_OTHERS", _("Roster of other people")

    SOURCE_NOT_GIVEN = "SOURCE_NOT_GIVEN", _("Participants without a source")
    SOURCE_NOT_ON_ROSTER = "SOURCE_NOT_ON_ROSTER", _("Source that no one has")
    ALTERNATIVE_GRADES_UNKNOWN = "ALTERNATIVE_GRADES_UNKNOWN", _("Alternative grades not translated")
    SCHEMA_NOT_KNOWN = "SCHEMA_NOT_KNOWN", _("Grade schema not known")
    # R8: a flow without a roster trusts WISEflow. That is a way to work, not a mistake, so it is never an error; and
    # where no flow of the site has a roster no one forgot one, so it is not even a note.
    ROSTER_MISSING = "ROSTER_MISSING", _("No roster")
    PERIOD_NOT_KNOWN = "PERIOD_NOT_KNOWN", _("End of the assessment period not known")
    ENDS_TOO_EARLY = "ENDS_TOO_EARLY", _("End before the synchronisation")

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
    Kind.ENDS_TOO_EARLY,
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
        checked = ngettext(
            "%(checked)s flow checked: %(errors)s with errors, %(notes)s with notes, %(healthy)s without problems.",
            "%(checked)s flows checked: %(errors)s with errors, %(notes)s with notes, %(healthy)s without problems.",
            self.checked,
        ) % {
            "checked": intcomma(self.checked),
            "errors": intcomma(self.flows_with_errors),
            "notes": intcomma(self.flows_with_notes),
            "healthy": intcomma(self.healthy),
        }
        if not self.finished:
            return checked
        finished = ngettext(
            "%(count)s flow is finished and was not checked.",
            "%(count)s flows are finished and were not checked.",
            self.finished,
        )
        return f"{checked} {finished % {'count': intcomma(self.finished)}}"
