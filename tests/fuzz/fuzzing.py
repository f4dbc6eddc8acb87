"""Sends many requests to a running site, and looks at what became of each."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz import requests_of_any_kind

TIMEOUT = 30
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BROKEN_CREDENTIALS = {"Authorization": "Basic %%%"}


@dataclass
class Figures:
    """What was sent and answered. `exports`: of each that was stored the number of entries answered and, where it is
    certain, the number of people in them.
    """

    inputs: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    exports: list[tuple[int, int | None]] = field(default_factory=list)
    rehearsed: int = 0

    def __str__(self) -> str:
        statuses = ", ".join(f"{number} x {status}" for status, number in sorted(self.statuses.items()))
        return (
            f"{self.inputs} inputs: {statuses}; {len(self.exports)} exports with "
            f"{sum(entries for entries, _people in self.exports)} entries, {self.rehearsed} rehearsals"
        )

    def note(self, status: int, answer: Any, *, people: int | None = None) -> None:
        self.inputs += 1
        self.statuses[status] += 1
        if status != 200 or "numberOfErrors" not in answer:
            return
        if "rehearsal" in answer:
            self.rehearsed += 1
            return
        self.exports.append((answer["numberOfSuccess"] + answer["numberOfErrors"], people))
        assert answer["numberOfErrors"] == len(answer["errors"])


def often(inputs: int) -> Any:
    return settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def send_bodies(url: str, key: str, figures: Figures, *, inputs: int) -> None:
    """Any bodies to the export addresses: each is answered in JSON, and with no failure of the site's own."""
    session = requests.Session()
    keys = {"good": {"X-Api-Key": key}, "wrong": {"X-Api-Key": "wrong"}, "none": {}, "broken": BROKEN_CREDENTIALS}

    @often(inputs)
    @given(requests_of_any_kind.requests())
    def send(request: dict[str, Any]) -> None:
        prepared = requests.Request(
            request["method"], url, headers={**request["headers"], **keys[request["key"]]}, data=request["content"]
        ).prepare()
        prepared.url = url + request["path"]  # as it is: nothing in it made tidy
        answer = session.send(prepared, timeout=TIMEOUT)
        assert answer.status_code < 500, answer.text
        said = json.loads(answer.content)
        assert (answer.status_code == 200) == ("numberOfErrors" in said)
        figures.note(answer.status_code, said, people=requests_of_any_kind.people_in(request["content"]))

    send()


def send_described(url: str, key: str, document: dict[str, Any], figures: Figures, *, inputs: int) -> None:
    """What schemathesis makes of the API's description, right and wrong, to each of its addresses; every answer is one
    that the description tells of.
    """
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    each = max(1, inputs // (len(operations) * len(modes)))
    for operation in operations:
        for mode in modes:
            send_operation(operation, mode, url, key, figures, inputs=each)


def send_operation(operation: Any, mode: Any, url: str, key: str, figures: Figures, *, inputs: int) -> None:
    @often(inputs)
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        answer = case.call(base_url=url, headers={"X-Api-Key": key}, timeout=TIMEOUT)
        case.validate_response(answer, checks=CHECKS)
        is_json = answer.headers.get("content-type", [""])[0].startswith("application/json")
        figures.note(answer.status_code, json.loads(answer.content) if is_json else {})

    send()
