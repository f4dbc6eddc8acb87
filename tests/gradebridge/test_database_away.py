"""A command whose database cannot be reached ends with one line that says where it was looked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lines_of(*command: str, url: str) -> list[str]:
    """What a command that fails prints; its own log apart."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if "psycopg.pool" not in line]


def test_a_server_that_is_away():
    [line] = lines_of("migrate", url="postgres://gradebridge:a-password@127.0.0.1:1/grades")
    assert line.startswith("The database cannot be reached: the database grades at 127.0.0.1, port 1 (")
    assert "a-password" not in line


@pytest.mark.parametrize("command", ["migrate", "sweep"])
def test_a_file_that_cannot_be_opened(command: str):
    [line] = lines_of(command, url="sqlite:////nowhere/at/all.sqlite3")
    assert line == (
        "The database cannot be reached: the file /nowhere/at/all.sqlite3 (unable to open database file). "
        "Check DATABASE_URL, and that the server runs."
    )
