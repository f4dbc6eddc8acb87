"""What the site has logged, as events."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Events = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged() -> Iterator[Events]:
    """Reads the events since the last call, as the site writes them to stderr."""
    root, written = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(next(found.formatter for found in root.handlers if is_of_the_site(found)))
    root.addHandler(handler)

    def read() -> list[dict[str, Any]]:
        lines = written.getvalue().splitlines()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in lines]

    yield read
    root.removeHandler(handler)


def is_of_the_site(handler: logging.Handler) -> bool:
    return type(handler.formatter).__name__ == "ProcessorFormatter"
