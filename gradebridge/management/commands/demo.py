"""`manage.py demo`: a whole working site on this machine, with nothing but this command."""

import os
import secrets
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gradebridge import demo
from sandbox.processes import ROOT, Processes, ProcessFailed, is_free
from sandbox.sample import EXAM


class Command(BaseCommand):
    help = "Runs GradeBridge, a task worker and a sandbox Learn with sample flows, in the foreground. Ctrl-C stops all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="of the site")
        parser.add_argument(
            "--sandbox-port", type=int, default=os.environ.get("SANDBOX_PORT", "8001"), help="of the sandbox Learn"
        )
        parser.add_argument(
            "--folder", type=Path, default=ROOT / "var", help="where its database is made, by default var/"
        )
        parser.add_argument(
            "--prepare", action="store_true", help="only fill the database (the demo calls this itself)"
        )

        parser.add_argument(
            "--work", action="store_true", help="only do what people do after the exports (the demo calls this itself)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            demo.prepare()
            return
        if options["work"]:
            demo.work()
            return
        port, sandbox_port = options["port"], options["sandbox_port"]
        if port == sandbox_port:
            raise CommandError(f"PORT and SANDBOX_PORT are both {port}. Set one of them to another port.")
        for name, number in (("PORT", port), ("SANDBOX_PORT", sandbox_port)):
            if not is_free(number):
                raise CommandError(
                    f"Port {number} is taken. Set {name} to a free one, for example: make demo {name}={number + 10}"
                )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        site = Processes(
            port=port, learn_port=sandbox_port, environment=demo_environment(port, sandbox_port, options["folder"])
        )
        try:
            with site:
                self.start(site)
                self.stdout.write(welcome(site))
                self.stdout.flush()
                while True:
                    site.check()
                    time.sleep(0.5)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")
        except ProcessFailed as failure:
            raise CommandError(str(failure)) from None

    def start(self, site: Processes) -> None:
        self.stdout.write("Preparing a fresh database ...")
        site.manage("migrate", "--verbosity", "0")
        site.manage("demo", "--prepare")
        site.start_learn()
        site.start_worker()
        site.start_scheduler(is_shown=True)
        site.start_web()
        self.stdout.write("WISEflow exports its first grades ...")
        succeeded, failed = demo.export_all(site.url, site.learn)
        site.manage("fetch_flows", "--flow", EXAM)
        demo.export_fetched(site.url, site.learn)
        site.manage("demo", "--work")
        self.stdout.write(f"{succeeded} arrived in Learn, {failed} did not (on purpose: look why in the admin).")


def demo_environment(port: int, sandbox_port: int, folder: Path) -> dict[str, str]:
    """A fresh database and this machine's own names, so that nothing of a real site is touched."""
    folder.mkdir(exist_ok=True)
    for left_over in folder.glob("demo.sqlite3*"):
        left_over.unlink()
    return {
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "INSECURE_HTTP": "true",
        "CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{port}",  # where links in e-mails lead
        "EMAIL_URL": "consolemail://",
        "WEBHOOK_NETWORKS": "127.0.0.0/8,::1",
        "DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}",
        "LEARN_KEY": "key",
        "LEARN_SECRET": "secret",
        "LEARN_TIMEOUT": "10",
        "WEB_CONCURRENCY": "1",
        "WISEFLOW_URL": f"http://127.0.0.1:{sandbox_port}/wiseflow/v1",
        "WISEFLOW_CLIENT_ID": "wiseflow",
        "WISEFLOW_CLIENT_SECRET": "wiseflow-secret",
        "WISEFLOW_EXTERNAL_ID": "Learn id",
    }


def welcome(site: Processes) -> str:
    return f"""
GradeBridge runs.

  Admin           {site.url}/admin/
  Manager         manager / {demo.PASSWORD}
  Administrator   administrator / {demo.PASSWORD}
  Integrator      integrator / {demo.PASSWORD}
  API             {site.url}/api/docs/
  Sandbox Learn   {site.learn}/sandbox/

Export another flow, as WISEflow would:

  curl -X POST {site.url}/api/wiseflow/flows/{demo.UNTOUCHED_FLOW}/export \\
       -H 'Authorization: Api-Key {demo.KEY}' -H 'Content-Type: application/json' \\
       -d '{{"participants": [{{"userId": "s1001", "mark": "B"}}, {{"userId": "s1030", "mark": "A"}}]}}'

What GradeBridge sends to the manager by e-mail is printed here, some minutes after it happened.
Ctrl-C stops everything.
"""
