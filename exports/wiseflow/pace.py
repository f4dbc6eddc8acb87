"""How fast WISEflow is called. It allows 200 calls a second and 5,000 a minute, for all that calls it together."""

import threading
import time

CALLS_A_SECOND = 40  # 2,400 a minute: two processes of GradeBridge at once stay below both


class Pace:
    """Lets calls begin one after the other. Thread-safe; one for a process."""

    def __init__(self, calls_a_second: float = CALLS_A_SECOND) -> None:
        self._spacing = 1 / calls_a_second
        self._next_at = 0.0
        self._lock = threading.Lock()

    def take_turn(self, until: float) -> bool:
        """Waits for a turn; False, and at once, where it would come after `until` (time.monotonic())."""
        with self._lock:
            begins = max(time.monotonic(), self._next_at)
            if begins >= until:
                return False
            self._next_at = begins + self._spacing
        time.sleep(max(0.0, begins - time.monotonic()))
        return True

    def rest(self, seconds: float) -> None:
        """No turn comes before so many seconds have gone by."""
        with self._lock:
            self._next_at = max(self._next_at, time.monotonic() + seconds)
