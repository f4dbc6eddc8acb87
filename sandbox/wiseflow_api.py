"""The pretend WISEflow's own API under /wiseflow/v1: who and what a flow holds. It is only read, as the real one is.

Newer paths (`/flows/...`) answer `{"success", "data", "pagination", "error"}`, older ones (`/flow/...`) the bare object
or list.
"""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, request

from sandbox.access import Tokens
from sandbox.answers import Answer
from sandbox.wiseflow_control import addresses as control_addresses
from sandbox.wiseflow_faults import KINDS, WiseflowFaults
from sandbox.wiseflow_world import STATES, Exams

PATH = "/wiseflow/v1"
PAGE_LIMIT = 100  # items a page
COMPARED: dict[str, Callable[[int, int], bool]] = {
    "GREATER": lambda held, given: held > given,
    "GREATER_EQUAL": lambda held, given: held >= given,
    "LESS": lambda held, given: held < given,
    "LESS_EQUAL": lambda held, given: held <= given,
    "EQUAL": lambda held, given: held == given,
}


class Wiseflow:
    """One licence of WISEflow. All of it may be read and changed while calls are served."""

    def __init__(self) -> None:
        self.exams = Exams()
        self.faults = WiseflowFaults()
        self.calls: deque[dict[str, Any]] = deque(maxlen=100_000)
        self.client_id, self.client_secret, self.api_key = "wiseflow", "wiseflow-secret", "wiseflow-key"
        self.tokens = Tokens(key=self.client_id, secret=self.client_secret, seconds=3599)
        self.calls_a_second = 200
        self.missing_modules: set[str] = set()  # names of calls that are answered 403
        self.stopping = threading.Event()
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()

    @property
    def path(self) -> str:
        return PATH

    def is_too_much(self) -> bool:
        """Whether this second has had all its calls; counts one otherwise."""
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self.calls_a_second:
                return True
            self._recent.append(now)
            return False

    def serve(self, name: str, act: Callable[[], Response]) -> Response:
        """Answers one call and records it, with who says to be calling."""
        response = self._answer(name, act)
        headers = request.headers
        self.calls.append(
            {
                "call": name,
                "path": request.full_path.removesuffix("?"),
                "status": response.status_code,
                "clientName": headers.get("X-Client-Name", ""),
                "userAgent": headers.get("User-Agent", ""),
            }
        )
        response.headers.setdefault("X-Trace-Id", uuid.uuid4().hex)
        return response

    def _answer(self, name: str, act: Callable[[], Response]) -> Response:
        if name != "token" and not self._is_known():
            return problem(401, "Unauthorized")
        if self.is_too_much():
            response = problem(429, "Too many requests")
            response.headers["Retry-After"] = response.headers["RateLimit-Reset"] = "1"
            response.headers["RateLimit-Remaining"] = "0"
            return response
        if name in self.missing_modules:
            return problem(403, "The module is missing on the licence")
        fault = self.faults.due(name)
        return KINDS[fault.name](fault.parameters, act, self.stopping.wait) if fault else act()

    def _is_known(self) -> bool:
        if key := request.headers.get("X-Api-Key"):
            return bool(key == self.api_key)
        bearer = request.authorization
        return bearer is not None and bearer.type == "bearer" and self.tokens.accepts(bearer.token)


def mount(app: Flask, wiseflow: Wiseflow) -> None:
    """The API and its control addresses under /sandbox/wiseflow/."""
    app.extensions["wiseflow"] = wiseflow
    app.register_blueprint(control_addresses)
    api = Blueprint("wiseflow", __name__, url_prefix=PATH)
    for method, path, name, view in ROUTES:
        api.add_url_rule(path, name, _served(wiseflow, name, view), methods=[method])
    app.register_blueprint(api)


def _served(wiseflow: Wiseflow, name: str, view: Callable[..., Response]) -> Callable[..., Response]:
    def call(**path: Any) -> Response:
        return wiseflow.serve(name, lambda: view(wiseflow, **path))

    return call


def problem(status: int, message: str) -> Response:
    found = {"code": 0, "message": message, "errors": [{"reason": message, "message": message}]}
    return Answer(status, {"success": False, "data": None, "error": found}).response()


def page(items: Sequence[Any]) -> Response:
    """The part of `items` that was asked for."""
    offset, limit = request.args.get("offset", "0"), request.args.get("limit", str(PAGE_LIMIT))
    if not offset.isdigit() or not limit.isdigit() or not 1 <= int(limit) <= PAGE_LIMIT:
        return problem(400, f"limit must be from 1 to {PAGE_LIMIT}")
    pagination = {"limit": int(limit), "offset": int(offset), "total": len(items)}
    shown = list(items[int(offset) : int(offset) + int(limit)])
    return Answer(200, {"success": True, "data": shown, "pagination": pagination, "error": None}).response()


def whole(item: Any) -> Response:
    return Answer(200, {"success": True, "data": item, "error": None}).response()


def token(wiseflow: Wiseflow) -> Response:
    form = request.form
    if form.get("grant_type") != "client_credentials":
        return Answer(400, {"error": "unsupported_grant_type", "error_description": "Not supported"}).response()
    if not wiseflow.tokens.knows(form.get("client_id"), form.get("client_secret")):
        return Answer(400, {"error": "invalid_client", "error_description": "Invalid client credentials"}).response()
    value, seconds = wiseflow.tokens.live()
    return Answer(200, {"access_token": value, "expires_in": seconds, "token_type": "bearer", "scope": ""}).response()


def search(wiseflow: Wiseflow) -> Response:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        return problem(400, "The body is not a JSON object")
    metadata, dates = asked.get("metadata", {}), asked.get("dates", {})
    found = []
    for flow_id, flow in wiseflow.exams.flows().items():
        if "isSis" in metadata and flow["isSis"] != metadata["isSis"]:
            continue
        if "states" in metadata and flow["state"] not in metadata["states"]:
            continue
        if not all(_is_within(flow, period, asked_of) for period, asked_of in dates.items()):
            continue
        found.append(
            {
                "flowId": int(flow_id),
                "title": flow["title"],
                "subtitle": flow["subtitle"],
                "type": "FLOWassign",
                "state": flow["state"],
                "variant": flow["variant"],
                "participation": _times(flow["participation"], "start", "end"),
                "marking": _times(flow["marking"], "start", "end"),
            }
        )
    return page(found)


def _is_within(flow: dict[str, Any], period: str, asked: dict[str, Any]) -> bool:
    for name in ("start", "end"):
        if name in asked:
            held = flow[period].get(name)
            if held is None or not COMPARED[asked.get(f"{name}Comparator", "EQUAL")](held, asked[name]):
                return False
    return True


def _times(period: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: period.get(name) for name in names}


def of_flow(view: Callable[..., Response]) -> Callable[..., Response]:
    """With the flow in place of its id; one that is not on the licence is 404."""

    def found(wiseflow: Wiseflow, flow_id: str, **path: Any) -> Response:
        flow = wiseflow.exams.flow(flow_id)
        return (
            problem(404, "The flow is not on this licence") if flow is None else view(wiseflow, flow_id, flow, **path)
        )

    return found


@of_flow
def flow(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    return Answer(
        200,
        {
            "id": int(flow_id),
            "name": held["title"],
            "subName": held["subtitle"],
            "type": "FLOWassign",
            "state": STATES.index(held["state"]),
            "variant": held["variant"],
            "participantStartDate": held["participation"].get("start"),
            "participantEndDate": held["participation"].get("end"),
            "assessorStartDate": held["marking"].get("start"),
            "assessorEndDate": held["marking"].get("end"),
            "sisInformation": [{"code": source["code"]} for source in held["sources"]],
            "combinedMainFlowId": None,
            "combinedSubFlowIds": [],
        },
    ).response()


@of_flow
def dates(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    return whole(
        {
            "participation": _times(
                held["participation"], "start", "end", "earliestIndividualStart", "latestIndividualEnd"
            ),
            "marking": _times(held["marking"], "start", "end", "earliestIndividualEnd", "latestIndividualEnd"),
        }
    )


@of_flow
def participants(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    return page([{**_listed(person), "activated": person["activated"], "user": _user(person)} for person in _all(held)])


def _all(held: dict[str, Any]) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = held["participants"]
    return people


def _listed(person: dict[str, Any]) -> dict[str, Any]:
    number = str(person["participantId"])
    return {
        "participantId": person["participantId"],
        "userId": person["userId"],
        "number": number,
        "uniqueExamId": f"E{number}",
    }


def _user(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": person["userId"],
        "firstName": person["firstName"],
        "lastName": person["lastName"],
        "phone": person["phone"],
        "externalIds": [{"name": name, "value": value} for name, value in person["externalIds"].items()],
    }


@of_flow
def sources(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    return whole(
        [
            {"sourceId": source["sourceId"], "code": source["code"], "integration": {"id": 1, "name": "SIS"}}
            for source in held["sources"]
        ]
    )


@of_flow
def source_participants(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any], source_id: str) -> Response:
    for source in held["sources"]:
        if str(source["sourceId"]) == source_id:
            of_source = set(source["participants"])
            return page([_listed(person) for person in _all(held) if person["participantId"] in of_source])
    return problem(404, "The source is not one of this flow")


@of_flow
def assessments(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    names = ("grade", "adminGrade", "date", "adminGradeDate", "exportState", "exportDate", "exportMessage")
    found = [
        {
            "id": person["participantId"] + 100_000,
            "participantId": person["participantId"],
            **{name: person[name] for name in names},
        }
        for person in _all(held)
    ]
    return Answer(200, found).response()


@of_flow
def trail(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any], participant_id: str) -> Response:
    for person in _all(held):
        if str(person["participantId"]) == participant_id:
            return page(
                [
                    {
                        "triggeredBy": {"userId": event.get("userId")},
                        "grade": {"value": event.get("grade")},
                        "type": event.get("type", "GRADE"),
                        "timestamp": event.get("timestamp"),
                    }
                    for event in person["trail"]
                ]
            )
    return problem(404, "The participant is not in this flow")


@of_flow
def grading_scale(wiseflow: Wiseflow, flow_id: str, held: dict[str, Any]) -> Response:
    return whole(held["gradingScale"] or {"list": {"options": []}})


def grading_scales(wiseflow: Wiseflow) -> Response:
    scales = [flow["gradingScale"] for flow in wiseflow.exams.flows().values() if flow["gradingScale"]]
    distinct = {json.dumps(scale, sort_keys=True): scale for scale in scales}
    return whole(list(distinct.values()))


def user_data_types(wiseflow: Wiseflow) -> Response:
    return whole(
        [{"id": place, "name": name, "type": "text"} for place, name in enumerate(wiseflow.exams.user_data_types, 1)]
    )


ROUTES: list[tuple[str, str, str, Callable[..., Response]]] = [
    ("POST", "/oauth2/token", "token", token),
    ("POST", "/flows/search", "search", search),
    ("GET", "/flow/<flow_id>", "flow", flow),
    ("GET", "/flows/<flow_id>/dates", "dates", dates),
    ("GET", "/flows/<flow_id>/participants", "participants", participants),
    ("GET", "/flows/<flow_id>/sources", "sources", sources),
    ("GET", "/flows/<flow_id>/sources/<source_id>/participants", "source_participants", source_participants),
    ("GET", "/flow/<flow_id>/assessments", "assessments", assessments),
    ("GET", "/flows/<flow_id>/participants/<participant_id>/marking-audit-trail", "trail", trail),
    ("GET", "/flows/<flow_id>/grading-scale", "grading_scale", grading_scale),
    ("GET", "/license/grading-scales", "grading_scales", grading_scales),
    ("GET", "/license/user-data-types", "user_data_types", user_data_types),
]
