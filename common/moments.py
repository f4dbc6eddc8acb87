"""Days and moments as people read them, in the site's zone. Not every system's `strftime` can leave out a zero."""

from datetime import date, datetime

from django.utils import timezone

FIRST_YEAR, LAST_YEAR = 2000, 2100  # outside: a slip of the finger


def year_refusal(when: date) -> str:
    """Why a date that somebody typed is not taken; empty: it is."""
    if FIRST_YEAR <= when.year <= LAST_YEAR:
        return ""
    return f"'{when.isoformat()[:10]}' is not between the years {FIRST_YEAR} and {LAST_YEAR}"


def day(when: datetime) -> str:
    """`3 June 2026`."""
    local = timezone.localtime(when)
    return f"{local.day} {local:%B %Y}"


def moment(when: datetime) -> str:
    """`3 June 2026 09:05`."""
    return f"{day(when)} {timezone.localtime(when):%H:%M}"


def short_moment(when: datetime) -> str:
    """`3 Jun 2026 09:05`."""
    local = timezone.localtime(when)
    return f"{local.day} {local:%b %Y %H:%M}"


def moment_this_year(when: datetime) -> str:
    """`3 June 09:05`, where the year is plain."""
    local = timezone.localtime(when)
    return f"{local.day} {local:%B %H:%M}"
