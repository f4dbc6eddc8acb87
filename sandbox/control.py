"""The control addresses under /sandbox/: see and change what the sandbox holds, its faults and its settings, as JSON.

They ask for no credentials. A body must be declared as JSON, so that a page of another site, open in a browser on this
machine, cannot send one unasked.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from sandbox.answers import Answer, error
from sandbox.faults import KINDS
from sandbox.privileges import LARGEST_PAGE, PAGES, PRIVILEGES
from sandbox.state import Senseless, known, listed
from sandbox.world import DUPLICATE_COLUMNS

if TYPE_CHECKING:
    from sandbox.learn import Learn

addresses = Blueprint("control", __name__, url_prefix="/sandbox")

NUMBERS = ("latency_ms", "daily_calls", "calls_used", "token_seconds")
LARGEST_NUMBER = 10_000_000
SWITCHES = ("privileges", "page_ceilings")
CHOICES = {"duplicate_columns": DUPLICATE_COLUMNS}
OF_GRADE = ("course", "column", "user", "value", "by", "at", "exempt", "corrupt", "notation")


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


@addresses.post("/grades")
def change_grade() -> Response:
    """Changes one grade as a teacher does in Learn: `value` null clears it, and what is left out stays as it is."""
    given = _body()
    known(given, "the grade", OF_GRADE)
    at = _moment(given)
    change_by_hand(_learn(), given, at)
    place = given["course"], given["column"], given["user"]
    return _ok({"shown": _learn().world.shown(*place)})


def change_by_hand(learn: "Learn", given: Mapping[str, Any], at: datetime | None = None) -> None:
    """All of one grade or nothing. Raises Senseless."""
    for name in ("course", "column", "user"):
        if not isinstance(given.get(name), str):
            raise Senseless(f"'{name}' must be text.")
    for name in ("value", "by", "notation"):
        if not isinstance(given.get(name), str | None):
            raise Senseless(f"'{name}' must be text.")
    for name in ("exempt", "corrupt"):
        if not isinstance(given.get(name), bool | None):
            raise Senseless(f"'{name}' must be true or false.")
    place = given["course"], given["column"], given["user"]
    flags = {name: given[name] for name in ("exempt", "corrupt", "notation") if given.get(name) is not None}
    if "value" not in given and not flags:
        raise Senseless("Say what changes: 'value', 'exempt', 'corrupt' or 'notation'.")
    with learn.world.lock:
        if "value" in given:
            learn.world.type_grade(*place, given["value"], by=given.get("by") or "teacher", at=at)
        if flags:
            learn.world.flag_grade(*place, **flags, at=at)


@addresses.get("/changes")
def changes() -> Response:
    """The log of one column, oldest first."""
    if set(request.args) != {"course", "column"}:
        raise Senseless("Name a course and a column: /sandbox/changes?course=...&column=...")
    log = _learn().world.log(request.args["course"], request.args["column"])
    return _ok(
        [
            {
                "at": change.at.isoformat(timespec="milliseconds"),
                "user": change.user,
                "by": change.by,
                "value": change.value,
                "previous": change.previous,
            }
            for change in log
        ]
    )


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
    return _ok(settings_of(_learn()))


@addresses.put("/settings")
def change_settings() -> Response:
    """Settings that are left out stay as they are, and one that is wrong changes none.

    `token_seconds` counts from the next new token. `duplicate_columns` says whether a second column of one name is
    refused ("refuse") or made ("create"). `privileges` says of some or all whether the application has them, and
    `page_ceilings` the largest page of some or all services that read in pages.
    """
    given, learn = _body(), _learn()
    known(given, "the list of settings", (*NUMBERS, *CHOICES, *SWITCHES))
    for name, value in given.items():
        _check_setting(name, value)
    learn.latency_ms = given.get("latency_ms", learn.latency_ms)
    learn.quota.limit = given.get("daily_calls", learn.quota.limit)
    learn.quota.used = given.get("calls_used", learn.quota.used)
    learn.tokens.seconds = given.get("token_seconds", learn.tokens.seconds)
    learn.world.duplicate_columns = given.get("duplicate_columns", learn.world.duplicate_columns)
    learn.privileges.change(given.get("privileges", {}))
    learn.page_ceilings.update(given.get("page_ceilings", {}))
    return settings()


@addresses.errorhandler(Senseless)
def senseless(problem: Senseless) -> Response:
    return error(400, str(problem)).response()


def _learn() -> "Learn":
    learn: Learn = current_app.extensions["learn"]
    return learn


def _check_setting(name: str, value: object) -> None:
    if name == "privileges":
        if not all(isinstance(held, bool) for held in _known_switches(value, name, PRIVILEGES)):
            raise Senseless("Each of 'privileges' must be true or false.")
    elif name == "page_ceilings":
        if not all(_is_whole(largest, 1, LARGEST_PAGE) for largest in _known_switches(value, name, PAGES)):
            raise Senseless(f"Each of 'page_ceilings' must be a whole number from 1 to {LARGEST_PAGE}.")
    elif name in CHOICES:
        if value not in CHOICES[name]:
            raise Senseless(f"'{name}' must be one of {listed(CHOICES[name])}.")
    elif not _is_whole(value, 0, LARGEST_NUMBER):
        raise Senseless(f"'{name}' must be a whole number from 0 to {LARGEST_NUMBER}.")


def _known_switches(value: object, name: str, names: Iterable[str]) -> list[object]:
    known(value, f"'{name}'", names)
    return list(value.values()) if isinstance(value, Mapping) else []


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def settings_of(learn: "Learn") -> dict[str, Any]:
    return {
        "latency_ms": learn.latency_ms,
        "daily_calls": learn.quota.limit,
        "calls_used": learn.quota.used,
        "token_seconds": learn.tokens.seconds,
        "duplicate_columns": learn.world.duplicate_columns,
        "privileges": learn.privileges.as_json(),
        "page_ceilings": dict(learn.page_ceilings),
    }


def _moment(given: Mapping[str, Any]) -> datetime | None:
    """An ISO 8601 moment under `at`; without a zone it is in UTC."""
    text = given.get("at")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as problem:
        raise Senseless("'at' must be a moment such as 2026-05-03T10:00:00Z.") from problem
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise Senseless("The body must be a JSON object.")
    return body


def _ok(payload: object) -> Response:
    return Answer(200, payload).response()
