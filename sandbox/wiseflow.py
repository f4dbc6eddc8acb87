"""A pretend WISEflow: posts a flow's grades as the real one does."""

from collections.abc import Iterable
from typing import Any

import requests


def export(site: str, *, key: str, flow_id: str, participants: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Post a flow's grades to the GradeBridge at `site`; returns its answer. Raises requests.RequestException."""
    response = requests.post(
        f"{site}/api/wiseflow/flows/{flow_id}/export",
        json={"participants": list(participants)},
        headers={"Authorization": f"Api-Key {key}"},
        timeout=(5, 120),
    )
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
