"""Which faults are switched on, and which call they hit. Used by tests and by trainers (`POST /sandbox/faults`)."""

import threading
from dataclasses import dataclass
from typing import Any

from flask import Response

from sandbox import reading_faults  # noqa: F401  its kinds join KINDS
from sandbox.faults import KINDS, Call, Kind, Reach
from sandbox.services import SERVICES, TOKEN, Service
from sandbox.state import Senseless, listed


@dataclass
class Fault:
    """A fault that is switched on."""

    kind: Kind
    times: int | None  # calls it still hits; None: until it is removed
    skip: int  # calls it still lets pass first
    service: str | None
    parameters: dict[str, Any]

    def reaches(self, service: Service) -> bool:
        if self.service is not None:
            return service.name == self.service
        return self.kind.reach.covers(service) and (service is not TOKEN or self.kind.reach is Reach.TOKEN)

    def answer(self, call: Call) -> Response:
        return self.kind.act(call, **self.parameters)

    def as_json(self) -> dict[str, Any]:
        return {
            "fault": self.kind.name,
            "times": self.times,
            "skip": self.skip,
            "service": self.service,
            **self.parameters,
        }


class Faults:
    """The faults that are switched on, oldest first. A call is hit by the first that is due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[Fault] = []

    def add(
        self, fault: str, /, *, times: int | None = 1, skip: int = 0, service: str | None = None, **parameters: Any
    ) -> Fault:
        """Switches one on: `skip` calls pass, the next `times` are hit (None: all, until it is removed).

        Raises Senseless with a sentence that lists what there is.
        """
        if fault not in KINDS:
            raise Senseless(f"There is no fault '{fault}'. Faults: {listed(KINDS)}.")
        kind = KINDS[fault]
        if service is not None and str(service) not in SERVICES:
            raise Senseless(f"There is no service '{service}'. Services: {listed(SERVICES)}.")
        if service is not None and not kind.reach.covers(SERVICES[service]):
            raise Senseless(f"'{fault}' does not fit '{service}'. It is for {kind.reach}.")
        if times is not None and not _is_count(times, least=1):
            raise Senseless("'times' must be a whole number from 1, or null for: until it is removed.")
        if not _is_count(skip):
            raise Senseless("'skip' must be a whole number from 0.")
        for name, value in parameters.items():
            _check(kind, name, value)
        switched_on = Fault(kind, times, skip, service, parameters)
        with self._lock:
            self._on.append(switched_on)
        return switched_on

    def due(self, service: Service) -> Fault | None:
        """The fault that hits this call, counted; None when the call passes."""
        with self._lock:
            for fault in self._on:
                if not fault.reaches(service):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._on.remove(fault)
                return fault
            return None

    def clear(self) -> None:
        with self._lock:
            self._on.clear()

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_json() for fault in self._on]


def _is_count(value: object, *, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(kind: Kind, name: str, value: object) -> None:
    if name not in kind.parameters:
        raise Senseless(f"'{kind.name}' has no parameter '{name}'. Parameters: {listed(kind.parameters)}.")
    match kind.parameters[name]:
        case str():
            fits, wanted = isinstance(value, str), "text"
        case int() if name == "status":
            fits, wanted = _is_count(value, least=200) and int(str(value)) < 600, "an HTTP status from 200 to 599"
        case int() as default:
            fits, wanted = _is_count(value, least=min(default, 1)), f"a whole number from {min(default, 1)}"
        case _:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < threading.TIMEOUT_MAX
            wanted = "a number from 0"
    if not fits:
        raise Senseless(f"'{name}' must be {wanted}.")
