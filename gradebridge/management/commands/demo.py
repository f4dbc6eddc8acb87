"""`manage.py demo`: a whole working site on this machine, with nothing but this command."""

import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gradebridge.sandbox import demo

START_SECONDS = 60


class Command(BaseCommand):
    help = "Runs GradeBridge, a task worker and a sandbox Learn with sample flows, in the foreground. Ctrl-C stops all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="of the site")
        parser.add_argument(
            "--sandbox-port", type=int, default=os.environ.get("SANDBOX_PORT", "8001"), help="of the sandbox Learn"
        )
        parser.add_argument("--prepare", action="store_true", help="only fill the database (the demo calls this itself)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            demo.prepare()
            return
        port, sandbox_port = options["port"], options["sandbox_port"]
        for name, number in (("PORT", port), ("SANDBOX_PORT", sandbox_port)):
            if not is_free(number):
                raise CommandError(f"Port {number} is taken. Set {name} to a free one, for example: make demo {name}={number + 10}")
        site, learn = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        children = Children(demo_environment(port, learn))
        try:
            self.start(children, site, learn, sandbox_port)
            self.stdout.write(welcome(site, learn))
            self.stdout.flush()
            children.watch()
        except KeyboardInterrupt:
            self.stdout.write("\nStopping.")
        finally:
            children.stop()

    def start(self, children: "Children", site: str, learn: str, sandbox_port: int) -> None:
        self.stdout.write("Preparing a fresh database ...")
        children.run("migrate", "--verbosity", "0")
        children.run("demo", "--prepare")
        children.start("sandbox_learn", "--port", str(sandbox_port))
        children.start("db_worker", "--interval", "0.5")
        children.start_web()
        wait_for(f"{learn}/sandbox/state", children)
        wait_for(f"{site}/health/ready", children)
        self.stdout.write("WISEflow exports its first grades ...")
        succeeded, failed = demo.export_all(site, learn)
        self.stdout.write(f"{succeeded} arrived in Learn, {failed} did not (on purpose: look why in the admin).")


class Children:
    """The demo's processes. They share an environment of their own, so that nothing of a real site is touched."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str) -> None:
        """Run a management command to its end. Raises CommandError when it fails."""
        done = subprocess.run(manage(*arguments), env=self._environment, check=False)  # noqa: S603
        if done.returncode:
            raise CommandError(f"`manage.py {' '.join(arguments)}` failed; see above.")

    def start(self, *arguments: str) -> None:
        self._start(manage(*arguments))

    def start_web(self) -> None:
        self._start([sys.executable, "-m", "gunicorn", "--log-level", "warning", "gradebridge.wsgi"])

    def _start(self, command: list[str]) -> None:
        # A session of its own: Ctrl-C reaches this process alone, which stops them in order.
        self._running.append(
            subprocess.Popen(  # noqa: S603
                command, env=self._environment, cwd=settings.BASE_DIR, start_new_session=True, stdout=subprocess.DEVNULL
            )
        )

    def check(self) -> None:
        """Raises CommandError when one of them has ended."""
        for child in self._running:
            if child.poll() is not None:
                raise CommandError(f"A process of the demo ended: {' '.join(map(str, child.args))}")  # type: ignore[arg-type]

    def watch(self) -> None:
        while True:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        for child in reversed(self._running):
            child.terminate()
        for child in reversed(self._running):
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]


def demo_environment(port: int, learn: str) -> dict[str, str]:
    """A fresh database, the sandbox as Learn, this machine's own names."""
    folder = Path(settings.BASE_DIR) / "var"
    folder.mkdir(exist_ok=True)
    for left_over in folder.glob("demo.sqlite3*"):
        left_over.unlink()
    return os.environ | {
        "DEBUG": "false",
        "SECRET_KEY": "the demo's key: it protects nothing but the demo on this machine",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}",
        "LEARN_URL": learn,
        "LEARN_KEY": "key",
        "LEARN_SECRET": "secret",
        "LEARN_TIMEOUT": "10",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(address: str, children: Children) -> None:
    """Return when `address` answers. Raises CommandError after START_SECONDS, or when a process has ended."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        children.check()
        try:
            urlopen(address, timeout=2).close()  # noqa: S310  our own address
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"{address} did not answer within {START_SECONDS} seconds.")


def welcome(site: str, learn: str) -> str:
    return f"""
GradeBridge runs.

  Admin           {site}/admin/
  Manager         manager / {demo.PASSWORD}
  Administrator   administrator / {demo.PASSWORD}
  API             {site}/api/docs/
  Sandbox Learn   {learn}/sandbox/

Export another flow, as WISEflow would:

  curl -X POST {site}/api/wiseflow/flows/{demo.UNTOUCHED_FLOW}/export \\
       -H 'Authorization: Api-Key {demo.KEY}' -H 'Content-Type: application/json' \\
       -d '{{"participants": [{{"userId": "s1001", "mark": "B"}}, {{"userId": "s1030", "mark": "A"}}]}}'

Ctrl-C stops everything.
"""
