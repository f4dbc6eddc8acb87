"""The calls that arrived, as the sandbox answered them."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 10_000


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    time: str  # when it arrived: ISO 8601, UTC
    service: str
    items: int | None  # sent, or read in a page; None: there is no list
    status: int | None  # None: no answer was given
    ok: int  # results OK, as carried out, whatever the answer then said
    errors: int
    fault: str | None
    milliseconds: float  # until the answer was ready to be sent


class CallLog:
    """The last 10,000 calls, oldest first. A call is recorded when its answer is ready, before a byte of it is sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[CallRecord] = deque(maxlen=KEPT)

    def add(self, record: CallRecord) -> None:
        with self._lock:
            self._records.append(record)

    def clear(self) -> None:
        with self._lock:
            self._records.clear()

    def of(self, service: str) -> list[CallRecord]:
        return [record for record in self if record.service == service]

    def __iter__(self) -> Iterator[CallRecord]:
        with self._lock:
            return iter(list(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, place: int) -> CallRecord:
        return self._records[place]

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(record) for record in self]
