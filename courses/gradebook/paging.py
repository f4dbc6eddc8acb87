"""Where the next page of a list is. The address comes from outside: it may lead anywhere, or round in circles."""

import re
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from courses.gradebook.errors import Unreadable
from courses.gradebook.reading import inner, objects
from courses.learn_http.errors import Fault

ROOT = "/learn/api/public"
MAX_PAGES = 500  # 50,000 grades in pages of usual size. A list without end must not take the share of a whole day
MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_LIST_BYTES = 64 * 1024 * 1024
MAX_ADDRESS_CHARACTERS = 4_000

HERE = "https://learn.invalid"  # stands for the site's address, which a next page cannot leave
SENDABLE = re.compile(r"[\x21-\x5b\x5d-\x7e]*")  # printable ASCII without blanks and backslashes


class Pages:
    """The pages of one list: what has been read of it. Holds each page against the bounds."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._bytes = 0

    def read(self, path: str, body: object, size: int) -> tuple[list[dict[str, Any]], str]:
        """The rows of the page that came from `path`, and the path of the next; empty: it is the last."""
        self._paths.add(path)
        self._bytes += size
        if self._bytes > MAX_LIST_BYTES:
            raise Unreadable(Fault.LIST_TOO_LARGE)
        if not isinstance(body, dict):
            raise Unreadable(Fault.ODD_SHAPE, part="results")
        rows, following = objects(body.get("results"), "results"), next_page(path, body)
        if following and (following in self._paths or len(self._paths) >= MAX_PAGES):
            raise Unreadable(Fault.ENDLESS_LIST)
        return rows, following


def next_page(path: str, body: dict[str, Any]) -> str:
    """Path and query of the next page, which is on the same site and in the public API; empty: there is none."""
    given = inner(body, "paging").get("nextPage")
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or len(given) > MAX_ADDRESS_CHARACTERS or not SENDABLE.fullmatch(given):
        raise Unreadable(Fault.ODD_SHAPE, part="paging.nextPage")
    try:
        parts = urlsplit(urljoin(HERE + path, given))
    except ValueError as error:
        raise Unreadable(Fault.PAGE_ELSEWHERE) from error
    segments = unquote(unquote(parts.path)).replace("\\", "/").split("/")
    is_here = f"{parts.scheme}://{parts.netloc}" == HERE and parts.path.startswith(f"{ROOT}/")
    if not is_here or "." in segments or ".." in segments:
        raise Unreadable(Fault.PAGE_ELSEWHERE)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
