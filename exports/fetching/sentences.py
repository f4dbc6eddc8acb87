"""Why a flow could not be fetched or its grades not be pulled: codes and parameters -> the sentences people read."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from exports.wiseflow import Fault, WiseflowError

NO_ONE_LISTED = "NO_ONE_LISTED"
INTERRUPTED = "INTERRUPTED"
EXTERNAL_ID_UNKNOWN = "EXTERNAL_ID_UNKNOWN"

CALLS: dict[str, Any] = {
    "token": _("the access token"),
    "search": _("the search for flows"),
    "flow": _("the flow"),
    "dates": _("its dates"),
    "participants": _("its participants"),
    "sources": _("its sources"),
    "source_participants": _("the participants of a source"),
    "assessments": _("its grades"),
    "trail": _("the history of a grade"),
    "grading_scale": _("its grading scale"),
    "user_data_types": _("the names of external ids"),
}
NOT_UNDERSTOOD = _("WISEflow's answer about %(what)s could not be read: %(why)s. Nothing was changed.")
FAILURES: dict[str, Any] = {
    Fault.NOT_REACHED: _("WISEflow could not be reached. It is tried again within the hour."),
    Fault.HOST_UNKNOWN: _("The host name in WISEFLOW_URL is not known. Ask an administrator to correct it."),
    Fault.NOT_SECURE: _("WISEflow's certificate is not trusted. Ask an administrator to have it looked at."),
    Fault.NO_ANSWER_IN_TIME: _("WISEflow did not answer in time. It is tried again within the hour."),
    Fault.CONNECTION_BROKEN: _("The connection to WISEflow broke. It is tried again within the hour."),
    Fault.NOT_AVAILABLE: _("WISEflow answered with status %(status)s. It is tried again within the hour."),
    Fault.CREDENTIALS_REFUSED: _(
        "WISEflow does not accept the credentials. Ask an administrator to check them, and UNIwise whether they are "
        "bound to other addresses."
    ),
    Fault.NOT_ON_LICENCE: _("WISEflow has no flow of this id on the licence. Check the flow's id."),
    Fault.NOT_A_NUMBER: _("WISEflow's API knows flows by whole numbers, and this flow's id is none."),
    Fault.MODULE_MISSING: _("The licence does not include the API for %(what)s. Ask UNIwise to add the module."),
    Fault.TOO_MANY_CALLS: _("WISEflow accepts no more calls for %(seconds)s seconds. Try again after that."),
    NO_ONE_LISTED: _(
        "WISEflow lists no participants in this flow now, and did before. Nothing was changed. Check the flow in "
        "WISEflow."
    ),
    EXTERNAL_ID_UNKNOWN: _(
        "No one in this flow has an external id named %(name)s (WISEFLOW_EXTERNAL_ID), and WISEflow knows none of that "
        "name. It knows: %(names)s. Ask an administrator to correct the setting."
    ),
    INTERRUPTED: _("The fetch was interrupted. Fetch again."),
}
WHY: dict[str, Any] = {
    Fault.UNEXPECTED_STATUS: _("it has status %(status)s"),
    Fault.TOO_LARGE: _("it is too large"),
    Fault.NOT_JSON: _("it is not JSON, or not all of it arrived"),
    Fault.UNEXPECTED_SHAPE: _("it does not have the documented form"),
    Fault.CHANGED_WHILE_READ: _("the list changed while it was read"),
    Fault.ENDLESS: _("the list does not end"),
    Fault.TWICE: _("something is in it twice"),
}


NOT_PULLABLE: dict[str, Any] = {
    "NOT_FETCHED": _("This flow has not been fetched from WISEflow yet. Fetch it first."),
    "TOO_OLD": _("This flow was fetched more than an hour ago. Fetch it again first."),
    "CHANGED": _(
        "What would be sent has changed since you opened this page. Nothing was sent. Look again, then confirm."
    ),
    "NO_GRADES": _("WISEflow holds no grade of this flow yet."),
    "SCALE_UNKNOWN": _(
        "Grades of this flow are numbers, and WISEflow does not say how it stores them. Ask UNIwise to let the API "
        "read grading scales."
    ),
    "SCALE_UNCLEAR": _(
        "WISEflow stores the numbers of this flow multiplied, and the translations of its mappings do not all divide "
        "them by the same number. Ask an administrator to correct the translations."
    ),
}


def failure_of(error: WiseflowError) -> dict[str, Any]:
    """As it is stored."""
    return {"code": str(error.code), **error.params}


def sentence(failure: Mapping[str, Any]) -> str:
    """What happened and what to do; "" for no failure. One of another version shows its code."""
    if not failure:
        return ""
    code = str(failure.get("code", ""))
    params = {"status": "", "seconds": "", **failure, "what": CALLS.get(str(failure.get("call", "")), "")}
    try:
        if code in WHY:
            return str(NOT_UNDERSTOOD % {**params, "why": WHY[code] % params})
        return str(FAILURES[code] % params)
    except (KeyError, TypeError, ValueError):
        return f"{code}."
