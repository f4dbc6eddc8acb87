"""What the sandbox WISEflow holds: flows, their people, what each got, and how far the export to the student system is.

As JSON (`Exams.as_json`, `Exams.replace`, `Exams.merge`); every key below an id may be left out:

    {"flows": {"4711": {"title": "Written exam",
                        "subtitle": "",
                        "state": "CONCLUDED",
                        "variant": "ORDINARY",
                        "isSis": true,
                        "participation": {"start": 1780300800, "end": 1780315200},
                        "marking": {"start": 1780315200, "end": 1782000000, "latestIndividualEnd": 1782100000},
                        "gradingScale": {"input": {"min": 0, "max": 10000, "modifier": 100, "decimals": 2}},
                        "sources": [{"sourceId": 11, "code": "UNIwise||001||2021", "participants": [501]}],
                        "participants": [{"participantId": 501, "userId": 1001, "activated": true,
                                          "firstName": "Ada", "lastName": "Holm", "phone": "+45 00000000",
                                          "externalIds": {"Learn id": "s1001"},
                                          "grade": "B", "adminGrade": "", "date": 1782000000,
                                          "exportState": 2, "exportDate": 1782000500, "exportMessage": "",
                                          "trail": [{"userId": 9, "grade": "B", "type": "GRADE", "timestamp": 1}]}]}},
     "userDataTypes": ["Learn id", "Student number"]}

`state` is NOT_ACTIVATED, ACTIVATED, PARTICIPATION_STARTED, PARTICIPATION_ENDED, CONCLUDED or ARCHIVED. Times are Unix
seconds. `exportState` is any whole number: the documented ones are 0 to 3. A grade "" is none.
"""

import copy
import threading
from collections.abc import Mapping
from typing import Any

from sandbox.state import Senseless, known, merged

STATES = ("NOT_ACTIVATED", "ACTIVATED", "PARTICIPATION_STARTED", "PARTICIPATION_ENDED", "CONCLUDED", "ARCHIVED")
PERIOD = ("start", "end", "earliestIndividualStart", "earliestIndividualEnd", "latestIndividualEnd")
FLOW: dict[str, Any] = {
    "title": "",
    "subtitle": "",
    "state": "PARTICIPATION_ENDED",
    "variant": "ORDINARY",
    "isSis": True,
    "participation": {},
    "marking": {},
    "gradingScale": None,
    "sources": [],
    "participants": [],
}
SOURCE: dict[str, Any] = {"sourceId": 0, "code": "", "participants": []}
PERSON: dict[str, Any] = {
    "participantId": 0,
    "userId": 0,
    "activated": True,
    "firstName": "",
    "lastName": "",
    "phone": "",
    "externalIds": {},
    "grade": "",
    "adminGrade": "",
    "date": None,
    "adminGradeDate": None,
    "exportState": 0,
    "exportDate": None,
    "exportMessage": "",
    "trail": [],
}
TO_SET = ("grade", "adminGrade", "date", "exportState", "exportMessage", "activated")


class Exams:
    """Everything WISEflow holds. Any number of threads may read and write it at once."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Holds `given` (the JSON shape above), or nothing. Raises Senseless."""
        self._lock = threading.RLock()
        self._flows: dict[str, dict[str, Any]] = {}
        self._user_data_types: list[str] = []
        self.replace(given or {})

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return copy.deepcopy({"flows": self._flows, "userDataTypes": self._user_data_types})

    def replace(self, given: Mapping[str, Any]) -> None:
        """Holds `given` and nothing else. All or nothing. Raises Senseless."""
        known(given, "WISEflow's state", ("flows", "userDataTypes"))
        flows, types = given.get("flows", {}), given.get("userDataTypes", [])
        if not isinstance(flows, Mapping):
            raise Senseless("'flows' must be a JSON object.")
        if not isinstance(types, list) or not all(isinstance(name, str) for name in types):
            raise Senseless("'userDataTypes' must be a list of texts.")
        read = {flow_id: _flow(flow_id, flow) for flow_id, flow in flows.items()}
        with self._lock:
            self._flows, self._user_data_types = read, list(types)

    def merge(self, given: Mapping[str, Any]) -> None:
        """Adds `given` to what is held; lists are added one behind the other. All or nothing. Raises Senseless."""
        with self._lock:
            self.replace(merged(self.as_json(), given))

    def set_grade(self, flow_id: str, user_id: int, given: Mapping[str, Any]) -> None:
        """Changes what one person got, as an assessor in WISEflow would. Raises Senseless."""
        known(given, "a grade", TO_SET)
        with self._lock:
            flow = self.flow(flow_id)
            people = [person for person in flow["participants"] if person["userId"] == user_id] if flow else []
            if not people:
                raise Senseless(f"Flow '{flow_id}' has no participant with userId {user_id}.")
            people[0].update(given)

    def flow(self, flow_id: str) -> dict[str, Any] | None:
        with self._lock:
            return self._flows.get(flow_id)

    def flows(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            return dict(self._flows)

    @property
    def user_data_types(self) -> list[str]:
        with self._lock:
            return list(self._user_data_types)


def _flow(flow_id: str, given: Any) -> dict[str, Any]:
    what = f"flow '{flow_id}'"
    if not flow_id.isascii() or not flow_id.isdigit():
        raise Senseless(f"{what}: its id must be a whole number.")
    known(given, what, FLOW)
    flow = {**copy.deepcopy(FLOW), **copy.deepcopy(dict(given))}
    if flow["state"] not in STATES:
        raise Senseless(f"'state' of {what} must be one of {', '.join(STATES)}.")
    for name in ("participation", "marking"):
        known(flow[name], f"'{name}' of {what}", PERIOD)
    for name, blank in (("sources", SOURCE), ("participants", PERSON)):
        if not isinstance(flow[name], list):
            raise Senseless(f"'{name}' of {what} must be a list.")
        for item in flow[name]:
            known(item, f"one of '{name}' of {what}", blank)
        flow[name] = [{**copy.deepcopy(blank), **item} for item in flow[name]]
    return flow
