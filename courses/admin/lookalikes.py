"""The warning after a name was saved that differs from another in capitals alone."""

from collections.abc import Callable, Iterable

from django.contrib import messages
from django.http import HttpRequest

from courses.models.lookalikes import find_lookalikes


def warn_of_lookalike(
    request: HttpRequest, name: str, known: Iterable[str], warning: Callable[[str, str], str]
) -> None:
    """`warning` takes the name and the other one."""
    if other := find_lookalikes([name], set(known)).get(name):
        messages.warning(request, warning(name, other))
