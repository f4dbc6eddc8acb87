"""The HTTP server around the sandbox Learn: threads, kept connections, and connections that break on cue."""

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox.answers import HangUp
from sandbox.learn import Learn, create_app
from sandbox.world import World

RESET_ON_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, 0 seconds
BACKLOG = 256


class Handler(WSGIRequestHandler):
    """Answers any number of requests on one connection.

    Werkzeug's own `run_wsgi` closes the connection after each. Here a body is read whole before the application sees
    it, so the next request begins where it should; and the head leaves in one write with the first piece of the body,
    so that no answer waits for the acknowledgement of its first half.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(self._read_body(environ))
        head = b""

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            nonlocal head
            head = self._head(status, headers)
            return self.wfile.write

        pieces: Iterable[bytes] = self.server.app(environ, start_response)
        try:
            self._send(head, pieces)
        except HangUp as hang_up:
            self.close_connection = True
            if hang_up.reset:
                self._reset()
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):  # chunked
            return bytes(environ["wsgi.input"].read())
        length = environ.get("CONTENT_LENGTH", "0")
        return self.rfile.read(int(length)) if length.isdigit() else b""

    def _head(self, status: str, headers: list[tuple[str, str]]) -> bytes:
        if "content-length" not in {name.lower() for name, _ in headers}:
            self.close_connection = True  # its end is the end of the connection
        lines = [f"{self.protocol_version} {status}", *(f"{name}: {value}" for name, value in headers)]
        lines += [
            "Date: " + self.date_time_string(),
            "Connection: " + ("close" if self.close_connection else "keep-alive"),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _send(self, head: bytes, pieces: Iterable[bytes]) -> None:
        unsent = head
        for piece in pieces:
            self.wfile.write(unsent + piece)
            unsent = b""
        if unsent:
            self.wfile.write(unsent)

    def _reset(self) -> None:
        """Closes here and now: a server that ends a connection in good order says so (FIN), and no reset follows."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        socket.close(self.connection.detach())

    def log(self, type: str, message: str, *args: object) -> None:
        """Quiet: the sandbox keeps its own record of calls."""


class Server(ThreadedWSGIServer):
    """A thread a connection; knows its open connections, to end them when it stops."""

    def __init__(self, listener: socket.socket, app: Any) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, app, Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the other side was faster
                    connection.shutdown(socket.SHUT_RDWR)


class SandboxLearn(Learn):
    """A sandbox Learn at `url`, from entering the context to leaving it. It serves from threads of this process.

    `learn.world`, `learn.faults`, `learn.calls`, `learn.quota`, `learn.tokens` and `learn.latency_ms` may be read and
    changed at any time. `port` 0 takes a free one. Raises OSError when the port is taken.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = "key",
        secret: str = "secret",  # noqa: S107  a pretend secret
        latency_ms: int = 0,
        daily_calls: int = 10_000,
        token_seconds: int = 3600,
    ) -> None:
        super().__init__(
            world or World(),
            key=key,
            secret=secret,
            latency_ms=latency_ms,
            daily_calls=daily_calls,
            token_seconds=token_seconds,
        )
        self._host, self._port = host, port
        self.url = ""

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.create_server((self._host, self._port), family=family, backlog=BACKLOG) as listener:
            self._server = Server(listener, create_app(self))
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{shown}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="sandbox-learn", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.wiseflow.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
