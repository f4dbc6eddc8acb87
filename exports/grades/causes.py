"""Every reason why a grade was not delivered, in a sentence, with what to do about it."""

from typing import NamedTuple

from django.db import models


class Guidance(NamedTuple):
    sentence: str  # what happened; {detail} is what is particular to this grade
    what_to_do: str


class Cause(models.TextChoices):
    """Why a delivery is not delivered."""

    # The entry in WISEflow's body cannot be used: only a new export from WISEflow helps.
    NO_USER_ID = "NO_USER_ID", "No usable user id"
    ENTRY_NOT_USABLE = "ENTRY_NOT_USABLE", "Entry not usable"
    CONTRADICTORY_ENTRIES = "CONTRADICTORY_ENTRIES", "Contradictory entries"

    # A rule forbids it.
    NOT_MAPPED = "NOT_MAPPED", "Flow not mapped"
    SOURCE_NOT_MAPPED = "SOURCE_NOT_MAPPED", "Source not mapped"
    COLUMN_DELETED = "COLUMN_DELETED", "Column deleted in Learn"
    NOT_SYNCHRONISED = "NOT_SYNCHRONISED", "Flow not synchronised"
    ASSESSMENT_NOT_ENDED = "ASSESSMENT_NOT_ENDED", "Assessment period not ended"
    ALTERNATIVE_GRADE_TOO_EARLY = "ALTERNATIVE_GRADE_TOO_EARLY", "Alternative grade in an instant export"
    NO_ASSESSMENT = "NO_ASSESSMENT", "No assessment"
    NOT_ON_ROSTER = "NOT_ON_ROSTER", "Not on the roster"
    ADDED_BY_HAND = "ADDED_BY_HAND", "Added by hand"
    ALREADY_EXPORTED = "ALREADY_EXPORTED", "Already exported"
    ALTERNATIVE_GRADE_LOCKED = "ALTERNATIVE_GRADE_LOCKED", "Alternative grade locked"
    ALTERNATIVE_GRADE_OF_ANOTHER = "ALTERNATIVE_GRADE_OF_ANOTHER", "Another's alternative grade locked"
    SAME_LEARN_USER = "SAME_LEARN_USER", "Two people, one Learn user"
    REPLACED = "REPLACED", "Replaced in Learn"
    PERHAPS_REPLACED = "PERHAPS_REPLACED", "Perhaps replaced in Learn"
    MISPLACED = "MISPLACED", "In Learn at the wrong place"
    IN_PROGRESS = "IN_PROGRESS", "Another export on its way"
    VALUE_NOT_USABLE = "VALUE_NOT_USABLE", "Value not usable"
    LEARN_USER_UNKNOWN = "LEARN_USER_UNKNOWN", "Learn user not known"

    # Learn said no.
    REJECTED_BY_LEARN = "REJECTED_BY_LEARN", "Rejected by Learn"

    # It did not arrive.
    LEARN_UNAVAILABLE = "LEARN_UNAVAILABLE", "Learn not available"
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED", "Learn refused the credentials"
    PERMISSION_MISSING = "PERMISSION_MISSING", "Permission missing in Learn"
    NOT_INSTALLED = "NOT_INSTALLED", "Grades Journey not found in Learn"
    QUOTA_USED_UP = "QUOTA_USED_UP", "Learn's quota used up"
    REQUEST_REFUSED = "REQUEST_REFUSED", "Learn refused the request"
    DEADLINE = "DEADLINE", "Out of time"
    INTERRUPTED = "INTERRUPTED", "Interrupted"
    CANCELLED = "CANCELLED", "Cancelled"

    # It may have arrived.
    UNCONFIRMED = "UNCONFIRMED", "Not confirmed by Learn"
    INTERNAL_ERROR = "INTERNAL_ERROR", "Error in GradeBridge"

    @property
    def guidance(self) -> Guidance:
        return _GUIDANCE[self]

    @property
    def needs_new_export(self) -> bool:
        """Whether a retry cannot help, because what WISEflow sent is not usable."""
        return self in (Cause.NO_USER_ID, Cause.ENTRY_NOT_USABLE, Cause.CONTRADICTORY_ENTRIES)

    def error_info(self, detail: str = "") -> str:
        """One or two short sentences for a narrow column: what happened, and what to do."""
        return f"{self.sentence(detail)} {self.guidance.what_to_do}"

    def sentence(self, detail: str = "") -> str:
        """What happened, in one sentence."""
        return self.guidance.sentence.replace("{detail}", detail.rstrip(". "))


_RETRY = "Retry in GradeBridge."

_GUIDANCE = {
    Cause.NO_USER_ID: Guidance("The entry names no person: {detail}.", "Correct the export in WISEflow."),
    Cause.ENTRY_NOT_USABLE: Guidance("The entry is not usable: {detail}.", "Correct it and export again."),
    Cause.CONTRADICTORY_ENTRIES: Guidance(
        "The export holds different grades, or different Learn users, for this person.",
        "Decide which is right and export again.",
    ),
    Cause.NOT_MAPPED: Guidance("This flow is not mapped to a Learn column.", "Map it in GradeBridge, then retry."),
    Cause.SOURCE_NOT_MAPPED: Guidance(
        "Source {detail} has no Learn column in this flow.", "Map it in GradeBridge, then retry."
    ),
    Cause.COLUMN_DELETED: Guidance(
        "Column {detail} was deleted in Learn.", "Create it again or map another column, then retry."
    ),
    Cause.NOT_SYNCHRONISED: Guidance(
        "This flow is not marked as synchronised with the SIS.", "Mark it in GradeBridge, then retry."
    ),
    Cause.ASSESSMENT_NOT_ENDED: Guidance("The assessment period runs until {detail}.", "Retry after it has ended."),
    Cause.ALTERNATIVE_GRADE_TOO_EARLY: Guidance(
        "Instant export takes no alternative grades before the assessment ends ({detail}).", "Retry after it has ended."
    ),
    Cause.NO_ASSESSMENT: Guidance("There is no grade or alternative grade.", "Assess the person and export again."),
    Cause.NOT_ON_ROSTER: Guidance(
        "This person is not on the flow's roster.", "Import an up-to-date roster in GradeBridge, then retry."
    ),
    Cause.ADDED_BY_HAND: Guidance(
        "This person was added by hand, not through the SIS.",
        "Add them through the SIS, import the roster, then retry.",
    ),
    Cause.ALREADY_EXPORTED: Guidance(
        "Already exported as {detail}; an export runs only once.", "Ask for a correction if it must change."
    ),
    Cause.ALTERNATIVE_GRADE_LOCKED: Guidance(
        "The alternative grade was exported as {detail} and is locked.", "Change it in Learn if it must change."
    ),
    Cause.ALTERNATIVE_GRADE_OF_ANOTHER: Guidance(
        "Another person's locked alternative grade is in Learn for this Learn user in this column: {detail}.",
        "Correct the Learn user of one of them, then retry.",
    ),
    Cause.SAME_LEARN_USER: Guidance(
        "This person leads to Learn user {detail} of the same flow.",
        "Correct the Learn user of one of them, then retry.",
    ),
    Cause.REPLACED: Guidance(
        "Another grade is in Learn now for this Learn user in this column: {detail}.",
        "Correct the Learn user or the mapping of one of them, then retry.",
    ),
    Cause.PERHAPS_REPLACED: Guidance(
        "It is not certain which grade is in Learn for this Learn user in this column: this one or {detail}.",
        "Retry the other one first, then check both in Learn.",
    ),
    Cause.MISPLACED: Guidance(
        "The grade is in Learn for {detail}.", "Retry to send it to the right place, then remove it there in Learn."
    ),
    Cause.IN_PROGRESS: Guidance("Another export of this person is on its way.", "Export again in a minute."),
    Cause.VALUE_NOT_USABLE: Guidance(
        "There is no value for Learn: {detail}.", "Correct the translation or the column in GradeBridge, then retry."
    ),
    Cause.LEARN_USER_UNKNOWN: Guidance(
        "The user id {detail} does not fit the caller's pattern for Learn users.",
        "Correct the request profile or import a roster with Learn users, then retry.",
    ),
    Cause.REJECTED_BY_LEARN: Guidance("Learn rejected it: {detail}.", "Repair it in Learn, then retry in GradeBridge."),
    Cause.LEARN_UNAVAILABLE: Guidance("{detail}.", _RETRY),
    Cause.CREDENTIALS_REFUSED: Guidance("{detail}.", "An administrator checks LEARN_KEY and LEARN_SECRET, then retry."),
    Cause.PERMISSION_MISSING: Guidance("{detail}.", "An administrator grants the permission in Learn, then retry."),
    Cause.NOT_INSTALLED: Guidance(
        "{detail}.", "An administrator checks LEARN_URL and that the application is installed in Learn, then retry."
    ),
    Cause.QUOTA_USED_UP: Guidance("{detail}.", "Retry after that."),
    Cause.REQUEST_REFUSED: Guidance("{detail}.", "Tell your administrator, then retry."),
    Cause.DEADLINE: Guidance("There was no time left to send it in this export.", _RETRY),
    Cause.INTERRUPTED: Guidance("GradeBridge was interrupted before it was sent.", _RETRY),
    Cause.CANCELLED: Guidance("The retry was cancelled before it was sent.", _RETRY),
    Cause.UNCONFIRMED: Guidance("{detail}.", "Retry: the same grade is only set again."),
    Cause.INTERNAL_ERROR: Guidance(
        "An error in GradeBridge left this unconfirmed.", "Retry; if it comes back, tell your administrator."
    ),
}
