"""One page of a list, with the relative address of the next one; and answers cut down to the `fields` asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

USUAL_PAGE = 100
SAFE_IN_PATH = "/:"  # as in /courses/externalId:BIO


class BadQuery(Exception):
    """A parameter of the address that Learn refuses. The message says why."""


def page(
    rows: Sequence[Any], *, path: str, query: Mapping[str, str], largest: int
) -> tuple[Sequence[Any], dict[str, str] | None]:
    """The rows of the page that `query` asks for, and `{"nextPage": ...}`; None at the end. Raises BadQuery."""
    limit = number(query, "limit", min(USUAL_PAGE, largest))
    offset = number(query, "offset", 0)
    if limit > largest:
        raise BadQuery(f"The limit {limit} exceeds the maximum of {largest}")
    if limit == 0:
        raise BadQuery("The limit must be at least 1")
    end = offset + limit
    return rows[offset:end], {"nextPage": address(path, {**query, "offset": str(end)})} if end < len(rows) else None


def address(path: str, query: Mapping[str, str]) -> str:
    """A relative address, as Learn writes those of next pages."""
    return quote(path, safe=SAFE_IN_PATH) + (f"?{urlencode(query)}" if query else "")


def number(query: Mapping[str, str], name: str, usual: int) -> int:
    """A whole number from 0 in the query. Raises BadQuery."""
    text = query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadQuery(f"{name} must be a whole number from 0")
    return int(text)


def trimmed(row: Mapping[str, Any], fields: str) -> dict[str, Any]:
    """`row` with the fields that a text such as `id,user.externalId` names; all where it names none."""
    wanted = [name.strip().split(".") for name in fields.split(",") if name.strip()]
    return _only(row, wanted) if wanted else dict(row)


def _only(row: Mapping[str, Any], wanted: Iterable[Sequence[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dict.fromkeys(first for first, *_ in wanted):
        if name not in row:
            continue
        deeper = [rest for first, *rest in wanted if first == name]
        value = row[name]
        found[name] = _only(value, deeper) if isinstance(value, Mapping) and all(deeper) else value
    return found
