"""WISEflow's grades in the words of people: a number may be stored multiplied (89.99 as 8999)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exports.fetching.pulling import NotPullable, divisor_by, divisors_in, in_words_of_people
from exports.fetching.reading import NUMBER
from exports.grades.facts import Column
from exports.models import FlowInWiseflow


@dataclass(frozen=True, slots=True)
class WiseflowScale:
    """By what a flow's numbers are divided before the translation sees them; None: no one can tell."""

    divisor: Decimal | None

    @classmethod
    def of(
        cls, known: FlowInWiseflow, columns: Iterable[Column], records: Collection[Mapping[str, Any]]
    ) -> "WiseflowScale":
        """By the same rule as an export from WISEflow's API."""
        active = [record["grade"] for record in records if record["is_listed"] and record["is_activated"]]
        try:
            return cls(divisor_by(known.modifier, active, divisors_in(columns)))
        except NotPullable:
            return cls(None)

    def mark(self, stored: str) -> str | None:
        """As an assessor gave it. None: it is a number, and no one can tell which."""
        if not NUMBER.fullmatch(stored):
            return stored
        if self.divisor is None:
            return None
        try:
            return in_words_of_people(stored, self.divisor)
        except NotPullable:
            return None
