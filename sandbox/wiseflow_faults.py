"""What can go wrong with the sandbox WISEflow, and when."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from sandbox.answers import NoAnswer
from sandbox.state import Senseless, known, listed

CALLS = (
    "token",
    "search",
    "flow",
    "dates",
    "participants",
    "sources",
    "source_participants",
    "assessments",
    "trail",
    "user_data_types",
    "grading_scales",
    "grading_scale",
)
CHUNK = 64 * 1024


@dataclass
class WiseflowFault:
    """One fault, for so many calls of one name; `times` 0: until it is removed."""

    name: str
    call: str = ""  # "": every call but the one for a token
    times: int = 1
    after: int = 0  # calls that are served first
    parameters: dict[str, Any] = field(default_factory=dict)

    def fits(self, call: str) -> bool:
        return call == self.call if self.call else call != "token"


Serve = Callable[[], Response]
Act = Callable[[dict[str, Any], Serve, Callable[[float], object]], Response]


def answer(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """Answer with this `status`, `body` (text, or any JSON) and `headers`."""
    body = given.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(text.encode(), given.get("status", 200), given.get("headers", {}), "application/json")


def cut_off(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """Send the first half of the right answer, as if it were all of it."""
    served = serve()
    body = served.get_data()
    return Response(body[: len(body) // 2], served.status_code, mimetype="application/json")


def silence(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """Say nothing for so many `seconds`, then end the connection."""
    return NoAnswer(lambda: wait(given.get("seconds", 60)))


def drip(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """Send the right answer byte by byte, each after so many `seconds`."""

    body = serve().get_data()

    def pieces() -> Iterator[bytes]:
        for byte in body:
            wait(given.get("seconds", 0.2))
            yield bytes([byte])

    return Response(pieces(), 200, mimetype="application/json")


def huge(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """Send so many `bytes` of JSON text."""

    def pieces() -> Iterator[bytes]:
        yield b'{"data": "'
        for _ in range(given.get("bytes", 100_000_000) // CHUNK):
            yield b"x" * CHUNK
        yield b'"}'

    return Response(pieces(), 200, mimetype="application/json")


def change(given: dict[str, Any], serve: Serve, wait: Callable[[float], object]) -> Response:
    """The right answer, with `keys` of its pagination or its first item replaced: {"total": 99}, {"userId": null}."""
    served = serve()
    payload = json.loads(served.get_data())
    items = payload.get("data") if isinstance(payload, dict) else payload
    for key, value in given.get("keys", {}).items():
        if isinstance(payload, dict) and key in payload.get("pagination", {}):
            payload["pagination"][key] = value
        elif isinstance(items, list) and items:
            items[0][key] = value
        elif isinstance(items, dict):
            items[key] = value
        else:
            payload[key] = value
    return Response(json.dumps(payload).encode(), served.status_code, mimetype="application/json")


KINDS: dict[str, Act] = {kind.__name__: kind for kind in (answer, cut_off, silence, drip, huge, change)}


class WiseflowFaults:
    """The faults that are on, in the order in which they come. Thread-safe."""

    def __init__(self) -> None:
        self._on: deque[WiseflowFault] = deque()
        self._lock = threading.Lock()

    def add(self, name: str, *, call: str = "", times: int = 1, after: int = 0, **parameters: Any) -> None:
        """Raises Senseless for an unknown fault or call."""
        known(dict.fromkeys([name]), "the list of faults", KINDS)
        if call:
            known(dict.fromkeys([call]), "the list of calls", CALLS)
        for number in (times, after):
            if not isinstance(number, int) or number < 0:
                raise Senseless("'times' and 'after' must be whole numbers from 0.")
        with self._lock:
            self._on.append(WiseflowFault(name, call, times, after, parameters))

    def due(self, call: str) -> WiseflowFault | None:
        """The first that is for this call; it counts."""
        with self._lock:
            for fault in list(self._on):
                if not fault.fits(call):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.times == 1:
                    self._on.remove(fault)
                elif fault.times:
                    fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._on.clear()

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            on = [
                {
                    "fault": fault.name,
                    "call": fault.call,
                    "times": fault.times,
                    "after": fault.after,
                    **fault.parameters,
                }
                for fault in self._on
            ]
        return {"on": on, "available": {name: kind.__doc__ for name, kind in KINDS.items()}, "calls": listed(CALLS)}
