import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from courses.gradebook import Course, Gradebook
from courses.learn_http.calls import Call
from courses.learn_http.site import Site
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.courses.learn_http.pretend import PretendSite, answer

STATE: dict[str, Any] = {
    "schemas": {"Letters": {"symbols": "A=90:B=80:F=0"}},
    "courses": {
        "BIO/1 å": {
            "users": [f"u{number}" for number in range(1, 8)],
            "name": "Biology",
            "columns": {
                "Exam": {"points": 100},
                "exam": {"points": 20, "shownAs": "percent"},
                "Essay": {"points": 100, "schema": "Letters"},
                "Notes": {"points": None},
                "Secret": {"points": 10, "anonymous": True, "dueDate": "2026-06-01"},
                "Twice": {"points": 10, "copies": [{"points": 20}]},
            },
        },
        "MED": {"experience": "ORIGINAL", "users": ["u1"], "closedComplete": True},
        "MED-A": {"users": ["u1"], "parent": "MED", "available": "No"},
    },
}
READS = re.compile("/learn/api/public/.*")
BIO = "BIO/1 å"
ANY = Course(
    id="_1_1",
    course_id="BIO",
    name="",
    is_ultra=None,
    is_completed=False,
    availability="Yes",
    has_children=False,
    parent_id=None,
)


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


def book_at(url: str, *, timeout: float = 5) -> Gradebook:
    return Gradebook(Site(url=url, key="key", secret="secret", timeout=timeout))


@pytest.fixture
def observed() -> list[Call]:
    return []


@pytest.fixture
def learn() -> Iterator[SandboxLearn]:
    """A sandbox with all privileges."""
    with SandboxLearn(World(STATE)) as running:
        yield running


@pytest.fixture
def book(learn: SandboxLearn) -> Gradebook:
    return book_at(learn.url)


@pytest.fixture
def bio(book: Gradebook) -> Course:
    return book.course(BIO, until=soon())


class ScriptedSite(PretendSite):
    """A site that gives the answers in `script`, in turn, to whatever is asked; the last one for ever."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(server)
        self.asked: list[str] = []  # method, path and query of each call
        self.script: deque[Response | Callable[[Request], Response]] = deque()
        server.expect_request(READS, method="GET").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            query = request.query_string.decode()
            self.asked.append(f"{request.method} {request.path}{'?' if query else ''}{query}")
            scripted = self.script.popleft() if len(self.script) > 1 else self.script[0]
        return scripted if isinstance(scripted, Response) else scripted(request)

    def say(self, *contents: object, status: int = 200) -> None:
        self.script.extend(answer(content, status) for content in contents)


@pytest.fixture
def scripted(server: HTTPServer) -> Iterator[ScriptedSite]:
    yield ScriptedSite(server)
    server.clear()


def page(*rows: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    paging = {"paging": {"nextPage": following}} if following else {}
    return json.loads(json.dumps({"results": rows, **paging}))
