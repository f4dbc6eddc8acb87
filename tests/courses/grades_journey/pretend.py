"""Servers on loopback that behave like Learn, or as badly as a network can."""

import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from courses.grades_journey import (
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradeValue,
    Item,
    ItemType,
    SchemaItem,
)

TOKEN_PATH = "/learn/api/public/v1/oauth2/token"
VERSION_PATH = "/learn/api/public/v1/system/version"
SERVICE_PATH = re.compile(r"/learn/api/v2/cc/gradejourney/(\w+)")

REPEATABLE = (GradeValue, ExternalGradeColumn, EnrolmentData)
NOT_REPEATABLE = (SchemaItem, GradableItem, ColumnToDelete)


def grade(user: str = "u1", *, course: str = "c1", column: str = "Exam", value: str = "B") -> GradeValue:
    return GradeValue(course_id=course, user_id=user, name=column, value=value)


def grades(count: int, **fields: str) -> list[GradeValue]:
    return [grade(f"u{number}", **fields) for number in range(1, count + 1)]


def item_of(kind: type[Item], number: int) -> Item:
    """An item of the kind whose names no item of another number has."""
    name = f"n{number}"
    fields = {
        GradeValue: {"course_id": "c1", "user_id": name, "name": name, "value": "B"},
        SchemaItem: {"title": name, "symbols": "P=50:F=0"},
        GradableItem: {"course_id": "c1", "name": name, "item_type": ItemType.MANUAL_COLUMN},
        ColumnToDelete: {"course_id": "c1", "name": name},
        ExternalGradeColumn: {"course_id": "c1", "name": name},
        EnrolmentData: {"course_id": "c1", "user_id": name, "optional_data": "EnrollType=Audit"},
    }
    return kind(**fields[kind])


def items_of(kind: type[Item], count: int) -> list[Item]:
    return [item_of(kind, number) for number in range(1, count + 1)]


def result(item: dict[str, str], status: str = "OK", message: str = "Grade value successfully added") -> dict[str, str]:
    name = item.get("name") or item.get("title") or item["userId"]
    return {"status": status, "message": message, "courseId": item.get("courseId", ""), "name": name}


def answer(content: object, status: int = 200, **headers: str) -> Response:
    return Response(
        json.dumps(content),
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        None,
        "application/json",
    )


def page(status: int = 200) -> Response:
    return Response("<html><body>We are down for maintenance.</body></html>", status, content_type="text/html")


class PretendLearn:
    """A site that stores values, refuses whom or what `refused` names, and gives the answers in `script` first.

    Of the services other than that of grade values it does nothing but answer.
    """

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.refused: set[str] = set()
        self.stored: dict[tuple[str, str, str], str] = {}
        self.services: list[str] = []  # of each call
        self.batches: list[list[str]] = []  # of each call the users, or what has none by its name, as they came
        self.bearers: list[str] = []
        self.token_requests: list[Request] = []
        self.script: deque[Response | Callable[[list[dict[str, str]]], Response]] = deque()
        self.version: Response = answer({"learn": {"major": 4000, "minor": 0, "patch": 0, "build": "rel.3+1234"}})
        self.token_script: deque[Response | Callable[[], Response]] = deque()
        self._lock = threading.Lock()
        server.expect_request(TOKEN_PATH, method="POST").respond_with_handler(self._give_token)
        server.expect_request(VERSION_PATH, method="GET").respond_with_handler(self._give_version)
        server.expect_request(SERVICE_PATH, method="POST").respond_with_handler(self._take_items)

    def _give_token(self, request: Request) -> Response:
        with self._lock:
            self.token_requests.append(request)
            scripted = self.token_script.popleft() if self.token_script else None
            number = len(self.token_requests)
        if scripted is not None:
            return scripted() if callable(scripted) and not isinstance(scripted, Response) else scripted
        return answer({"access_token": f"token-{number}", "token_type": "bearer", "expires_in": 3600})

    def _give_version(self, request: Request) -> Response:
        with self._lock:
            self.bearers.append(request.headers.get("Authorization", ""))
            return self.script.popleft() if self.script else self.version

    def _take_items(self, request: Request) -> Response:
        items = json.loads(request.data)
        with self._lock:
            self.services.append(request.path.rpartition("/")[2])
            self.batches.append([subject(item) for item in items])
            self.bearers.append(request.headers.get("Authorization", ""))
            scripted = self.script.popleft() if self.script else self.respond
        return scripted if isinstance(scripted, Response) else scripted(items)

    def respond(self, items: list[dict[str, str]]) -> Response:
        return answer(self.take(items))

    def take(self, items: list[dict[str, str]]) -> list[dict[str, str]]:
        results = []
        for item in items:
            if subject(item) in self.refused:
                results.append(result(item, "ERROR", f"No enrolment of {subject(item)}"))
            else:
                if "value" in item:
                    self.stored[item["courseId"], item["userId"], item["name"]] = item["value"]
                results.append(result(item))
        return results


def subject(item: dict[str, str]) -> str:
    return item.get("userId") or result(item)["name"]


@contextmanager
def raw_server(*behaviours: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[socket.socket]]]:
    """Gives the n-th connection to the n-th behaviour, later ones to the last, and closes it afterwards.

    Yields the address and the list of all connections so far. What is still open at the end is cut.
    """
    connections: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve_one(connection: socket.socket, behave: Callable[[socket.socket], None]) -> None:
        with connection, suppress(OSError):
            behave(connection)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                behave = behaviours[min(len(connections), len(behaviours) - 1)]
                connections.append(connection)
                threads.append(threading.Thread(target=serve_one, args=(connection, behave)))
                threads[-1].start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection, thread in zip(connections, threads, strict=True):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_request(connection: socket.socket) -> tuple[str, bytes]:
    """The path and the body of the next request; an empty path when the other side is done."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(1)
        if not more:
            return "", b""
        head += more
    lengths = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    length = next(lengths, 0)
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return head.split(b" ")[1].decode(), body


def http(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def confirm(connection: socket.socket, *, calls: int = 1_000_000) -> None:
    """Answers as an honest Learn does, over one connection, until it has had `calls` calls or the client closes it."""
    for _ in range(calls):
        path, body = read_request(connection)
        if not path:
            return
        if path == TOKEN_PATH:
            connection.sendall(http(b'{"access_token": "t", "token_type": "bearer", "expires_in": 3600}'))
        else:
            connection.sendall(http(json.dumps([result(item) for item in json.loads(body)]).encode()))
