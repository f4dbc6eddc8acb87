"""The rows of one piece of evidence, kept in files until they are written, and the checksum over them."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from exports.evidence.columns import COLUMNS, LAYOUT, Cells, Part, plain

IN_MEMORY = 4_000_000  # characters of a part; longer ones go to a file
DIGEST_BYTES = 8


class Contents:
    """Rows by part. However many they are, little more of them than a digest each is in memory."""

    def __init__(self, layout: int = LAYOUT) -> None:
        self.counts = dict.fromkeys(Part, 0)
        self.fingerprint = Fingerprint(layout)
        with ExitStack() as opening:
            self.files = {
                part: opening.enter_context(SpooledTemporaryFile(IN_MEMORY, mode="w+", encoding="utf-8"))
                for part in Part
            }
            self.closing = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.close()

    def add(self, part: Part, texts: Iterable[str]) -> None:
        cells = tuple(map(plain, texts))
        self.counts[part] += 1
        self.fingerprint.add(part, cells)
        self.files[part].write(json.dumps(cells) + "\n")

    def rows(self, part: Part) -> Iterator[Cells]:
        file = self.files[part]
        file.seek(0)
        return (tuple(json.loads(line)) for line in file)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Fingerprint:
    """What rows are known again by, whatever their order: a file that was sorted has the same rows.

    `layout`: of the columns that are counted.
    """

    def __init__(self, layout: int = LAYOUT) -> None:
        self.wholes: list[bytes] = []
        self.digests: list[bytes] = []
        self.counted = {
            part: [place for place, column in enumerate(columns) if column.layout <= layout]
            for part, columns in COLUMNS.items()
        }
        self.lasting = {
            part: [place for place in places if not COLUMNS[part][place].explains]
            for part, places in self.counted.items()
        }

    def add(self, part: Part, cells: Cells) -> bytes:
        """Returns the row's digest."""
        self.wholes.append(digest(part, [cells[place] for place in self.counted[part]]))
        short = digest(part, [cells[place] for place in self.lasting[part]])[:DIGEST_BYTES]
        self.digests.append(short)
        return short

    @property
    def checksum(self) -> str:
        """Over every cell of every row."""
        return hashlib.sha256(b"".join(sorted(self.wholes))).hexdigest()

    @property
    def row_digests(self) -> bytes:
        """Of each row without the columns that only explain, sorted."""
        return b"".join(sorted(self.digests))


def digest(part: Part, cells: Iterable[str]) -> bytes:
    return hashlib.sha256(json.dumps([part.value, *cells]).encode()).digest()


def split(row_digests: bytes) -> list[bytes]:
    return [row_digests[start : start + DIGEST_BYTES] for start in range(0, len(row_digests), DIGEST_BYTES)]
