"""Through a short absence of the database."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection

T = TypeVar("T")


def patiently(step: Callable[..., T], *args: Any) -> T:
    """What the step returns; tried again, up to four times in all, where the database fails. It must be repeatable."""
    for pause in (0.1, 1, 5):
        try:
            return step(*args)
        except DatabaseError:
            connection.close()
            time.sleep(pause)
    return step(*args)
