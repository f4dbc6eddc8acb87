"""The two dates of a flow that rules look at (R1, R2): which are never right, and which are worth a second look."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from common.moments import day, moment

MAX_AHEAD = timedelta(days=366)  # who enters a synchronisation enters one that was, or one that is planned


def refuse_synchronisation(synchronised_at: datetime | None, now: datetime) -> str:
    """Why it cannot be meant; "" where it can. An end before or after it is none of these: a flow is synchronised
    before its exam as a rule, and late where the student system was.
    """
    if synchronised_at is None or synchronised_at <= now + MAX_AHEAD:
        return ""
    return _(
        "%(day)s is more than a year ahead, and no grades are sent until then. Enter when the flow was synchronised, "
        "or leave this empty until it is."
    ) % {"day": day(synchronised_at)}


def doubts(synchronised_at: datetime | None, ends_at: datetime | None, now: datetime) -> Iterator[str]:
    """What to check after they were entered."""
    if synchronised_at is None:
        return
    if synchronised_at > now:
        yield _("No grades are sent until %(moment)s, when the flow counts as synchronised.") % {
            "moment": moment(synchronised_at)
        }
    if doubt := end_before_synchronisation(synchronised_at, ends_at):
        yield doubt


def end_before_synchronisation(synchronised_at: datetime | None, ends_at: datetime | None) -> str:
    """A flow is synchronised before its exam as a rule; "" where it is."""
    if synchronised_at is None or ends_at is None or ends_at >= synchronised_at:
        return ""
    return _(
        "The assessment ends (%(ends)s) before the flow is synchronised (%(synchronised)s). "
        "Check that both dates are right."
    ) % {"ends": moment(ends_at), "synchronised": moment(synchronised_at)}
