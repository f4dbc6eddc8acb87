"""Servers on loopback that behave like Learn, or as badly as a network can."""

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytest_httpserver import HTTPServer
from requests.structures import CaseInsensitiveDict
from werkzeug import Request, Response

from courses.learn_http.answers import Answer

TOKEN_PATH = "/learn/api/public/v1/oauth2/token"


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


def answered(content: object, *, status: int = 200, **headers: str) -> Answer:
    """An answer as the clients read it."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=named, body=body)


def result(item: dict[str, str], status: str = "OK", message: str = "Grade value successfully added") -> dict[str, str]:
    name = item.get("name") or item.get("title") or item["userId"]
    return {"status": status, "message": message, "courseId": item.get("courseId", ""), "name": name}


class PretendSite:
    """A site that gives out tokens, and the answers in `token_script` first."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.token_requests: list[Request] = []
        self.token_script: deque[Response | Callable[[], Response]] = deque()
        self._lock = threading.Lock()
        server.expect_request(TOKEN_PATH, method="POST").respond_with_handler(self._give_token)

    def _give_token(self, request: Request) -> Response:
        with self._lock:
            self.token_requests.append(request)
            scripted = self.token_script.popleft() if self.token_script else None
            number = len(self.token_requests)
        if scripted is not None:
            return scripted() if callable(scripted) and not isinstance(scripted, Response) else scripted
        return answer({"access_token": f"token-{number}", "token_type": "bearer", "expires_in": 3600})


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
