"""An upgrade while WISEflow exports: the new release migrates beside the old one's processes, then takes over.

The web process listens on a socket that outlives it, as systemd keeps it open. No caller is turned away, no grade is
lost, and none is sent twice.
"""

import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from exports.models import Delivery, GradeInLearn
from gradebridge.demo import KEY, UNTOUCHED_FLOW
from sandbox.processes import ROOT
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.databases import address_of, empty_database, working_in
from tests.faults import invariants
from tests.upgrading.fill import HERE, RELEASES
from tests.upgrading.test_releases import load

LAST_RELEASE, COMMIT = max(RELEASES.items())
COURSE, COLUMN = "LAW400-2026", "Case exam"
USERS = [f"new{number}" for number in range(3_000)]  # more than there is time for
TRY_AGAIN = {429, 502, 503, 504}


def code_of(commit: str, folder: Path) -> Path:
    """The project as it was then."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


class Caller:
    """WISEflow: a grade an export, one after the other, each until it is answered with a verdict."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/wiseflow/flows/{UNTOUCHED_FLOW}/export"
        self._users = iter(USERS)
        self._lock = threading.Lock()
        self.exported: list[str] = []
        self.again: Counter[str] = Counter()  # answers that say to try again
        self.slowest = 0.0
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            with self._lock:
                user = next(self._users)
            began = time.monotonic()
            while not self.export(user):
                time.sleep(0.2)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.exported.append(user)

    def export(self, user: str) -> bool:
        try:
            answer = requests.post(
                self._url,
                json={"participants": [{"userId": user, "mark": "B"}]},
                headers={"Authorization": f"Api-Key {KEY}"},
                timeout=60,
            )
        except requests.ConnectionError as error:
            self.again[type(error).__name__] += 1
            return False
        if answer.status_code in TRY_AGAIN:
            self.again[str(answer.status_code)] += 1
            return False
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if told["numberOfErrors"]:
            self.again[told["errors"][0]["errorInfo"]] += 1
            return False
        return True

    def exports_on(self, *, seconds: float = 1.0) -> None:
        """Come back when some more exports were answered."""
        wanted, end = len(self.exported) + 20, time.monotonic() + 60
        time.sleep(seconds)
        while len(self.exported) < wanted:
            assert time.monotonic() < end, self.again
            time.sleep(0.1)


class Web:
    """gunicorn on a socket that is open all the time."""

    def __init__(self, listener: socket.socket, environment: dict[str, str]) -> None:
        self._listener, self._environment = listener, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, code: Path) -> None:
        bind = f"fd://{self._listener.fileno()}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--log-level", "warning", "--bind", bind, "gradebridge.wsgi"],
            cwd=code,
            env=self._environment,
            pass_fds=[self._listener.fileno()],
            start_new_session=True,
        )

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(timeout=30)

    def reload(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def calling(url: str) -> Iterator[Caller]:
    caller = Caller(url)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(caller.run) for _ in range(2)]
        try:
            yield caller
        finally:
            caller.stopped = True
        for each in running:
            each.result(timeout=60)


@pytest.fixture
def learn() -> Iterator[SandboxLearn]:
    with SandboxLearn(World({"courses": {COURSE: {"users": USERS, "columns": {COLUMN: {"points": None}}}}})) as running:
        yield running


@pytest.fixture
def web(learn: SandboxLearn, tmp_path: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[Web]:
    """Nothing runs yet. The database is the one that the last release has left."""
    with (
        django_db_blocker.unblock(),
        empty_database(tmp_path, "gradebridge_downtime") as name,
        working_in(name),
        socket.create_server(("127.0.0.1", 0), backlog=2048) as listener,
    ):
        load(HERE / f"{LAST_RELEASE}.{connection.vendor}.sql.gz")
        environment = {
            **os.environ,
            "DATABASE_URL": address_of(connection),
            "LEARN_URL": learn.url,
            "WEB_CONCURRENCY": "1",
            "URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
        }
        web = Web(listener, environment)
        yield web
        web.kill()


@pytest.mark.migrates
@pytest.mark.timeout(300)
def test_exports_go_on_through_an_upgrade(web: Web, learn: SandboxLearn, tmp_path: Path):
    old = code_of(COMMIT, tmp_path / "old")
    environment = web._environment
    web.start(old)

    with calling(environment["URL"]) as caller:
        caller.exports_on()
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        caller.exports_on()  # of the old release, in the new tables
        web.stop()
        web.start(ROOT)
        caller.exports_on()
        web.reload()
        caller.exports_on(seconds=5)

    web.stop()
    exported = set(caller.exported)
    assert len(exported) == len(caller.exported) >= 80
    assert not caller.again, caller.again  # nobody even had to try again
    assert caller.slowest < 30
    assert learn.world.values(COURSE, COLUMN) == dict.fromkeys(exported, "B")
    assert learn.world.writes == len(exported)
    invariants.nothing_is_open()
    grades = GradeInLearn.objects.in_learn().filter(participant__user_id__in=exported)
    assert grades.filter(certainty="CONFIRMED").count() == len(exported)
    assert Delivery.objects.filter(participant__user_id__in=exported).count() == len(exported)
