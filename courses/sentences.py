"""Codes and parameters -> the sentences that people read. Here are all that say what became of something in Learn, or
why Learn would not take it; what is stored is the code with its parameters, so that texts can change and be translated.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from common.moments import moment
from courses.learn_http.errors import Explained, Fault

Reason = Mapping[str, Any]  # {"code": ..., parameters}, as JSON holds it; {}: there is none
Text = Any  # a lazily translated text


def reason_of(error: Explained) -> dict[str, Any]:
    return {"code": error.code, **error.params}


def sentence(reason: Reason) -> str:
    """One or two sentences, with their full stop. Empty for no reason."""
    if not reason:
        return ""
    try:
        return full_sentence(reason)
    except (KeyError, TypeError, ValueError):  # a reason of another version: it must not break a page
        return ended(str(reason.get("code", "")))


def full_sentence(reason: Reason) -> str:
    """The same. Raises KeyError, TypeError or ValueError where the reason lacks what its sentence needs."""
    template = SENTENCES[reason["code"]]
    shown = {name: shown_param(name, value) for name, value in {**DEFAULTS, **reason}.items()}
    text = ended(str(template) % shown)
    if effect := EFFECTS.get(str(reason.get("effect", ""))):
        text = f"{text} {effect}"
    if advice := reason.get("advice"):
        text = f"{text} {ADVICE[advice]}"
    return text


def ended(text: str) -> str:
    """With one full stop: Learn's own words may bring theirs, or end in another way."""
    text = text.rstrip(". ")
    return text if text.endswith(("!", "?")) else f"{text}."


def shown_grade(detail: Mapping[str, Any]) -> str:
    """What people see in Learn, such as `B (83 of 100), exempt`. `detail` is that of a Comparison."""
    text, score, possible = (str(detail.get(name, "")) for name in ("shown", "score", "possible"))
    number = (
        str(_("%(score)s of %(possible)s") % {"score": score, "possible": possible}) if score and possible else score
    )
    if text in ("", score):
        text = number
    elif number:
        text = str(_("%(text)s (%(number)s)") % {"text": text, "number": number})
    flags = [str(said) for name, said in FLAGS.items() if detail.get(name)]
    return ", ".join([text or str(_("no grade")), *flags])


def shown_param(name: str, value: Any) -> str:
    """A parameter as people read it. The names of moments end in `_at`."""
    if name.endswith("_at"):
        return moment(datetime.fromisoformat(value)) if value else str(_("an unknown time"))
    if name == "field":
        return str(FIELDS.get(value, value))
    if name == "what":
        return str(PARTS.get(value, value))
    if name == "message":
        return str(value).rstrip(". ") or str(_("Learn gave no reason"))
    if name == "address":
        return str(value or _("an unknown address"))
    return str(value)


# Of a parameter that a reason lacks: one of another version
DEFAULTS = {"message": "", "address": "", "since_at": ""}

FIELDS: dict[str, Text] = {
    "course_id": _("course id"),
    "user_id": _("Learn user"),
    "name": _("name"),
    "value": _("value"),
    "title": _("title"),
    "symbols": _("list of symbols"),
    "optional_data": _("list of keys and values"),
    "instructions": _("text of the instructions"),
    "content_area_name": _("content area"),
    "color": _("colour"),
    "grade_schema": _("grade schema"),
    "mapping": _("mapping"),
}
# What a text in Learn's format consists of
PARTS: dict[str, Text] = {
    "symbol": _("Symbol"),
    "lower bound": _("Lower bound"),
    "key": _("Key"),
    "value": _("Value"),
    "pair": _("Pair"),
    "column": _("Column"),
    "weight": _("Weight"),
}
# What a call without a believable answer may have done
EFFECTS: dict[str, Text] = {
    "GRADE": _("The grade may or may not be in Learn's gradebook."),
    "SCHEMA": _("The schema may or may not be in Learn."),
    "COLUMN": _("The column may or may not be in Learn."),
    "DELETION": _("The column may or may not have been deleted."),
    "EXTERNAL_GRADE": _("The column may or may not be the external grade."),
    "DATA": _("The data may or may not be in Learn."),
}
ADVICE: dict[str, Text] = {
    "PROVISION_AGAIN": _("Provision it again."),
    "SAFE_TO_PROVISION_AGAIN": _("Provision it again: Learn stores the same data once more."),
    "LOOK_IN_LEARN": _("Check in Learn before you try again."),
    "HOST_UNKNOWN": _("Check LEARN_URL, and that this server can look up host names."),
    "NOT_SECURE": _("Check that LEARN_URL is the name in Learn's certificate, and that this server trusts it."),
    "NOT_REACHED": _("Check LEARN_URL, and whether a firewall or a maintenance window is in the way. Then try again."),
    "CREDENTIALS": _("Check LEARN_KEY and LEARN_SECRET against the application on Anthology's developer portal."),
    "NOT_INSTALLED": _(
        "Check LEARN_URL, and that the application is installed in Learn under Administrator, REST API."
    ),
    "PERMISSION": _("Give the application's user in Learn the entitlements of Grades Journey, then try again."),
    "QUOTA": _("Wait until then, or ask Anthology for a larger quota."),
    "REQUEST": _("Check LEARN_URL: it must be the address that Learn itself uses, without a path."),
    "UNCONFIRMED": _("Try again. If it happens again, check Learn's status page."),
    "REJECTED": _("Correct it in Learn or here, then try again."),
    "PRIVILEGES": _(
        "Give the role of GradeBridge's user in Learn the privileges for reading, then try again. The page "
        "Connection to Learn lists them."
    ),
    "COURSE": _("Correct the course id, or create the course in Learn."),
    "ENROL": _("Enrol the person in Learn, or correct the Learn user here."),
    "COLUMN": _("Correct the name of the column, or create it in Learn."),
    "RENAME": _("Rename one of them in Learn."),
    "ANONYMOUS": _("Try again when the marking is no longer anonymous."),
    "MARK_IT": _("Provision it first, or mark it as in Learn."),
}

# What Learn says of a grade beside its value
FLAGS: dict[str, Text] = {
    "is_exempt": _("exempt"),
    "is_corrupt": _("marked as corrupt"),
    "has_notation": _("a notation"),
}

SENTENCES: dict[str, Text] = {
    # A call to Learn
    Fault.NOT_REACHED: _("Learn could not be reached."),
    Fault.NOT_REACHED_IN_TIME: _("Learn could not be reached in time."),
    Fault.NO_TIME_LEFT: _("The time limit was reached before this could be sent to Learn."),
    Fault.NOT_AVAILABLE: _("Learn is not available at the moment."),
    Fault.HOST_UNKNOWN: _("Learn's host name could not be found."),
    Fault.NOT_SECURE: _("No secure connection to Learn could be made."),
    Fault.NO_TIME_FOR_TOKEN: _("The time limit was reached before GradeBridge could request an access token."),
    Fault.TOKEN_SERVICE_TOO_SLOW: _("Learn's token service did not answer in time."),
    Fault.TOKEN_SERVICE_NOT_AVAILABLE: _("Learn's token service is not available at the moment."),
    Fault.TOKEN_ANSWER_UNREADABLE: _("Learn's token service did not answer as documented."),
    Fault.TOKEN_MISSING: _("Learn's token service answered without a token."),
    Fault.CONNECTION_BROKEN: _("The connection to Learn broke."),
    Fault.NO_ANSWER_IN_TIME: _("Learn did not answer within %(seconds)s seconds."),
    Fault.ANSWER_TOO_LARGE: _("Learn's answer is too large to be read."),
    Fault.NO_RESULTS: _("Learn's answer (%(status)s) contains no results."),
    Fault.NO_VERSION: _("Learn's answer (%(status)s) contains no version."),
    Fault.RESULTS_NOT_MATCHED: _("Learn's answer could not be matched to what was sent."),
    Fault.NAME_WRITTEN_OTHERWISE: _(
        "Learn answered for '%(answered)s' where '%(sent)s' was sent. Use the spelling that Learn has."
    ),
    Fault.REJECTED_WHEN_SENT_AGAIN: _(
        "Learn may have stored it when it was first sent. When it was sent again, Learn rejected it: %(message)s"
    ),
    Fault.REJECTED: _("Learn rejected it: %(message)s"),
    Fault.REJECTED_WITH_STATUS: _("Learn answered with status %(status)s: %(message)s"),
    Fault.REDIRECTED: _("Learn redirected the request to %(address)s; GradeBridge does not follow redirects."),
    Fault.REFUSED: _("Learn refused the request (%(status)s): %(message)s"),
    Fault.TOKEN_REFUSED: _("Learn refused the access token that it gave to GradeBridge."),
    Fault.KEY_REFUSED: _("Learn refused GradeBridge's key and secret."),
    Fault.NOT_ENTITLED: _("Learn does not allow GradeBridge to do this: an entitlement is missing."),
    Fault.SERVICE_UNKNOWN: _("Learn does not know this service: the application is not installed on the site."),
    Fault.QUOTA_USED_UP: _("Learn's daily call limit is reached. Sending can resume on %(lifts_at)s."),
    "CRASHED": _("An error in GradeBridge interrupted this; it may have reached Learn."),
    # What is read back
    Fault.NO_SUCH_COURSE: _("Learn has no course with the id %(course)s."),
    Fault.NOT_ENROLLED: _("The person is not enrolled in the course in Learn."),
    Fault.NO_SUCH_COLUMN: _("The course has no column named %(name)s in Learn."),
    Fault.COLUMN_GONE: _("The column is no longer in Learn."),
    Fault.COLUMN_TWICE: _("The course has several columns named %(name)s in Learn."),
    Fault.COLUMN_ANONYMOUS: _("The column is marked anonymously in Learn, so its grades cannot be read yet."),
    Fault.USER_HIDDEN: _(
        "Learn hides the batch uids of the course's members, so that the student cannot be found among them. "
        "Ask for the privilege course.configure-properties.EXECUTE."
    ),
    Fault.MEMBER_DISABLED: _("The student is disabled in the course, and Learn does not show the grade."),
    Fault.NO_CALLS_LEFT: _(
        "The share of Learn's daily calls that proving may take (PROVE_SHARE) is used up. It goes on as calls are free."
    ),
    Fault.DELIVERIES_WAIT: _("Grades are being sent, and go first. Proving goes on after them."),
    Fault.INTERRUPTED: _("GradeBridge was restarted."),
    Fault.NOT_READABLE: _("Learn does not allow GradeBridge to read this: a privilege is missing."),
    Fault.NOT_AS_DOCUMENTED: _("Learn's answer (%(status)s) could not be read: it is not what Learn documents."),
    Fault.ODD_SHAPE: _("Learn's answer could not be read: its part %(part)s is not what Learn documents."),
    Fault.ENDLESS_LIST: _("Learn's list could not be read: it does not end."),
    Fault.LIST_TOO_LARGE: _("Learn's list could not be read: it is too large."),
    Fault.LIST_CHANGED: _("Learn's list could not be read: it changed at the same time."),
    Fault.PAGE_ELSEWHERE: _("Learn's list could not be read: it continues at an address that is not Learn's."),
    "READING_CRASHED": _("An error in GradeBridge interrupted the reading."),
    "FOUND_IN_LEARN": _("Found in Learn's gradebook on %(read_at)s."),
    # An item that cannot be sent
    Fault.EMPTY: _("The %(field)s is empty."),
    Fault.TOO_LONG: _("The %(field)s has %(length)s characters; Learn allows %(max)s."),
    Fault.NOT_SENDABLE: _("The %(field)s contains a character that cannot be sent."),
    Fault.NO_COLOUR: _("Enter a colour as a name such as red or as hex such as #FF0000."),
    Fault.ATTEMPTS_TOO_FEW: _("The number of attempts must be -1 (unlimited) or at least 1."),
    Fault.NO_POINTS: _("The points must be a number greater than 0."),
    Fault.ENDS_BEFORE_START: _("The end is before the start."),
    Fault.TAKES_NO_MAPPING: _("An item of type %(item_type)s cannot have a mapping."),
    Fault.NOT_FOR_GROUPS: _("An item of type %(item_type)s cannot be handed in by groups."),
    # A text in Learn's format
    "BOUND_OUT_OF_RANGE": _("The lower bound %(text)s is not between 0 and 100 percent."),
    "NOT_BY_COLONS": _("Use colons between symbols, such as %(example)s."),
    "BOUND_OUT_OF_ORDER": _(
        "The lower bound of %(name)s (%(bound)s) is higher than that of %(before)s before it (%(bound_before)s). "
        "Begin with the highest bound and end with 0."
    ),
    "NO_BOTTOM": _(
        "A score below %(bound)s percent would have no symbol. One symbol must begin at 0, such as "
        "%(name)s=%(bound)s:F=0."
    ),
    "PAIR_WITHOUT_VALUE": _("Pair %(place)s (%(text)s) has no '='."),
    "PART_EMPTY": _("%(what)s %(place)s is empty."),
    "PART_WITH_BLANKS": _("%(what)s %(place)s begins or ends with a blank."),
    "PART_WITH_SEPARATOR": _(
        "%(what)s %(place)s (%(text)s) contains '%(separator)s', which is a separator in Learn's format."
    ),
    "PART_NOT_PRINTABLE": _("%(what)s %(place)s contains a line break or another character that is not printed."),
    "PART_NO_NUMBER": _("%(what)s %(place)s (%(text)s) is not a number such as 80 or 66.5."),
    "PART_TWICE": _("%(what)s %(text)s appears twice."),
    "WEIGHT_TOO_SMALL": _("The weight of %(text)s must be more than 0."),
    "WEIGHTS_NOT_WHOLE": _("The weights add up to %(total)s percent, not to 100."),
    "COLUMN_WITHOUT_WEIGHT": _("Column %(place)s (%(text)s) has no weight; write %(text)s=30, for example."),
    "NO_COLUMN": _("No column is named."),
    # A row that Learn would not take
    "COLUMN_UNKNOWN": _("The course has no other column named %(name)s."),
    "ORIGINAL_ONLY_TYPE": _("Learn has this type in Original courses only."),
    "ORIGINAL_ONLY_FIELD": _("Learn allows '%(label)s' in Original courses only."),
    "EXTERNAL_IN_ULTRA": _("Learn allows an external grade in Original courses only."),
    "DUE_DATE_MISSING": _("Anonymous marking in an Ultra course needs a due date."),
    "VIEWS_OF_COLUMN": _("Learn counts views of items, not of columns."),
    "SUB_FOLDER_IN_ORIGINAL": _("Learn allows sub-folders in Ultra courses only."),
    "SUB_FOLDER_WRITTEN": _("Write a sub-folder as %(example)s."),
    "SYMBOLS_UNKNOWN": _("Only Learn knows its symbols, so GradeBridge cannot create it."),
    # Why a row is not provisioned now
    "DELETED_HERE": _("It was deleted in GradeBridge before it was sent."),
    "SCHEMA_NOT_IN_LEARN": _("Its grade schema %(name)s is not known to be in Learn."),
    "COUNTED_NOT_IN_LEARN": _("Column %(name)s, which it counts, is not known to be in Learn."),
    "IN_PROGRESS": _("It is being sent to Learn already. Its run is given up on %(lease_ends_at)s if it has died."),
    "BEING_DELETED": _("It is being deleted in Learn."),
    "IN_LEARN": _("It has been in Learn since %(since_at)s."),
    "MAYBE_IN_LEARN": _(
        "It may be in Learn. Check there, then mark it as in Learn or not in Learn, or create it again on its own page."
    ),
    "DELETED_IN_LEARN": _("It was deleted in Learn. Create it again on its own page."),
    "NOT_MARKED_EXTERNAL": _("It is not marked as its course's external grade."),
    "EXTERNAL_ALREADY": _("It has been the external grade since %(since_at)s."),
    "EXTERNAL_NOT_IN_LEARN": _("It is not known to be in Learn, so it cannot be the external grade yet."),
    "INTERRUPTED": _("GradeBridge was interrupted before it was sent."),
    "CALL_INTERRUPTED": _("The request to Learn was interrupted."),
    # Said before reasons were kept as data
    "TEXT": "%(text)s",
}
