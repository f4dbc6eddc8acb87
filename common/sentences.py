"""Pieces of the sentences that people read."""

from collections.abc import Sequence

MOST_NAMED = 5  # items in one sentence; the others are counted


def shortlist(items: Sequence[str], separator: str = ", ", *, most: int = MOST_NAMED) -> str:
    """The first items by name, the others by number: `ada, ben and 3 more`."""
    more = len(items) - most
    return separator.join(items[:most]) + (f" and {more} more" if more > 0 else "")
