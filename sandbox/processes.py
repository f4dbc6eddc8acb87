"""A whole site as processes of this machine: for the demo, the end-to-end tests and the benchmarks."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
STOP_SECONDS = 10


class ProcessFailed(Exception):
    """A process of the site ended, or did not begin to answer."""


class Processes:
    """The processes of one site, with the sandbox Learn at `learn` and the web at `url`. They share one environment.

    Leaving the context stops all that still run. `output` receives what they print, None: nowhere but errors on stderr.
    `root` is the checkout whose code runs.
    """

    def __init__(
        self,
        *,
        port: int,
        learn_port: int,
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        root: Path = ROOT,
    ) -> None:
        self.url, self.learn = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{learn_port}"
        self.environment = {**os.environ, "PORT": str(port), "LEARN_URL": self.learn, **environment}
        self._learn_port = str(learn_port)
        self._output = output
        self._root = root
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop all that still run."""
        for process in reversed(self._running):
            process.terminate()
        for process in reversed(self._running):
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; returns what it printed. Raises ProcessFailed with its errors."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *arguments],
            env=self.environment,
            cwd=self._root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessFailed(f"manage.py {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_learn(self, *options: str) -> subprocess.Popen[bytes]:
        learn = self._start("manage.py", "sandbox_learn", "--port", self._learn_port, *options)
        self._wait_for(f"{self.learn}/sandbox/state")
        return learn

    def start_web(self, *options: str, url: str = "") -> subprocess.Popen[bytes]:
        """gunicorn as in production; `url` where the options move it elsewhere."""
        web = self._start("-m", "gunicorn", "--log-level", "warning", *options, "gradebridge.wsgi")
        self._wait_for(f"{url or self.url}/health/ready")
        return web

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("manage.py", "db_worker", "--interval", "0.2", "--no-startup-delay")

    def start_scheduler(self, *, is_shown: bool = False) -> subprocess.Popen[bytes]:
        """`is_shown`: what it prints, beside its errors: the e-mails of a site that prints them."""
        return self._start("manage.py", "scheduler", is_shown=is_shown)

    def check(self) -> None:
        """Raises ProcessFailed when one of them has ended."""
        for process in self._running:
            if process.poll() is not None:
                raise ProcessFailed(f"A process ended: {process.args!r}")

    def _start(self, *command: str, is_shown: bool = False) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches the caller alone, who stops them in order.
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            env=self.environment,
            cwd=self._root,
            start_new_session=True,
            stdout=self._output or (None if is_shown else subprocess.DEVNULL),
            stderr=self._output,
        )
        self._running.append(process)
        return process

    def _wait_for(self, address: str) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            self.check()
            with contextlib.suppress(URLError, HTTPError, OSError), urlopen(address, timeout=2):  # noqa: S310  our own
                return
            time.sleep(0.05)
        raise ProcessFailed(f"{address} did not answer within {START_SECONDS} seconds.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
