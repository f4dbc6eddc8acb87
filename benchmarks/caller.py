"""WISEflow's side: posts bodies that are ready, over kept connections, with as little work of its own as can be."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self
from urllib.parse import urlsplit

TIMEOUT = 330  # seconds; no export takes longer than its deadline


class Caller:
    """One connection to a web node."""

    def __init__(self, url: str, key: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        self._headers = {"X-Api-Key": key, "Content-Type": "application/json"}
        self.headers: http.client.HTTPMessage | None = None  # of the last answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def export(self, flow: str, body: bytes, *, successes: int) -> float:
        """Seconds until the answer is there. Raises RuntimeError unless it claims so many successes."""
        began = time.perf_counter()
        self._connection.request("POST", f"/api/wiseflow/flows/{flow}/export", body, self._headers)
        status, content = self._read()
        seconds = time.perf_counter() - began
        if status != http.HTTPStatus.OK or json.loads(content)["numberOfSuccess"] != successes:
            raise RuntimeError(f"Not {successes} successes, but {status}: {content[:300]!r}")
        return seconds

    def statements(self) -> int:
        """How many SQL statements a counting web process has executed so far."""
        self._connection.request("GET", "/health/live")
        self._read()
        assert self.headers
        return int(self.headers["X-Statements"])

    def _read(self) -> tuple[int, bytes]:
        response = self._connection.getresponse()
        self.headers = response.headers
        return response.status, response.read()


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """Single grades that many clients have posted at once: the whole time, and that of each post, in seconds."""

    seconds: float
    posts: Sequence[float]

    @property
    def rate(self) -> float:
        """Grades a second."""
        return len(self.posts) / self.seconds


def burst(url: str, key: str, flow: str, bodies: Sequence[bytes], *, clients: int) -> Burst:
    """Post each body once; every client has a thread and a connection and takes the next body when it is free."""
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    ready = threading.Barrier(clients + 1, timeout=TIMEOUT)

    def post() -> list[float]:
        taken: list[float] = []
        with Caller(url, key) as caller:
            ready.wait()
            while True:
                try:
                    body = waiting.get_nowait()
                except Empty:
                    return taken
                taken.append(caller.export(flow, body, successes=1))

    with ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(post) for _ in range(clients)]
        ready.wait()
        began = time.perf_counter()
        posts = [seconds for client in running for seconds in client.result()]
    return Burst(seconds=time.perf_counter() - began, posts=posts)
