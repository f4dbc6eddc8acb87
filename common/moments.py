"""Days and moments as people read them, in the site's zone. Not every system's `strftime` can leave out a zero."""

from datetime import datetime

from django.utils import timezone


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
