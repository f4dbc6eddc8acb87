"""What reconciliation can say of a grade: codes in the order in which people deal with them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What one line says. `exports.reconciling.sentences` has what to do about each."""

    # Differences: WISEflow, GradeBridge and Learn do not agree.
    DIFFERENT_IN_LEARN = "DIFFERENT_IN_LEARN", _("Different in Learn")
    ABSENT_IN_LEARN = "ABSENT_IN_LEARN", _("Not shown in Learn")
    CHANGED_IN_WISEFLOW = "CHANGED_IN_WISEFLOW", _("Changed in WISEflow")
    GONE_IN_WISEFLOW = "GONE_IN_WISEFLOW", _("No grade in WISEflow any more")
    EXPORTED_THERE_ONLY = "EXPORTED_THERE_ONLY", _("Exported in WISEflow only")
    NOT_DELIVERED = "NOT_DELIVERED", _("Not delivered")
    GRADED_NOT_EXPORTED = "GRADED_NOT_EXPORTED", _("Graded in WISEflow, not exported")
    NOT_LISTED = "NOT_LISTED", _("Not listed in WISEflow")
    LEFT_BEHIND = "LEFT_BEHIND", _("Left behind in Learn")
    DELIVERED_BUT_FAILED_THERE = "DELIVERED_BUT_FAILED_THERE", _("Delivered, failed in WISEflow")
    DELIVERED_BUT_NOT_THERE = "DELIVERED_BUT_NOT_THERE", _("Delivered, not exported in WISEflow")
    # Missing: expected, and nothing has come.
    MISSING = "MISSING", _("Missing")
    NOT_GRADED = "NOT_GRADED", _("Missing, not graded in WISEflow")
    # Nothing is wrong, as far as is known: something is not known, or is so on purpose.
    NOT_READABLE = "NOT_READABLE", _("Not readable in Learn")
    NOT_COMPARABLE = "NOT_COMPARABLE", _("Not comparable with WISEflow")
    READ_BEFORE = "READ_BEFORE", _("WISEflow was read before")
    IN_PROGRESS = "IN_PROGRESS", _("In progress")
    NOT_DUE = "NOT_DUE", _("Not due yet")
    DECIDED = "DECIDED", _("Learn's grade kept")
    CORRECTED = "CORRECTED", _("Corrected here")
    PULLED = "PULLED", _("Exported from WISEflow's API")
    SKIPPED = "SKIPPED", _("Left out by a rule")
    DEACTIVATED = "DEACTIVATED", _("Deactivated in WISEflow")
    NOT_READ = "NOT_READ", _("Not read back yet")
    NOTHING = "NOTHING", _("Nothing expected")
    AGREES = "AGREES", _("In agreement")

    @property
    def is_missing(self) -> bool:
        return self in MISSING

    @property
    def is_difference(self) -> bool:
        return self in DIFFERENCES

    @property
    def is_problem(self) -> bool:
        """Whether someone has something to do about it."""
        return self in PROBLEMS


ORDER = {kind: number for number, kind in enumerate(Kind)}
MISSING = (Kind.MISSING, Kind.NOT_GRADED)
DIFFERENCES = tuple(kind for kind in Kind if ORDER[kind] < ORDER[Kind.MISSING])
PROBLEMS = (*DIFFERENCES, *MISSING)
