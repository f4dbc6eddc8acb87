"""A licence of WISEflow that this process reads, beside the Learn that it delivers to."""

from typing import Any

import pytest

from sandbox.server import SandboxLearn
from sandbox.wiseflow_api import Wiseflow

EXTERNAL_ID = "Learn id"
MASTER, SECOND = "UNIwise||001||2021", "UNIwise||002||2021"
ENDED = 1780000000  # Unix seconds; May 2026


def person(number: int, **changes: Any) -> dict[str, Any]:
    """Participant 500 + `number`, user `number`, whose Learn user is `u`number."""
    return {
        "participantId": 500 + number,
        "userId": number,
        "firstName": f"First{number}",
        "lastName": f"Last{number}",
        "phone": "+45 12345678",
        "externalIds": {EXTERNAL_ID: f"u{number}"},
        **changes,
    }


def flow_of(*people: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A flow with one source that has added all of its people."""
    ids = [who["participantId"] for who in people]
    return {
        "title": "Written exam",
        "marking": {"start": ENDED - 100, "end": ENDED},
        "sources": [{"sourceId": 1, "code": MASTER, "participants": ids}],
        "participants": list(people),
        **changes,
    }


@pytest.fixture
def licence(learn: SandboxLearn, settings: Any) -> Wiseflow:
    """Holds nothing. `hold(flow)` makes it hold flow 77."""
    settings.WISEFLOW_URL = f"{learn.url}{learn.wiseflow.path}"
    settings.WISEFLOW_CLIENT_ID, settings.WISEFLOW_CLIENT_SECRET = "wiseflow", "wiseflow-secret"
    settings.WISEFLOW_EXTERNAL_ID = EXTERNAL_ID
    return learn.wiseflow


def hold(licence: Wiseflow, *people: dict[str, Any], flow_id: str = "77", **changes: Any) -> None:
    licence.exams.replace({"flows": {flow_id: flow_of(*people, **changes)}})
