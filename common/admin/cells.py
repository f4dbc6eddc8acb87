"""What a cell of a table shows: a state, a link, a span of time."""

from datetime import datetime, timedelta

from django.db.models import Model, TextChoices
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from common.moments import short_moment

# How each state looks: (tone, icon); the state is written out as well. Each app enters its own (`admin/pills.py`).
PILLS: dict[str, tuple[str, str]] = {}


def pill(state: TextChoices) -> SafeString:
    return pill_of(state.value, str(state.label))


def pill_of(value: str, label: str) -> SafeString:
    tone, icon = PILLS[value]
    return format_html(
        '<span class="gb-pill gb-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        tone,
        icon,
        label,
    )


def state_pill(row: Model) -> SafeString:
    """Of a row with a field `state`, whose choices are an enumeration."""
    value = getattr(row, "state")  # noqa: B009  not every model has one
    return pill_of(value, str(getattr(row, "get_state_display")()))  # noqa: B009


def link(row: Model, text: object = None) -> SafeString:
    """To the row's own page."""
    return format_html('<a class="gb-link" href="{}">{}</a>', address(row), row if text is None else text)


def address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def span(length: timedelta) -> str:
    """`under 0.1 s`, `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    seconds = length.total_seconds()
    if seconds < 0.1:
        return _("under 0.1 s")
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": floatformat(seconds, 1)}
    minutes, seconds = divmod(round(seconds), 60)
    if not minutes:
        return _("%(seconds)s s") % {"seconds": seconds}
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}


def status_cell(status: TextChoices | str, when: datetime | None, message: str) -> SafeString:
    """The status of a row, since when, and the message of the last try where it failed."""
    since = short_moment(when) if when else ""
    state = pill(status) if isinstance(status, TextChoices) else status
    date = format_html('<span class="gb-since">{}</span>', since) if since else ""
    return (
        format_html('{} {}<div class="gb-reason">{}</div>', state, date, message)
        if message
        else format_html("{} {}", state, date)
    )
