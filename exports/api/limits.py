"""How many calls a minute: by each client, and with wrong credentials from each address.

A right key is never refused for what others do from its address: only failures are counted, and refused.

Counted for all processes together, by the minute of the clock, in the cache `shared` (a table of the database). Each
process keeps what it counts to itself until it is a tenth of the limit, and adds it to the cache once the caller has
its answer: as a rule a call costs no statement. So each process may let a tenth more through. Where the cache fails,
each process counts alone, and no one is refused because of it.
"""

import threading
import time
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.core.cache import caches
from django.db import Error as DatabaseError

from common import addresses
from common.database.retrying import short_waits

log = structlog.get_logger(__name__)

MINUTE = 60  # seconds
SHARES = 10  # parts of a limit, of which a process keeps less than one to itself
SAID_EVERY = 10  # seconds: of refusals beyond a limit the first is recorded, then how many there were
MAX_KNOWN = 10_000  # clients or addresses that a process counts at once; beyond, it begins anew


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """How much of a limit is used in this minute, which ends in so many seconds."""

    limit: int
    used: int
    seconds: int

    @property
    def is_over(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        remaining = max(0, self.limit - self.used)
        figures = {"Limit": self.limit, "Remaining": remaining, "Reset": self.seconds}
        return {f"RateLimit-{name}": str(figure) for name, figure in figures.items()}


@dataclass(slots=True)
class Tally:
    """What a process knows of one caller in this minute."""

    own: int = 0  # all that it has counted
    unshared: int = 0  # of these, what the cache does not have
    by_others: int = 0  # what the cache had beside that
    refused: int = 0  # since refusals were last recorded
    said_at: float = field(default=-SAID_EVERY)


class CallCounter:
    """`setting` names the limit; 0 is none."""

    def __init__(self, name: str, setting: str) -> None:
        self.setting = setting
        self._lock = threading.Lock()
        self.forget(name)

    def forget(self, name: str) -> None:
        """Begin anew, in the cache under this name."""
        self.name = name
        self._minute = 0
        self._tallies: dict[str, Tally] = {}

    @property
    def limit(self) -> int:
        limit: int = getattr(settings, self.setting)
        return limit

    def count(self, who: str) -> Usage | None:
        """One more call. None: there is no limit."""
        if not self.limit:
            return None
        with self._lock:
            tally = self._tally(who)
            tally.own += 1
            tally.unshared += 1
            usage = self._usage(tally)
            tally.refused += usage.is_over
            return usage

    def usage(self, who: str) -> Usage | None:
        """The same without a call."""
        if not self.limit:
            return None
        with self._lock:
            return self._usage(self._tally(who))

    def refusals_to_record(self, who: str) -> int:
        """How many refusals beyond the limit are to be recorded now: the first at once, then those of ten seconds."""
        with self._lock:
            tally, now = self._tally(who), time.monotonic()
            if not tally.refused or now < tally.said_at + SAID_EVERY:
                return 0
            refused, tally.refused, tally.said_at = tally.refused, 0, now
            return refused

    def share(self, who: str) -> None:
        """Add to the cache what is due. Two processes that do so at the same moment may lose one's part."""
        with self._lock:
            tally, minute = self._tally(who), self._minute
            is_known = tally.own + tally.by_others > self.limit  # over it already: no figure changes that
            if is_known or tally.unshared < max(1, self.limit // SHARES):
                return
            unshared, tally.unshared = tally.unshared, 0
        try:
            with short_waits():
                cache, key = caches["shared"], f"{self.name}:{who}:{minute}"
                total = unshared + int(cache.get(key, 0))
                cache.set(key, total, timeout=2 * MINUTE)
        except (DatabaseError, ValueError, TypeError) as error:
            log.warning("calls_not_shared", limit=self.setting, error=type(error).__name__)
            return
        with self._lock:
            tally.by_others = max(tally.by_others, total - (tally.own - tally.unshared))

    def _tally(self, who: str) -> Tally:
        minute = int(time.time() // MINUTE)
        if minute != self._minute or (len(self._tallies) >= MAX_KNOWN and who not in self._tallies):
            unsaid = {name: tally for name, tally in self._tallies.items() if tally.refused}
            self._minute, self._tallies = minute, {}
            for name, tally in list(unsaid.items())[: MAX_KNOWN // 10]:
                self._tallies[name] = Tally(refused=tally.refused, said_at=tally.said_at)
        return self._tallies.setdefault(who, Tally())

    def _usage(self, tally: Tally) -> Usage:
        seconds = MINUTE - int(time.time() % MINUTE)
        return Usage(limit=self.limit, used=tally.own + tally.by_others, seconds=seconds)


client_calls = CallCounter("calls", "CLIENT_CALLS_PER_MINUTE")
wrong_keys = CallCounter("wrong", "WRONG_KEYS_PER_MINUTE")


def neighbourhood(address: str) -> str:
    """Who is counted as one caller. Whatever a proxy forwards that is no address is counted together."""
    return addresses.neighbourhood(address) or "unreadable"
