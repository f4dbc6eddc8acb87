"""Databases as earlier releases left them, for tests of upgrades.

    python -m tests.upgrading.fill 1.2.0 e3fa4b8

runs the demo of that commit's own code, once on SQLite and once on PostgreSQL, and keeps what is in its database then
as `tests/upgrading/1.2.0.sqlite.sql.gz` and `1.2.0.postgresql.sql.gz`. POSTGRES is the address of a server where
databases may be created, by default postgres://postgres@127.0.0.1:5432. Add a line to RELEASES for every release.
"""

import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASES = {"1.0.0": "da65930", "1.1.0": "bf65b4f", "1.2.0": "e3fa4b8"}
POSTGRES = os.environ.get("POSTGRES", "postgres://postgres@127.0.0.1:5432")

# Runs in the checkout of that commit. `start` is its own `make demo`, up to the point where it would wait for Ctrl-C.
DEMO = """
import inspect, sys, django
from pathlib import Path
django.setup()
from gradebridge.management.commands import demo
port, learn_port, url = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
given = (port, learn_port, Path(sys.argv[4]))[: len(inspect.signature(demo.demo_environment).parameters)]
environment = demo.demo_environment(*given) | {"DATABASE_URL": url}
with demo.Processes(port=port, learn_port=learn_port, environment=environment) as site:
    demo.Command().start(site)
"""
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "gradebridge.settings",
    "SECRET_KEY": "the demo's key: it protects nothing but the demo on this machine",
    "LEARN_URL": "http://127.0.0.1:1",
    "LEARN_KEY": "key",
    "LEARN_SECRET": "secret",
}


def fill(release: str, commit: str, scratch: Path) -> None:
    checkout = scratch / "checkout"
    run("git", "worktree", "add", "--detach", str(checkout), commit)
    try:
        run_demo(checkout, scratch, f"sqlite:///{scratch / 'release.sqlite3'}")
        with sqlite3.connect(scratch / "release.sqlite3") as database:
            keep(release, "sqlite", database.iterdump())
        name = f"gradebridge_release_{release.replace('.', '_')}"
        for statement in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
            run("psql", "--quiet", "--command", statement, f"{POSTGRES}/postgres")
        run_demo(checkout, scratch, f"{POSTGRES}/{name}")
        dump = run("pg_dump", "--no-owner", "--no-privileges", "--rows-per-insert=500", f"{POSTGRES}/{name}")
        keep(release, "postgresql", (line for line in dump.splitlines() if not line.startswith("\\")))
        run("psql", "--quiet", "--command", f"DROP DATABASE {name}", f"{POSTGRES}/postgres")
    finally:
        run("git", "worktree", "remove", "--force", str(checkout))


def run_demo(checkout: Path, scratch: Path, url: str) -> None:
    ports = os.environ.get("PORT", "18431"), os.environ.get("SANDBOX_PORT", "18432")
    environment = {**os.environ, **ENVIRONMENT, "DATABASE_URL": url}
    subprocess.run([sys.executable, "-c", DEMO, *ports, url, str(scratch)], cwd=checkout, env=environment, check=True)


def keep(release: str, vendor: str, lines: Iterable[str]) -> None:
    text = "\n".join(lines) + "\n"
    (HERE / f"{release}.{vendor}.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        fill(sys.argv[1], sys.argv[2], Path(scratch))
