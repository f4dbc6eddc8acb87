"""`python -m benchmarks [SECTION ...]`: measures, prints, and writes docs/benchmarks.md when all sections ran.

The section `before` compares with an earlier commit, and is left out when none is named.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO

from benchmarks import admin, before, bulk, growth, instant, nodes, peers, proving, strangers
from benchmarks.checkout import checked_out, commit_of
from benchmarks.postgresql import Server
from benchmarks.report import RUNS, Section, filled, render, verdict
from benchmarks.site import LEARN_MS, Sites

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
SECTIONS = {
    "bulk": bulk.measure,
    "peers": peers.measure,
    "growth": growth.measure,
    "instant": instant.measure,
    "before": before.measure,
    "nodes": nodes.measure,
    "admin": admin.measure,
    "proving": proving.measure,
    "strangers": strangers.measure,
}

INTRODUCTION = f"""\
Written by `make bench`, which measures all of this anew in about twelve minutes; with `BEFORE=`
and a git revision, beside that commit, in about seventeen. Everything runs on one machine: gunicorn,
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
    parser.add_argument("--before", metavar="REVISION", help="a commit to measure this checkout beside")
    arguments = parser.parse_args()
    usual = [name for name in SECTIONS if name != "before" or arguments.before]
    chosen = arguments.sections or usual
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if "before" in chosen and not arguments.before:
        parser.error("the section before needs --before REVISION")
    commit = commit_of(arguments.before) if "before" in chosen else None
    os.environ["NO_PROXY"] = "127.0.0.1"  # nothing here is for a proxy
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes are stopped and databases dropped
    server = Server()
    head = f"{machine(server)} {beside(commit)}"  # before the load that is ours
    with tempfile.TemporaryFile() as output:
        try:
            with all_sites(server, output, commit) as sites:
                found = measure(chosen, sites)
        except Exception:
            print(last_lines(output), file=sys.stderr)
            raise
    print(verdict(found))
    if set(chosen) == set(usual):
        parts = ["# Benchmarks", filled(INTRODUCTION), filled(head), f"**{verdict(found)}**", *map(render, found)]
        PAGE.write_text("\n\n".join(parts) + "\n")


@contextmanager
def all_sites(server: Server, output: IO[bytes], commit: str | None) -> Iterator[Sites]:
    """The sites of this checkout, and with them those of an earlier commit if one is given."""
    with server.database() as template:
        if commit is None:
            yield Sites(server, template, output=output)
            return
        with checked_out(commit) as root, server.database() as old_template:
            earlier = Sites(server, old_template, output=output, root=root)
            yield Sites(server, template, output=output, before=earlier)


def beside(commit: str | None) -> str:
    if commit is None:
        return "No earlier commit was measured beside this one."
    return f"The commit before, measured beside this one, is {commit}."


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
