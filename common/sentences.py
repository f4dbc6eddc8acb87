"""Pieces of the sentences that people read."""

from collections.abc import Sequence

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import ngettext

MAX_NAMED = 5  # items in one sentence; the others are counted


def shortlist(items: Sequence[str], separator: str = ", ", *, most: int = MAX_NAMED) -> str:
    """The first items by name, the others by number: `ada, ben and 3 more`."""
    named = separator.join(items[:most])
    more = len(items) - most
    if more <= 0:
        return named
    values = {"items": named, "count": intcomma(more)}
    return ngettext("%(items)s and %(count)s more", "%(items)s and %(count)s more", more) % values
