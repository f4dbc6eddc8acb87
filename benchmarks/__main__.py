"""`python -m benchmarks [SECTION ...]`: measures, prints, and writes docs/benchmarks.md when all sections ran."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO

from benchmarks import admin, bulk, growth, instant, nodes, peers
from benchmarks.postgresql import Server
from benchmarks.report import RUNS, Section, filled, render, verdict
from benchmarks.site import LEARN_MS, Sites

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
SECTIONS = {
    "bulk": bulk.measure,
    "peers": peers.measure,
    "growth": growth.measure,
    "instant": instant.measure,
    "nodes": nodes.measure,
    "admin": admin.measure,
}

INTRODUCTION = f"""\
Written by `make bench`, which measures all of this anew in about ten minutes. Everything runs on one machine: gunicorn,
PostgreSQL, a sandbox Learn that takes {LEARN_MS} ms for a call, each in processes of their own, and the program that
measures. Figures are medians of {RUNS} runs with the lowest and the highest in brackets. What is compared is measured
by turns within one run, so that ratios hold where seconds depend on the machine. Every flow leads to a course of its
own.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (default: all, which writes the page)"
    )
    chosen = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    os.environ["NO_PROXY"] = "127.0.0.1"  # nothing here is for a proxy
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes are stopped and databases dropped
    server = Server()
    head = machine(server)  # before the load that is ours
    with tempfile.TemporaryFile() as output, server.database() as template:
        try:
            found = measure(chosen, Sites(server, template, output=output))
        except Exception:
            print(last_lines(output), file=sys.stderr)
            raise
    print(verdict(found))
    if set(chosen) == set(SECTIONS):
        parts = ["# Benchmarks", filled(INTRODUCTION), filled(head), f"**{verdict(found)}**", *map(render, found)]
        PAGE.write_text("\n\n".join(parts) + "\n")


def measure(names: Sequence[str], sites: Sites) -> list[Section]:
    """Measure these sections, and print each as soon as it is known."""
    found = []
    for name in names:
        began = time.monotonic()
        found.append(SECTIONS[name](sites))
        print(f"{render(found[-1])}\n", flush=True)
        print(f"({name}: {time.monotonic() - began:.0f} s)\n", file=sys.stderr)
    return found


def last_lines(output: IO[bytes]) -> str:
    """What the site's processes have printed at last."""
    output.seek(max(0, output.seek(0, os.SEEK_END) - 4000))
    return output.read().decode(errors="replace")


def machine(server: Server) -> str:
    """What the figures depend on, without names or paths."""
    packages = ", ".join(f"{name} {version(name.lower())}" for name in ("Django", "gunicorn", "psycopg", "requests"))
    return (
        f"Machine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}."
        f" Python {platform.python_version()}, PostgreSQL {server.version}, {packages}."
        f" Load average at the start: {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
