"""Who may call, and how often: the token of the one registered application, and its daily quota."""

import hmac
import secrets
import threading
import time
from collections.abc import Callable

DAY = 86_400.0  # seconds


class Tokens:
    """One live token: asking again returns the same token with less time left."""

    def __init__(self, *, key: str, secret: str, seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds  # the lifetime of the next new token
        self._key, self._secret, self._clock = key, secret, clock
        self._lock = threading.Lock()
        self._token, self._ends_at = "", 0.0

    def knows(self, key: str | None, secret: str | None) -> bool:
        """Whether these are the application's credentials."""
        return _same(key, self._key) and _same(secret, self._secret)

    def live(self) -> tuple[str, int]:
        """The token and the whole seconds it still lives; 0 for a token in its last second."""
        with self._lock:
            now = self._clock()
            if not self._token or now >= self._ends_at:
                self._token, self._ends_at = secrets.token_urlsafe(24), now + self.seconds
            return self._token, int(self._ends_at - now)

    def accepts(self, token: str | None) -> bool:
        with self._lock:
            return bool(self._token) and _same(token, self._token) and self._clock() < self._ends_at

    def revoke(self) -> None:
        """Ends the live token before its time."""
        with self._lock:
            self._token = ""


class Quota:
    """Calls in windows of 24 hours; the first begins at once."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.used = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._ends_at = clock() + DAY

    def take(self) -> bool:
        """Counts one call; False when the window has none left."""
        with self._lock:
            if self._clock() >= self._ends_at:
                self.used, self._ends_at = 0, self._clock() + DAY
            if self.used >= self.limit:
                return False
            self.used += 1
            return True

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the window ends."""
        return max(1, int(self._ends_at - self._clock()))


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(errors="replace"), expected.encode())
