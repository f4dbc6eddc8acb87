"""Sessions keep what a page said last, encoded: no search in the database finds it."""

from collections.abc import Iterator

from django.contrib.sessions.models import Session

from exports.privacy.texts import Ids


def sessions_with(ids: Ids) -> Iterator[str]:
    """The keys of the sessions in which one of these ids is."""
    for session in Session.objects.order_by("pk").iterator(chunk_size=500):
        data = session.get_decoded()
        if ids.replaced(data) != data:
            yield session.pk
