"""The control addresses under /sandbox/: see and change what the sandbox holds, its faults and its settings.

They ask for no credentials. A body must be declared as JSON, so that a page of another site, open in a browser on this
machine, cannot send one unasked.
"""

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, render_template, request

from sandbox.answers import Answer, error
from sandbox.faults import KINDS
from sandbox.gradable_items import kept_fields
from sandbox.services import SERVICES
from sandbox.state import Senseless, known, listed
from sandbox.world import DUPLICATE_COLUMNS

if TYPE_CHECKING:
    from sandbox.learn import Learn

addresses = Blueprint("control", __name__, url_prefix="/sandbox", template_folder="templates")

NUMBERS = ("latency_ms", "daily_calls", "calls_used", "token_seconds")
LARGEST_NUMBER = 10_000_000
CHOICES = {"duplicate_columns": DUPLICATE_COLUMNS}
CALLS_SHOWN = 30
VALUES_SHOWN = 100


@addresses.get("/")
def page() -> Response:
    """What the sandbox holds, for people."""
    learn = _learn()
    shown = render_template(
        "sandbox_learn.html",
        url=request.host_url.rstrip("/"),
        world=learn.world.as_json(),
        defaults=kept_fields({"itemType": "MANUAL_COLUMN"}),
        values_shown=VALUES_SHOWN,
        calls=list(learn.calls)[: -CALLS_SHOWN - 1 : -1],
        calls_in_all=len(learn.calls),
        on=learn.faults.as_json(),
        kinds=KINDS.values(),
        services=list(SERVICES),
        settings=_settings(),
    )
    return Response(shown.encode(errors="backslashreplace"), mimetype="text/html")


@addresses.get("/state")
def state() -> Response:
    return _ok(_learn().world.as_json())


@addresses.put("/state")
def replace_state() -> Response:
    _learn().world.replace(_body())
    return state()


@addresses.patch("/state")
def merge_state() -> Response:
    _learn().world.merge(_body())
    return state()


@addresses.get("/values")
def values() -> Response:
    """The values of one column, and all that was ever sent there: user -> values, oldest first."""
    world = _learn().world
    if set(request.args) != {"course", "column"}:
        raise Senseless("Name a course and a column: /sandbox/values?course=...&column=...")
    place = request.args["course"], request.args["column"]
    held = world.values(*place)
    return _ok({"values": held, "sent": {user: world.sent(*place, user) for user in held}})


@addresses.get("/calls")
def calls() -> Response:
    return _ok(_learn().calls.as_json())


@addresses.delete("/calls")
def forget_calls() -> Response:
    _learn().calls.clear()
    return calls()


@addresses.get("/faults")
def faults() -> Response:
    available = {
        kind.name: {"description": kind.description, "for": kind.reach, "parameters": kind.parameters}
        for kind in KINDS.values()
    }
    return _ok({"on": _learn().faults.as_json(), "available": available})


@addresses.post("/faults")
def add_fault() -> Response:
    body = _body()
    fault = body.pop("fault", None)
    if not isinstance(fault, str):
        raise Senseless('Name a fault: {"fault": "shorter", "times": 1}. GET /sandbox/faults lists them.')
    _learn().faults.add(fault, **body)
    return faults()


@addresses.delete("/faults")
def remove_faults() -> Response:
    _learn().faults.clear()
    return faults()


@addresses.get("/settings")
def settings() -> Response:
    return _ok(_settings())


@addresses.put("/settings")
def change_settings() -> Response:
    """Settings that are left out stay as they are, and one that is wrong changes none.

    `token_seconds` counts from the next new token. `duplicate_columns` says whether a second column of one name is
    refused ("refuse") or made ("create").
    """
    given, learn = _body(), _learn()
    known(given, "the list of settings", (*NUMBERS, *CHOICES))
    for name, value in given.items():
        _check_setting(name, value)
    learn.latency_ms = given.get("latency_ms", learn.latency_ms)
    learn.quota.limit = given.get("daily_calls", learn.quota.limit)
    learn.quota.used = given.get("calls_used", learn.quota.used)
    learn.tokens.seconds = given.get("token_seconds", learn.tokens.seconds)
    learn.world.duplicate_columns = given.get("duplicate_columns", learn.world.duplicate_columns)
    return settings()


@addresses.errorhandler(Senseless)
def senseless(problem: Senseless) -> Response:
    return error(400, str(problem)).response()


def _learn() -> "Learn":
    learn: Learn = current_app.extensions["learn"]
    return learn


def _check_setting(name: str, value: object) -> None:
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise Senseless(f"'{name}' must be one of {listed(CHOICES[name])}.")
    elif not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise Senseless(f"'{name}' must be a whole number from 0 to {LARGEST_NUMBER}.")


def _settings() -> dict[str, int | str]:
    learn = _learn()
    return {
        "latency_ms": learn.latency_ms,
        "daily_calls": learn.quota.limit,
        "calls_used": learn.quota.used,
        "token_seconds": learn.tokens.seconds,
        "duplicate_columns": learn.world.duplicate_columns,
    }


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise Senseless("The body must be a JSON object.")
    return body


def _ok(payload: object) -> Response:
    return Answer(200, payload).response()
