"""What a cancellation says it has done."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext, ngettext


def cancelled(stopped: int, in_progress: int) -> str:
    """What a cancellation has prevented, and what it could not."""
    if not stopped and not in_progress:
        return gettext("There was nothing left to cancel.")
    prevented = ngettext(
        "Cancelled. %(count)s grade will not be sent.", "Cancelled. %(count)s grades will not be sent.", stopped
    ) % {"count": intcomma(stopped)}
    if not in_progress:
        return prevented
    rest = ngettext(
        "%(count)s grade is already being sent and cannot be stopped.",
        "%(count)s grades are already being sent and cannot be stopped.",
        in_progress,
    ) % {"count": intcomma(in_progress)}
    return f"{prevented} {rest}"
