"""Causes, reasons and their parameters -> the sentences that people read, in their language.

Each cause has a sentence, and two that say what to do: for whoever may configure GradeBridge, and for everyone else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.moments import day, moment
from common.sentences import shortlist
from courses import sentences as learn
from exports.grades.causes import Cause, Detail

Text = Any  # a lazily translated text


class Guidance(NamedTuple):
    sentence: Text  # with the parameters of the detail
    what_to_do: Text  # for an administrator
    what_to_ask: Text = ""  # for a manager, where only an administrator can do it


MISSING = Guidance(  # of a participant who is expected
    _("On the roster; WISEflow has sent no grade."), _("Have it assessed and exported in WISEflow.")
)


def sentence(cause: Cause, detail: Detail) -> str:
    """What happened, in one sentence."""
    try:
        return full_sentence(cause, detail)
    except (KeyError, TypeError, ValueError):  # a detail of another version: it must not break an answer or a page
        return learn.ended(str(cause.label))


def full_sentence(cause: Cause, detail: Detail) -> str:
    """The same. Raises KeyError, TypeError or ValueError where the detail lacks what the sentence needs."""
    if "code" in detail:  # Learn's part in it
        return learn.sentence(detail)
    if "text" in detail:  # said before details were kept as data
        text = str(detail["text"]).rstrip(". ")
        return learn.ended(f"{cause.label}: {text}" if text else str(cause.label))
    template = WHOLE.get(detail.get("reason", "")) or GUIDANCE[cause].sentence or cause.label
    return learn.ended(str(template) % params(detail))


def what_to_do(cause: Cause, *, may_configure: bool = False) -> str:
    """The next step of a person who may change courses, mappings and rosters, or may not."""
    guidance = GUIDANCE[cause]
    return str(guidance.what_to_do if may_configure else guidance.what_to_ask or guidance.what_to_do)


def error_info(cause: Cause, detail: Detail, *, may_configure: bool = False) -> str:
    """One or two short sentences for a narrow column: what happened, and what to do."""
    return f"{sentence(cause, detail)} {what_to_do(cause, may_configure=may_configure)}"


def reason(detail: Detail) -> str:
    """The sentence of a detail's own reason, without a full stop. Raises KeyError for one of another version."""
    return str(REASONS[detail["reason"]]) % shown_params(detail)


def params(detail: Detail) -> Mapping[str, str]:
    shown = shown_params(detail)
    if shown.get("reason") in REASONS:
        shown["reason"] = reason(detail)
    else:
        shown.pop("reason", None)
    return shown


def shown_params(detail: Detail) -> dict[str, str]:
    shown = {name: shown_param(name, value) for name, value in detail.items()}
    if "shown" in detail:  # what Learn showed, as a phrase of all that is known of it
        shown["shown"] = clipped(learn.shown_grade(detail))
    return shown


def shown_param(name: str, value: Any) -> str:
    """A parameter as people read it. The names of moments end in `_at`, those of days in `_on`."""
    if isinstance(value, list):
        return places_named(value) if name == "places" else shortlist(list(map(clipped, value)), most=MAX_NAMED)
    if isinstance(value, Mapping):  # Learn's part in it
        return learn.sentence(value).rstrip(". ")
    if not isinstance(value, str):
        return str(value)
    if name.endswith("_at"):
        return moment(datetime.fromisoformat(value))
    if name.endswith("_on"):
        return day(datetime.fromisoformat(value))
    if name in ("found", "kind"):
        return str(KINDS.get(value, value))
    if name == "source_code" and not value:
        return gettext("(none)")
    return clipped(value)


def places_named(places: Iterable[Sequence[str]]) -> str:
    """`Learn user wrong5 in column Final of course BIO101`."""
    one = gettext("Learn user %(user)s in column %(column)s of course %(course)s")
    return "; ".join(
        one % {"course": clipped(course), "column": clipped(column), "user": clipped(user)}
        for course, column, user in places
    )


def of_source(source_code: str, text: str) -> str:
    """A sentence about one of a participant's sources."""
    return gettext("Source %(source_code)s: %(text)s") % {"source_code": source_code, "text": text}


def clipped(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


MAX_SHOWN = 60  # characters of a grade or a name in a sentence
MAX_NAMED = 3  # students in one sentence

# What was found in a body
KINDS: dict[str, Text] = {
    "null": _("null"),
    "boolean": _("true or false"),
    "number": _("a number"),
    "computed": _("a computed number"),
    "string": _("a text"),
    "array": _("a list"),
    "object": _("an object"),
    "expref": _("an expression"),
    "control character": _("control character"),
    "invisible character": _("invisible character"),
    "lone surrogate": _("lone surrogate"),
    "line break": _("line break"),
}

# Reasons of NO_USER_ID, ENTRY_NOT_USABLE and VALUE_NOT_USABLE. `field` is where it is in the body.
REASONS: dict[str, Text] = {
    "NO_OBJECT": _("it is %(found)s, not an object"),
    "KEY_TWICE": _("a key appears in it twice"),
    "FIELD_MISSING": _("%(field)s is missing"),
    "FIELD_TWICE": _("%(field)s appears twice"),
    "FIELD_NULL": _("%(field)s is null"),
    "FIELD_EMPTY": _("%(field)s is empty"),
    "FIELD_NOT_WHOLE": _("%(field)s is not a whole number"),
    "FIELD_OF_KIND": _("%(field)s is %(found)s, not a text or number"),
    "FIELD_TOO_LONG": _("%(field)s has %(length)s characters; %(max)s are allowed"),
    "FIELD_CHARACTER": _("%(field)s contains the %(kind)s %(character)s"),
    "FIELD_AMBIGUOUS": _("%(field)s is ambiguous: a key appears twice"),
    "FIELD_TOO_DEEP": _("%(field)s is nested too deeply"),
    "FIELD_NO_FIT": _("%(field)s does not fit the request body"),
    "FIELD_NO_ORDER": _("%(field)s cannot be sorted: it contains %(found)s"),
    "FIELD_NO_ARGUMENT": _("%(field)s does not fit: %(function)s() does not accept %(found)s"),
    "FIELD_JOIN": _("%(field)s does not fit: join() accepts texts, not %(found)s"),
    "FIELD_ADDED_BY": _("%(field)s is neither SIS nor MANUAL"),
    "MARK_NOT_IN_TRANSLATION": _("the mark '%(mark)s' is not in this flow's translation table"),
    "CODE_NOT_IN_TRANSLATION": _("the alternative grade '%(mark)s' is not in this flow's translation table"),
    "MARK_NO_NUMBER": _("the mark '%(mark)s' is not a number such as 89.99"),
    "MARK_LOSES_DIGITS": _("the mark '%(mark)s' has digits that would be lost, and no rounding is set"),
    "VALUE_EMPTY": _("its translation is empty"),
    "VALUE_TOO_LONG": _("it has %(length)s characters; Learn allows %(max)s"),
    "VALUE_NO_SYMBOL": _("'%(value)s' is not a symbol of the column's grade schema"),
    "VALUE_NO_NUMBER": _("'%(value)s' is not a plain number such as 89.99"),
    "VALUE_OUT_OF_RANGE": _("'%(value)s' is not between 0 and the column's %(points)s points"),
    "VALUE_NO_GRADE": _("'%(value)s' means that there is no grade"),
    "VALUE_AMBIGUOUS": _(
        "'%(value)s' is both a symbol of the column's grade schema and a number of points; a translation must say which"
    ),
    "NAMES_TOO_LONG": _("the names of course, column and Learn user are too long together"),
}

# A reason that is the whole sentence
WHOLE: dict[str, Text] = {
    "SYNCHRONISED_LATER": _("This exam counts as synchronised with the student system only from %(synchronised_at)s."),
    "NO_ANSWER_YET": _("Learn has not answered yet."),
    "NOT_IN_WISEFLOW": _("WISEflow has no Learn user (batch uid) for user id %(user_id)s."),
    "CORRECTION_APPROVED": _(
        "This grade was already sent on %(since_on)s (%(value)s), and a correction to %(mark)s is approved."
    ),
    "PERSON_HELD": _("This student was held by %(held_by)s on %(held_at)s: %(why)s."),
    "SET_BY": _("Learn shows %(shown)s, set by %(by)s on %(changed_at)s. Nothing was sent."),
    "SET_ON": _("Learn shows %(shown)s, set on %(changed_at)s. Nothing was sent."),
    "ANOTHER_SHOWN": _("Learn did not confirm this grade, and its gradebook shows %(shown)s."),
    "COLUMN_PERHAPS_DELETED": _("Column %(column_name)s may have been deleted in Learn on %(deleted_on)s."),
}

_RETRY = _("Retry in GradeBridge.")

GUIDANCE: dict[Cause, Guidance] = {
    Cause.NO_USER_ID: Guidance(
        _("Entry %(place)s has no usable user id: %(reason)s."), _("Correct the export in WISEflow.")
    ),
    Cause.ENTRY_NOT_USABLE: Guidance(
        _("The entry cannot be used: %(reason)s."), _("Correct it in WISEflow, then export again.")
    ),
    Cause.CONTRADICTORY_ENTRIES: Guidance(
        _("The export contains different grades or Learn users for this participant."),
        _("Decide which is correct, then export again."),
    ),
    Cause.HELD: Guidance(
        _("This exam was held by %(held_by)s on %(held_at)s: %(why)s."),
        _("Retry. If it is still held, release it first."),
    ),
    Cause.PAUSED: Guidance(
        _("All sending was paused by %(held_by)s on %(held_at)s: %(why)s."),
        _("Retry. If sending is still paused, resume it first."),
        _("Retry. If sending is still paused, ask an administrator to resume it."),
    ),
    Cause.NOT_MAPPED: Guidance(
        _("No Learn column is chosen for this flow."),
        _("Choose the Learn column on the flow's page, then retry."),
        _("Ask an administrator to choose the Learn column, then retry."),
    ),
    Cause.SOURCE_NOT_MAPPED: Guidance(
        _("No Learn column is chosen for source %(source_code)s of this flow."),
        _("Choose the Learn column on the flow's page, then retry."),
        _("Ask an administrator to choose the Learn column, then retry."),
    ),
    Cause.COLUMN_DELETED: Guidance(
        _("Column %(column_name)s was deleted in Learn."),
        _("Create it again or choose another column, then retry."),
        _("Ask an administrator to create it again or to choose another column, then retry."),
    ),
    Cause.NOT_SYNCHRONISED: Guidance(
        _("This exam is not marked as synchronised with the student system."),
        _("Mark it as synchronised on the flow's page, then retry."),
        _("Ask an administrator to mark it as synchronised, then retry."),
    ),
    Cause.ASSESSMENT_NOT_ENDED: Guidance(
        _("The assessment period ends on %(ends_at)s."), _("Retry after the assessment period has ended.")
    ),
    Cause.ALTERNATIVE_GRADE_TOO_EARLY: Guidance(
        _("Instant export cannot send alternative grades until the assessment period ends on %(ends_at)s."),
        _("Retry after the assessment period has ended."),
    ),
    Cause.NO_ASSESSMENT: Guidance(
        _("There is no mark or alternative grade."), _("Assess the participant in WISEflow, then export again.")
    ),
    Cause.NOT_ON_ROSTER: Guidance(
        _("This participant is not on the flow's roster."),
        _("Import an up-to-date roster, then retry."),
        _("Ask an administrator to import an up-to-date roster, then retry."),
    ),
    Cause.ADDED_BY_HAND: Guidance(
        _("This participant was added by hand, not by the student system."),
        _("Add them in the student system, import the roster, then retry."),
        _("Have them added in the student system, ask an administrator to import the roster, then retry."),
    ),
    Cause.ALREADY_EXPORTED: Guidance(
        _("This grade was already sent on %(since_on)s (%(value)s)."), _("To change it, request a correction.")
    ),
    Cause.ALTERNATIVE_GRADE_LOCKED: Guidance(
        _("The alternative grade was sent on %(since_on)s (%(value)s) and is locked."),
        _("If it must change, change it in Learn."),
    ),
    Cause.ALTERNATIVE_GRADE_OF_ANOTHER: Guidance(
        _(
            "In this column the Learn user already has the alternative grade %(value)s of student %(user_id)s "
            "in flow %(flow_id)s, and it is locked."
        ),
        _("Correct the Learn user of one of them, then retry."),
        _("Ask an administrator to correct the Learn user of one of them, then retry."),
    ),
    Cause.SAME_LEARN_USER: Guidance(
        _("This student has the same Learn user (%(learn_user_id)s) as %(others)s in this flow."),
        _("Correct the Learn user of one of them, then retry."),
        _("Ask an administrator to correct the Learn user of one of them, then retry."),
    ),
    Cause.SAME_LEARN_USER_ELSEWHERE: Guidance(
        _(
            "Learn shows %(value)s of student %(user_id)s in flow %(flow_id)s for the same Learn user and column. A "
            "retry does not replace it."
        ),
        _("If it is to be replaced, export again from WISEflow. Else correct the mapping of one flow."),
        _(
            "If it is to be replaced, export again from WISEflow. Else ask an administrator to correct the mapping of "
            "one flow."
        ),
    ),
    Cause.REPLACED: Guidance(
        _("Learn now shows %(value)s of student %(user_id)s in flow %(flow_id)s for the same Learn user and column."),
        _("Correct the Learn user or the mapping of one of them, then retry."),
        _("Ask an administrator to correct the Learn user or the mapping of one of them, then retry."),
    ),
    Cause.PERHAPS_REPLACED: Guidance(
        _(
            "It is not certain which grade Learn shows: this one, or %(value)s of student %(user_id)s "
            "in flow %(flow_id)s."
        ),
        _("Retry the other grade first, then check both in Learn."),
    ),
    Cause.MISPLACED: Guidance(
        _("The grade is in Learn for %(places)s, which is no longer the right place."),
        _("Retry to send it to the right place, then remove the old one in Learn."),
    ),
    Cause.CHANGED_IN_LEARN: Guidance(
        _("Learn shows %(shown)s, which GradeBridge did not write. Nothing was sent."),
        _("Keep Learn's grade, or replace it, on the student's page."),
    ),
    Cause.FORGOTTEN: Guidance(
        _("The student was forgotten: who it was, and the grade, are no longer known here."),
        _("Nothing to do. If a grade must reach Learn after all, export again from WISEflow."),
    ),
    Cause.LEARN_GRADE_KEPT: Guidance(
        _("Learn shows %(shown)s, and it was decided to keep that."),
        _("If it must change after all, replace it on the student's page."),
    ),
    Cause.IN_PROGRESS: Guidance(
        _("Another export of this participant is in progress."), _("Export again in a minute.")
    ),
    Cause.VALUE_NOT_USABLE: Guidance(
        _("The grade could not be converted for Learn: %(reason)s."),
        _("Correct the translation or the column, then retry."),
        _("Ask an administrator to correct the translation or the column, then retry."),
    ),
    Cause.LEARN_USER_UNKNOWN: Guidance(
        _("The user id %(user_id)s does not fit the pattern for Learn users in the request profile."),
        _("Correct the request profile or import a roster with Learn users, then retry."),
        _("Ask an administrator to import a roster with Learn users, then retry."),
    ),
    Cause.REJECTED_BY_LEARN: Guidance("", _("Correct the cause in Learn, then retry.")),
    Cause.LEARN_UNAVAILABLE: Guidance("", _RETRY),
    Cause.CREDENTIALS_REFUSED: Guidance(
        "",
        _("Check LEARN_KEY and LEARN_SECRET, then retry."),
        _("Ask an administrator to check the key for Learn, then retry."),
    ),
    Cause.PERMISSION_MISSING: Guidance(
        "",
        _("Have the permission granted in Learn, then retry."),
        _("Ask an administrator to have the permission granted in Learn, then retry."),
    ),
    Cause.NOT_INSTALLED: Guidance(
        "",
        _("Check LEARN_URL and that the application is installed in Learn, then retry."),
        _("Ask an administrator to check the connection to Learn, then retry."),
    ),
    Cause.QUOTA_USED_UP: Guidance("", _("Retry when calls are allowed again.")),
    Cause.REQUEST_REFUSED: Guidance(
        "",
        _("Test the connection to Learn, then retry."),
        _("Ask an administrator to test the connection to Learn, then retry."),
    ),
    Cause.NOT_READ: Guidance(
        _("Learn could not be read before its grade was to be replaced, so nothing was sent: %(problem)s."), _RETRY
    ),
    Cause.NOT_IN_LEARN: Guidance(
        _("Learn did not confirm this grade, and its gradebook does not show it."),
        _("Retry. It is safe to send again."),
    ),
    Cause.DEADLINE: Guidance(_("WISEflow's time limit was reached before this grade was sent."), _RETRY),
    Cause.INTERRUPTED: Guidance(_("GradeBridge was interrupted before this grade was sent."), _RETRY),
    Cause.CANCELLED: Guidance(_("The retry was cancelled before this grade was sent."), _RETRY),
    Cause.UNCONFIRMED: Guidance("", _("Retry. Sending the same grade again is safe.")),
    Cause.INTERNAL_ERROR: Guidance(
        _("An error in GradeBridge interrupted the sending of this grade; it may be in Learn."),
        _("Retry. If it happens again, check the log."),
        _("Retry. If it happens again, contact your administrator."),
    ),
}
