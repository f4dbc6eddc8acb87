"""What a service can answer: JSON, HTML, nothing at all, or a body that ends too early."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response


class HangUp(Exception):
    """Raised while a body is sent: the server ends the connection there, with a TCP reset if asked."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset


class NoAnswer(Response):
    """No byte is sent: `wait()` is called, then the connection ends."""

    def __init__(self, wait: Callable[[], object] = lambda: None, *, reset: bool = False) -> None:
        def hang_up(_: bytes) -> bytes:
            wait()
            raise HangUp(reset=reset)

        super().__init__(map(hang_up, [b""]))  # called when the server asks for the first piece


@dataclass(frozen=True)
class Answer:
    """A status and the JSON that goes with it. A Grades Journey service answers with a list: one result an item."""

    status: int
    payload: Any

    @property
    def body(self) -> bytes:
        return json.dumps(self.payload).encode()

    def response(self, **headers: str) -> Response:
        return Response(self.body, self.status, headers, "application/json")

    def announced(self, pieces: Iterator[bytes]) -> Response:
        """The same head, with the right Content-Length, and `pieces` for a body."""
        return Response(pieces, self.status, {"Content-Length": str(len(self.body))}, "application/json")


def error(status: int, message: str) -> Answer:
    """Learn's own error body."""
    return Answer(status, {"status": status, "message": message})


def html(status: int, title: str, **headers: str) -> Response:
    return Response(f"<!doctype html><title>{title}</title><h1>{title}</h1>", status, headers, "text/html")
