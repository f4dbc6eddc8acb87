"""The processor time, user and system, that processes use: from /proc, in steps of 10 ms."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")  # in a second

# The processes that work for this database, other than the one that asks, and autovacuum, which comes when it likes.
BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """What the system says of a process. Times in seconds; `ended` is that of its children that have ended."""

    parent: int
    used: float
    ended: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a server has used so far: its processes that run, by process id, and those that have ended."""

    running: Mapping[int, float]
    ended: float

    @property
    def whole(self) -> float:
        return sum(self.running.values()) + self.ended


def look_at(pid: int) -> Process:
    """Raises OSError when there is no such process."""
    content = (PROC / str(pid) / "stat").read_text()
    fields = content[content.rindex(")") + 2 :].split()  # the name before it may hold anything
    user, system, ended_user, ended_system = (int(ticks) / TICKS for ticks in fields[11:15])
    return Process(parent=int(fields[1]), used=user + system, ended=ended_user + ended_system)


def used_by(pid: int) -> float:
    """Seconds that this process has used so far, in all its threads."""
    return look_at(pid).used


def used_between(before: Reading, after: Reading, *, for_us: Collection[int]) -> float:
    """Seconds that a server has used between two readings, less those of the running processes that are not `for_us`.

    Processes that have ended in between count: whom they worked for is not known any more.
    """
    others = sum(used - before.running.get(pid, 0) for pid, used in after.running.items() if pid not in for_us)
    return after.whole - before.whole - others


class DatabaseCpu:
    """What PostgreSQL uses for the database at `database`. Holds a connection of its own, which does not count."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database, autocommit=True)
        self._postmaster = self._find_postmaster(urlsplit(database).path[1:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def is_known(self) -> bool:
        """False: the server runs elsewhere, or its processes are not to be seen."""
        return self._postmaster is not None

    def read(self) -> Reading:
        """Call it only if `is_known`."""
        assert self._postmaster is not None
        running = {}
        for folder in PROC.iterdir():
            if folder.name.isdigit():
                try:
                    process = look_at(int(folder.name))
                except OSError:  # it has just ended
                    continue
                if process.parent == self._postmaster:
                    running[int(folder.name)] = process.used
        server = look_at(self._postmaster)
        return Reading(running=running, ended=server.ended)

    def used_since(self, before: Reading) -> float:
        """Seconds. Call it while the connections that were used are still open, for they are told from others'."""
        backends = {pid for (pid,) in self._connection.execute(BACKENDS)}
        return used_between(before, self.read(), for_us=backends)

    def _find_postmaster(self, name: str) -> int | None:
        """The parent of the process behind our connection, whose title says the database."""
        pid = self._connection.info.backend_pid
        try:
            title = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
            return look_at(pid).parent if "postgres" in title and name in title else None
        except OSError:
            return None
