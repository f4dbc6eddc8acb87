"""Learn's internal ids, such as `_12_1`: one sequence a kind, so that a course and a user can have the same."""

from collections import defaultdict
from itertools import count


class Ids:
    """Remembers the id of a name as long as the sandbox runs."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def new(self, kind: str) -> str:
        return f"_{next(self._numbers[kind])}_1"

    def of(self, kind: str, name: str) -> str:
        """The id of a name, a new one the first time."""
        found = self._ids.get((kind, name))
        if found is None:
            found = self._ids[kind, name] = self.new(kind)
            self._names[kind, found] = name
        return found

    def name(self, kind: str, internal_id: str) -> str | None:
        return self._names.get((kind, internal_id))
