"""A real receiver of webhooks and a real mail server, both on this machine and both able to fail."""

import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with `status`; after `pause` seconds; `drips` its answer byte by byte for ever."""

    url: str = ""
    status: int = 204
    pause: float = 0
    drips: bool = False
    location: str = ""
    requests: list[Request] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.requests.append(Request(self.path, headers, body))
        time.sleep(self.receiver.pause)
        try:
            while self.receiver.drips:
                self.wfile.write(b"H")
                time.sleep(0.05)
            self.send_response(self.receiver.status)
            if self.receiver.location:
                self.send_header("Location", self.receiver.location)
            self.end_headers()
            self.wfile.write(b"whatever it says")
        except OSError:  # the caller has hung up
            pass

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Another system; networks of this machine are allowed."""
    settings.WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    found = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": found}))
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}/gradebridge?from=here"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.drips = False
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Mailbox:
    """What a mail server has accepted. It refuses recipients with `refused` in their address."""

    port: int = 0
    refused: str = "-"
    sent: list[Any] = field(default_factory=list)
    controller: Any = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refused in address:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.sent.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def stop(self) -> None:
        if self.controller:
            self.controller.stop()
            self.controller = None

    def start(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()
        self.port = self.controller.server.sockets[0].getsockname()[1]


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A mail server that the site sends to; `stop` takes it down, `start` brings it back."""
    found = Mailbox(port=free_port())
    found.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
    with smtplib.SMTP("127.0.0.1", found.port):
        pass
    yield found
    found.stop()


def free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
