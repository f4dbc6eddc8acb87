"""A running sandbox WISEflow, and a client of it. No database."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from exports.wiseflow import Wiseflow
from sandbox.server import SandboxLearn
from sandbox.wiseflow_api import Wiseflow as Sandbox


def person(number: int, **changes: Any) -> dict[str, Any]:
    """Participant `number` of a flow, user 1000 + `number`."""
    return {
        "participantId": 5000 + number,
        "userId": 1000 + number,
        "firstName": f"First{number}",
        "lastName": f"Last{number}",
        "phone": "+45 12345678",
        "externalIds": {"Learn id": f"s{number}", "Other": "x"},
        "grade": "B",
        "exportState": 2,
        **changes,
    }


def flow_of(*people: dict[str, Any], **changes: Any) -> dict[str, Any]:
    ids = [who["participantId"] for who in people]
    return {
        "title": "Written exam",
        "marking": {"start": 1780000000, "end": 1782000000},
        "sources": [{"sourceId": 1, "code": "UNIwise||001||2021", "participants": ids}],
        "participants": list(people),
        **changes,
    }


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with SandboxLearn() as running:
        running.wiseflow.exams.replace({"flows": {"77": flow_of(person(1), person(2), person(3))}})
        running.wiseflow.url = f"{running.url}{running.wiseflow.path}"
        yield running.wiseflow


@pytest.fixture
def client(sandbox: Sandbox) -> Wiseflow:
    return Wiseflow(
        url=sandbox.url,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        timeout=5,
        version="1.2.3",
    )


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds
