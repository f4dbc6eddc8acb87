"""The bare program: what Learn can be asked without GradeBridge. `requests`, kept connections, nothing recorded.

It runs in threads of the benchmark's own process, which does nothing else meanwhile.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import requests

TIMEOUT = 30
Item = dict[str, str]


class BareProgram:
    """Sends grade values to the sandbox Learn, `concurrency` calls at a time. Its token is fetched beforehand."""

    def __init__(self, learn: str, *, concurrency: int) -> None:
        self._address = f"{learn}/learn/api/v2/cc/gradejourney/gradeValueAPI"
        answer = requests.post(
            f"{learn}/learn/api/public/v1/oauth2/token",
            auth=("key", "secret"),
            data={"grant_type": "client_credentials"},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        self._sessions = [requests.Session() for _ in range(concurrency)]
        for session in self._sessions:
            session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def send(self, items: Sequence[Item], *, batch_size: int) -> float:
        """Seconds until Learn has confirmed all items. Raises requests.RequestException."""
        began = time.perf_counter()
        batches: SimpleQueue[Sequence[Item]] = SimpleQueue()
        for start in range(0, len(items), batch_size):
            batches.put(items[start : start + batch_size])
        with ThreadPoolExecutor(len(self._sessions)) as threads:
            for done in [threads.submit(self._send, session, batches) for session in self._sessions]:
                done.result()
        return time.perf_counter() - began

    def _send(self, session: requests.Session, batches: SimpleQueue[Sequence[Item]]) -> None:
        while True:
            try:
                batch = batches.get_nowait()
            except Empty:
                return
            session.post(self._address, json=batch, timeout=TIMEOUT).raise_for_status()
