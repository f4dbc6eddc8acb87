"""What can go wrong when the gradebook is read, by name. An answer that is an error already is left alone."""

from collections.abc import Callable
from typing import Any

from flask import Response

from sandbox.answers import Answer
from sandbox.faults import Call, Reach, fault
from sandbox.paging import USUAL_PAGE

NAMES = ("name", "family", "title", "text")


@fault(Reach.PAGES)
def endless_paging(call: Call) -> Response:
    """Every page names itself as the next one."""
    return _with_next_page(call, call.address())


@fault(Reach.PAGES)
def endless_pages(call: Call) -> Response:
    """There is always another page, though there is nothing in it past the end."""
    return _altered(call, lambda payload: {**payload, "paging": {"nextPage": _following(call)}})


def _following(call: Call) -> str:
    """Called for an answer alone that has read the query."""
    end = int(call.query.get("offset", "0")) + int(call.query.get("limit", str(USUAL_PAGE)))
    return call.address(offset=str(end))


@fault(Reach.PAGES)
def foreign_page(call: Call, *, location: str = "https://elsewhere.invalid/learn/api/public/v1/courses") -> Response:
    """The next page is at another host."""
    return _with_next_page(call, location)


@fault(Reach.PAGES)
def missing_results(call: Call) -> Response:
    """The list is missing from the answer."""
    return _altered(call, lambda payload: {name: value for name, value in payload.items() if name != "results"})


@fault(Reach.READS)
def wrong_types(call: Call) -> Response:
    """Every text is a list, every number an object, every yes or no a text; lists and objects stay."""
    return _altered(call, _of_other_types)


@fault(Reach.READS)
def wrong_shape(call: Call) -> Response:
    """A list where an object belongs: the whole answer."""
    return _altered(call, lambda payload: [payload])


@fault(Reach.READS)
def huge_name(call: Call, *, megabytes: int = 10) -> Response:
    """The first name, title or text is 10 MB long."""
    return _altered(call, lambda payload: _lengthened(payload, "x" * (megabytes * 1_000_000)))


def _with_next_page(call: Call, address: str) -> Response:
    return _altered(call, lambda payload: {**payload, "paging": {"nextPage": address}})


def _altered(call: Call, change: Callable[[dict[str, Any]], Any]) -> Response:
    answer = call.carry_out()
    return (Answer(200, change(answer.payload)) if answer.status == 200 else answer).response()


def _of_other_types(value: Any) -> Any:
    match value:
        case dict():
            return {name: _of_other_types(inner) for name, inner in value.items()}
        case list():
            return [_of_other_types(inner) for inner in value]
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return {"number": value}
        case _:
            return [value]


def _lengthened(payload: dict[str, Any], long: str) -> dict[str, Any]:
    """A copy with the first text under one of NAMES made long, or with a long `name` where there is none."""
    found = _replace_first(payload, long)
    return {**payload, "name": long} if found is None else found


def _replace_first(value: Any, long: str) -> Any:
    """A copy with one text replaced; None where there is none to replace."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for place, inner in pairs:
        if place in NAMES and isinstance(inner, str):
            new: Any = long
        elif isinstance(inner, dict | list):
            new = _replace_first(inner, long)
        else:
            new = None
        if new is not None:
            return {**value, place: new} if isinstance(value, dict) else [*value[:place], new, *value[place + 1 :]]
    return None
