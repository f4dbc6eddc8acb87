"""An earlier commit of this repository, in a folder of its own for as long as it is measured."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.processes import ROOT


def commit_of(revision: str) -> str:
    """The short name of the commit that a git revision means. Ends the program with one line if there is none."""
    try:
        return git("rev-parse", "--verify", "--short", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit(f"There is no commit {revision} here") from None


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The commit's files. The repository itself is left as it is: no branch, no worktree."""
    with tempfile.TemporaryDirectory(prefix="gradebridge-bench-") as folder:
        with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", commit))) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603, S607
