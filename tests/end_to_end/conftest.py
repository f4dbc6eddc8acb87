"""A whole site as in production: gunicorn, a task worker and a sandbox Learn, each a process of its own."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Site:
    """Processes that share one environment."""

    def __init__(self, database_url: str, log: Path, **environment: str) -> None:
        port, learn_port = free_port(), free_port()
        self.url, self.learn = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{learn_port}"
        self.learn_port = learn_port
        self.log = log
        self.environment = os.environ | {
            "DATABASE_URL": database_url,
            "LEARN_URL": self.learn,
            "PORT": str(port),
            "DJANGO_SUPERUSER_PASSWORD": "a pass phrase of some length",
            **environment,
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], env=self.environment, cwd=ROOT, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def start_learn(self) -> None:
        self.start("manage.py", "sandbox_learn", "--port", str(self.learn_port), "--empty")
        self.wait_for(f"{self.learn}/sandbox/state")

    def start_web(self) -> subprocess.Popen[bytes]:
        web = self.start("-m", "gunicorn", "gradebridge.wsgi")
        self.wait_for(f"{self.url}/health/ready")
        return web

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self.start("manage.py", "db_worker", "--interval", "0.1", "--no-startup-delay")

    def wait_for(self, address: str, seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                if requests.get(address, timeout=2).ok:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{address} did not answer:\n{self.log.read_text()}")

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    def values(self, course: str, column: str) -> dict[str, str]:
        """What Learn holds: value by user."""
        state = requests.get(f"{self.learn}/sandbox/state", timeout=10).json()
        values: dict[str, str] = state["courses"][course]["columns"][column]["values"]
        return values

    def calls(self) -> list[dict[str, Any]]:
        """The grade value calls that Learn has had."""
        calls = requests.get(f"{self.learn}/sandbox/calls", timeout=10).json()
        return [call for call in calls if call["service"] == "gradeValueAPI"]


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind that the test run uses."""
    given = os.environ["DATABASE_URL"]
    if given.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'site.sqlite3'}"
        return
    server = given.rpartition("/")[0]
    name = f"gradebridge_site_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A migrated site with nothing in it; sandbox Learn and web run, the task worker is for the test to start."""
    site = Site(database_url, tmp_path / "site.log")
    site.manage("migrate", "--verbosity", "0")
    site.start_learn()
    site.start_web()
    try:
        yield site
    finally:
        site.stop()
