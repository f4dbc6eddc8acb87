"""Days and moments as people read them: in the site's zone, and in the formats of the reader's language."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

FIRST_YEAR, LAST_YEAR = 2000, 2100  # outside: a slip of the finger


def year_refusal(when: date) -> str:
    """Why a date that someone typed is not accepted, in a sentence; empty: it is."""
    if FIRST_YEAR <= when.year <= LAST_YEAR:
        return ""
    return _("'%(date)s' is not between the years %(first)s and %(last)s.") % {
        "date": when.isoformat()[:10],
        "first": FIRST_YEAR,
        "last": LAST_YEAR,
    }


def day(when: datetime) -> str:
    """`3 June 2026`."""
    return date_format(timezone.localtime(when), "DATE_FORMAT")


def moment(when: datetime) -> str:
    """`3 June 2026, 09:05`."""
    return with_time(when, "DATE_FORMAT")


def short_moment(when: datetime) -> str:
    """`3 Jun 2026, 09:05`."""
    return with_time(when, "SHORT_DATE_FORMAT")


def with_time(when: datetime, day_format: str) -> str:
    local = timezone.localtime(when)
    return _("%(day)s, %(time)s") % {"day": date_format(local, day_format), "time": date_format(local, "TIME_FORMAT")}
