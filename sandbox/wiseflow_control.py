"""The control addresses under /sandbox/wiseflow/: see and change what the sandbox WISEflow holds, and its faults.

As for the rest of the sandbox they ask for no credentials, and take JSON alone.
"""

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from sandbox.answers import Answer, error
from sandbox.state import Senseless, known
from sandbox.wiseflow_faults import CALLS

if TYPE_CHECKING:
    from sandbox.wiseflow_api import Wiseflow

addresses = Blueprint("wiseflow_control", __name__, url_prefix="/sandbox/wiseflow")

SETTINGS = ("calls_a_second", "token_seconds", "missing_modules")


@addresses.get("/state")
def state() -> Response:
    return _ok(_wiseflow().exams.as_json())


@addresses.put("/state")
def replace_state() -> Response:
    _wiseflow().exams.replace(_body())
    return state()


@addresses.patch("/state")
def merge_state() -> Response:
    _wiseflow().exams.merge(_body())
    return state()


@addresses.post("/flows/<flow_id>/grades/<int:user_id>")
def set_grade(flow_id: str, user_id: int) -> Response:
    """What one person got: {"grade": "B", "adminGrade": "", "exportState": 2}."""
    _wiseflow().exams.set_grade(flow_id, user_id, _body())
    return _ok(_wiseflow().exams.flow(flow_id))


@addresses.get("/calls")
def calls() -> Response:
    return _ok(list(_wiseflow().calls))


@addresses.delete("/calls")
def forget_calls() -> Response:
    _wiseflow().calls.clear()
    return calls()


@addresses.get("/faults")
def faults() -> Response:
    return _ok(_wiseflow().faults.as_json())


@addresses.post("/faults")
def add_fault() -> Response:
    body = _body()
    name = body.pop("fault", None)
    if not isinstance(name, str):
        raise Senseless('Name a fault: {"fault": "answer", "call": "participants", "status": 500}.')
    _wiseflow().faults.add(name, **body)
    return faults()


@addresses.delete("/faults")
def remove_faults() -> Response:
    _wiseflow().faults.clear()
    return faults()


@addresses.delete("/token")
def end_token() -> Response:
    """The token that was handed out is refused from now on."""
    _wiseflow().tokens.revoke()
    return _ok({})


@addresses.get("/settings")
def settings() -> Response:
    wiseflow = _wiseflow()
    return _ok(
        {
            "calls_a_second": wiseflow.calls_a_second,
            "token_seconds": wiseflow.tokens.seconds,
            "missing_modules": sorted(wiseflow.missing_modules),
        }
    )


@addresses.put("/settings")
def change_settings() -> Response:
    """`missing_modules` names the calls that are answered 403, as where a module is not on the licence."""
    given, wiseflow = _body(), _wiseflow()
    known(given, "the list of settings", SETTINGS)
    missing = given.get("missing_modules", [])
    if not isinstance(missing, list):
        raise Senseless("'missing_modules' must be a list of names of calls.")
    known(dict.fromkeys(map(str, missing)), "the list of calls", CALLS)
    for name in ("calls_a_second", "token_seconds"):
        if not isinstance(given.get(name, 0), int) or given.get(name, 0) < 0:
            raise Senseless(f"'{name}' must be a whole number from 0.")
    wiseflow.calls_a_second = given.get("calls_a_second", wiseflow.calls_a_second)
    wiseflow.tokens.seconds = given.get("token_seconds", wiseflow.tokens.seconds)
    wiseflow.missing_modules = set(given.get("missing_modules", wiseflow.missing_modules))
    return settings()


@addresses.errorhandler(Senseless)
def senseless(refused: Senseless) -> Response:
    return error(400, str(refused)).response()


def _wiseflow() -> "Wiseflow":
    wiseflow: Wiseflow = current_app.extensions["wiseflow"]
    return wiseflow


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise Senseless("The body must be a JSON object.")
    return body


def _ok(payload: object) -> Response:
    return Answer(200, payload).response()
