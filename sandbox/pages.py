"""The page at /sandbox/ for people: what the sandbox holds, and forms for a trainer who plays Learn's teacher.

A form is answered with the page again. One that another site sends is refused: browsers name the origin of a form.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from sandbox.answers import error
from sandbox.control import change_by_hand, settings_of
from sandbox.faults import KINDS
from sandbox.gradable_items import kept_fields
from sandbox.privileges import LARGEST_PAGE, PAGES, PRIVILEGES
from sandbox.services import SERVICES
from sandbox.state import Senseless

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from sandbox.learn import Learn

addresses = Blueprint("pages", __name__, url_prefix="/sandbox", template_folder="templates")

CALLS_SHOWN = 30
VALUES_SHOWN = 100


@addresses.get("/")
def page(problem: str = "") -> Response:
    """What the sandbox holds."""
    learn = _learn()
    world = learn.world.as_json()
    shown = render_template(
        "sandbox_learn.html",
        url=request.host_url.rstrip("/"),
        problem=problem,
        opened=(request.values.get("course"), request.values.get("column")),
        world=world,
        rows=_rows(learn, world),
        defaults=kept_fields({"itemType": "MANUAL_COLUMN"}),
        values_shown=VALUES_SHOWN,
        calls=list(learn.calls)[: -CALLS_SHOWN - 1 : -1],
        calls_in_all=len(learn.calls),
        on=learn.faults.as_json(),
        kinds=KINDS.values(),
        services=list(SERVICES),
        settings=settings_of(learn),
    )
    return Response(shown.encode(errors="backslashreplace"), 400 if problem else 200, mimetype="text/html")


def _rows(learn: "Learn", world: dict[str, Any]) -> Callable[[str, str], list[tuple[str, str, str, str]]]:
    """For a course and column: user, value, what Learn shows, flags. As many as a page shows, those with something."""

    def rows(course_id: str, column_name: str) -> list[tuple[str, str, str, str]]:
        column = world["courses"][course_id]["columns"][column_name]
        flags: dict[str, dict[str, Any]] = column.get("flags", {})
        users = list({**column["values"], **flags})[:VALUES_SHOWN]
        return [
            (user, column["values"].get(user, ""), _in_words(shown(course_id, column_name, user)), _flags(flags, user))
            for user in users
        ]

    def shown(course_id: str, column_name: str, user: str) -> dict[str, Any]:
        try:
            return learn.world.shown(course_id, column_name, user) or {}
        except Senseless:
            return {}  # the world was changed while the page was made

    return rows


def _in_words(shown: dict[str, Any]) -> str:
    score = f"{shown['score']:g} of {shown['possible']:g}" if "score" in shown else ""
    return ", ".join(filter(None, [shown.get("text", ""), score]))


def _flags(flags: dict[str, dict[str, Any]], user: str) -> str:
    held = flags.get(user, {})
    return ", ".join(name if value is True else str(value) for name, value in held.items())


@addresses.before_request
def refuse_other_sites() -> Response | None:
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.host:
        return error(403, "A form of another site is refused").response()
    return None


@addresses.post("/page/grade")
def type_grade() -> "AnyResponse":
    """One value as a teacher; an empty one with the button Clear."""
    form = request.form
    given: dict[str, Any] = {name: form.get(name, "") for name in ("course", "column", "user", "by")}
    match form.get("act"):
        case "clear":
            given["value"] = None
        case "flags":
            given |= {"exempt": "exempt" in form, "corrupt": "corrupt" in form, "notation": form.get("value", "")}
        case _ if form.get("value", "").strip():
            given["value"] = form["value"].strip()
        case _:
            return page("Type a value, or choose Clear.")
    opened = url_for("pages.page", course=given["course"], column=given["column"], _anchor="opened")
    return _after(lambda: change_by_hand(_learn(), given), opened)


@addresses.post("/page/privileges")
def switch_privileges() -> "AnyResponse":
    """Those that are ticked are held."""
    held = set(request.form.getlist("privilege"))
    return _after(lambda: _learn().privileges.change({name: name in held for name in PRIVILEGES}))


@addresses.post("/page/ceilings")
def set_ceilings() -> "AnyResponse":
    return _after(lambda: _learn().page_ceilings.update({name: _number(name) for name in PAGES}))


@addresses.post("/page/faults")
def switch_fault_on() -> "AnyResponse":
    form = request.form
    times = None if form.get("until_removed") else _number_or_none("times") or 1
    service = form.get("service") or None
    return _after(
        lambda: _learn().faults.add(
            form.get("fault", ""), times=times, skip=_number_or_none("skip") or 0, service=service
        )
    )


@addresses.post("/page/faults/remove")
def remove_faults() -> "AnyResponse":
    return _after(_learn().faults.clear)


def _after(act: Callable[[], object], address: str | None = None) -> "AnyResponse":
    """The page again, with what was wrong if something was."""
    try:
        act()
    except Senseless as problem:
        return page(str(problem))
    return redirect(address or url_for("pages.page"), 303)


def _number(name: str) -> int:
    number = _number_or_none(name)
    if number is None or not 1 <= number <= LARGEST_PAGE:
        raise Senseless(f"'{name}' must be a whole number from 1 to {LARGEST_PAGE}.")
    return number


def _number_or_none(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _learn() -> "Learn":
    learn: Learn = current_app.extensions["learn"]
    return learn
