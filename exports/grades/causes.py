"""Every reason why a grade was not delivered: a cause, and in its detail what is particular to one grade.

Both are data: the cause a code, the detail JSON. `exports.grades.sentences` says them.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

Detail = Mapping[str, Any]  # parameters of a cause's sentence; times ISO 8601; "reason" names one of its reasons


class Cause(models.TextChoices):
    """Why a delivery is not delivered."""

    # The entry in WISEflow's body cannot be used: only a new export from WISEflow helps.
    NO_USER_ID = "NO_USER_ID", _("No usable user id")
    ENTRY_NOT_USABLE = "ENTRY_NOT_USABLE", _("Entry not usable")
    CONTRADICTORY_ENTRIES = "CONTRADICTORY_ENTRIES", _("Different grades for one participant")

    # Someone has decided that it waits.
    HELD = "HELD", _("Held")
    PAUSED = "PAUSED", _("Sending is paused")

    # A rule forbids it.
    NOT_MAPPED = "NOT_MAPPED", _("No Learn column chosen")
    SOURCE_NOT_MAPPED = "SOURCE_NOT_MAPPED", _("No Learn column chosen for the source")
    COLUMN_DELETED = "COLUMN_DELETED", _("Column deleted in Learn")
    NOT_SYNCHRONISED = "NOT_SYNCHRONISED", _("Exam not marked as synchronised")
    ASSESSMENT_NOT_ENDED = "ASSESSMENT_NOT_ENDED", _("Assessment period has not ended")
    ALTERNATIVE_GRADE_TOO_EARLY = (
        "ALTERNATIVE_GRADE_TOO_EARLY",
        _("Alternative grade before the end"),
    )
    NO_ASSESSMENT = "NO_ASSESSMENT", _("No assessment")
    NOT_ON_ROSTER = "NOT_ON_ROSTER", _("Not on the roster")
    ADDED_BY_HAND = "ADDED_BY_HAND", _("Student added by hand")
    ALREADY_EXPORTED = "ALREADY_EXPORTED", _("Already exported")
    ALTERNATIVE_GRADE_LOCKED = "ALTERNATIVE_GRADE_LOCKED", _("Alternative grade locked")
    ALTERNATIVE_GRADE_OF_ANOTHER = (
        "ALTERNATIVE_GRADE_OF_ANOTHER",
        _("Another student's grade is locked there"),
    )
    SAME_LEARN_USER = "SAME_LEARN_USER", _("Two students, one Learn user")
    SAME_LEARN_USER_ELSEWHERE = "SAME_LEARN_USER_ELSEWHERE", _("Another flow's grade is there")
    REPLACED = "REPLACED", _("Overwritten in Learn")
    PERHAPS_REPLACED = "PERHAPS_REPLACED", _("Perhaps overwritten in Learn")
    MISPLACED = "MISPLACED", _("In Learn in the wrong place")
    CHANGED_IN_LEARN = "CHANGED_IN_LEARN", _("Changed in Learn")
    FORGOTTEN = "FORGOTTEN", _("Student forgotten")
    LEARN_GRADE_KEPT = "LEARN_GRADE_KEPT", _("Learn's grade kept")
    IN_PROGRESS = "IN_PROGRESS", _("Another export in progress")
    VALUE_NOT_USABLE = "VALUE_NOT_USABLE", _("Grade cannot be converted for Learn")
    LEARN_USER_UNKNOWN = "LEARN_USER_UNKNOWN", _("Learn user unknown")

    # Learn said no.
    REJECTED_BY_LEARN = "REJECTED_BY_LEARN", _("Rejected by Learn")

    # It did not arrive.
    LEARN_UNAVAILABLE = "LEARN_UNAVAILABLE", _("Learn not available")
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED", _("Learn refused the credentials")
    PERMISSION_MISSING = "PERMISSION_MISSING", _("Permission missing in Learn")
    NOT_INSTALLED = "NOT_INSTALLED", _("Grades Journey not found in Learn")
    QUOTA_USED_UP = "QUOTA_USED_UP", _("Learn's daily call limit reached")
    REQUEST_REFUSED = "REQUEST_REFUSED", _("Learn refused the request")
    NOT_READ = "NOT_READ", _("Learn could not be read first")
    NOT_IN_LEARN = "NOT_IN_LEARN", _("Not in Learn")
    DEADLINE = "DEADLINE", _("Not sent in time")
    INTERRUPTED = "INTERRUPTED", _("Interrupted")
    CANCELLED = "CANCELLED", _("Cancelled")

    # It may have arrived.
    UNCONFIRMED = "UNCONFIRMED", _("Not confirmed by Learn")
    INTERNAL_ERROR = "INTERNAL_ERROR", _("Error in GradeBridge")

    @property
    def is_skip(self) -> bool:
        """Whether the person is left out on purpose, so that nothing is wrong: counted apart from faults."""
        return self in SKIPS

    @property
    def is_cured_by_retry(self) -> bool:
        """Whether a retry is the next step: it did not arrive, or may not have, and nothing here forbids it."""
        return self in SENT_AGAIN

    @property
    def needs_new_export(self) -> bool:
        """Whether a retry cannot help, because what WISEflow sent is not usable."""
        return self in (Cause.NO_USER_ID, Cause.ENTRY_NOT_USABLE, Cause.CONTRADICTORY_ENTRIES)


SKIPS = (
    *(Cause.NO_ASSESSMENT, Cause.NOT_ON_ROSTER, Cause.ADDED_BY_HAND, Cause.HELD, Cause.LEARN_GRADE_KEPT),
    Cause.FORGOTTEN,
)
HELD_BACK = (Cause.HELD, Cause.PAUSED)  # nothing is to be corrected: they are sent once they may be
SENT_AGAIN = (
    *(Cause.MISPLACED, Cause.IN_PROGRESS, Cause.REJECTED_BY_LEARN, Cause.LEARN_UNAVAILABLE, Cause.QUOTA_USED_UP),
    *(Cause.NOT_READ, Cause.NOT_IN_LEARN, Cause.DEADLINE, Cause.INTERRUPTED, Cause.CANCELLED, Cause.UNCONFIRMED),
    Cause.INTERNAL_ERROR,
)


def cause_choices() -> list[tuple[str, Any]]:
    """For a model's field: as a function, so that no migration follows when a text changes."""
    return Cause.choices
