"""Runs the sandbox Learn until Ctrl-C or SIGTERM."""

import contextlib
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox.sample import sample_exams, sample_world
from sandbox.world import World


class Command(BaseCommand):
    help = "Runs a pretend Blackboard Learn for the demo, for training and for tests. Ctrl-C ends it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8001, help="port to listen on (default: 8001; 0: a free one)")
        parser.add_argument("--latency-ms", type=int, default=0, help="milliseconds before every answer (default: 0)")
        parser.add_argument("--empty", action="store_true", help="hold nothing, instead of the sample courses")
        parser.add_argument("--key", default=settings.LEARN_KEY, help="the application's key (default: LEARN_KEY)")
        parser.add_argument("--secret", default=settings.LEARN_SECRET, help="its secret (default: LEARN_SECRET)")

    def handle(self, **options: Any) -> None:
        try:
            from sandbox.server import SandboxLearn  # needs Flask, which a site in production does without
        except ModuleNotFoundError as error:
            raise CommandError("The sandbox Learn needs Flask: pip install -r requirements-dev.txt") from error
        stopped = threading.Event()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: stopped.set())
        learn = SandboxLearn(
            World() if options["empty"] else sample_world(),
            host=options["host"],
            port=options["port"],
            key=options["key"],
            secret=options["secret"],
            latency_ms=options["latency_ms"],
        )
        if not options["empty"]:
            learn.wiseflow.exams.replace(sample_exams())
        with contextlib.ExitStack() as running:
            try:
                running.enter_context(learn)
            except (OSError, OverflowError) as error:
                reason = str(getattr(error, "strerror", None) or error).partition(" (")[0]
                raise CommandError(
                    f"Cannot listen on {options['host']}:{options['port']}: {reason}. Choose another with --port."
                ) from error
            self.stdout.write(f"Sandbox Learn is at {learn.url} (see {learn.url}/sandbox/)")
            self.stdout.flush()
            stopped.wait()
