"""The commands of the papers, so that tests can run them as they are printed.

A block of commands begins with ```sh and a name of its own in its page. `block` finds it, `run` runs it in the
project's folder. `test_papers.py` fails for a block that no test asks for.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("installing.md", "upgrading.md", "backup.md")
FENCE = re.compile(r"^ *```sh(?: (\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)  # in lists they are indented


def blocks(page: str) -> list[tuple[str, str]]:
    """Name and commands of each block of a page, in its order."""
    return FENCE.findall((ROOT / "docs" / page).read_text())


def block(page: str, name: str) -> str:
    [commands] = [commands for given, commands in blocks(page) if given == name]
    return commands


def run(commands: str, *, instead: Mapping[str, str] | None = None, **environment: str) -> str:
    """What the commands print; `instead` has other places for those that a page names. Raises CalledProcessError."""
    for place, other in {".venv/bin/python": sys.executable, **(instead or {})}.items():
        commands = commands.replace(place, other)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout
