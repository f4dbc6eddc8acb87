"""What reconciliation compares, as values: one line for each person and place, with all three sides of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exports.grades.facts import Place
from exports.reconciling.kinds import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class InWiseflow:
    """What WISEflow's API said of the person when it was last read. A grade "" is none."""

    is_listed: bool
    is_activated: bool
    mark: str  # as people see it there
    alternative_grade: str
    is_comparable: bool  # not, where no one can tell which number it is
    export_state: int | None
    exported_at: datetime | None
    fetched_at: datetime

    @property
    def given(self) -> str:
        return self.alternative_grade or self.mark


@dataclass(frozen=True, kw_only=True, slots=True)
class InLearn:
    """What Learn showed at the place when it was last read, and whether someone has decided to keep that."""

    verdict: str  # of a proof
    shown: str
    detail: Mapping[str, Any]
    read_at: datetime
    is_kept: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A grade that GradeBridge has written to the place: a row of the ledger."""

    pk: int
    value: str
    mark: str
    alternative_grade: str
    since: datetime
    is_certain: bool
    is_left_behind: bool
    is_pulled: bool  # sent as WISEflow's API held it, of which WISEflow does not learn
    learn: InLearn | None  # None: it has not been read back


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """The participant, as GradeBridge has them."""

    pk: int
    flow: int
    flow_id: str
    user_id: str
    first_name: str
    last_name: str
    state: str
    cause: str
    detail: Mapping[str, Any]
    is_expected: bool
    mark: str  # what came last
    alternative_grade: str
    failed_at: datetime | None
    is_held: bool = False  # now, as are all of a flow or of the site
    corrected_to: str = ""  # the mark of their latest approved correction

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def given(self) -> str:
        return self.alternative_grade or self.mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A place of a person's as the rules see it, before anything is concluded.

    `place`: where the source leads today, or where a grade was written; its parts are empty where that is not known.
    `refusal`: why a rule would refuse WISEflow's grade today.
    """

    source_code: str
    place: Place
    written: Written | None
    is_led_to: bool  # the person's source leads there today
    value: str = ""  # what would be sent there today of WISEflow's grade; empty: nothing, or nothing could be
    is_same: bool = False  # what was written is WISEflow's grade
    refusal: str = ""
    refusal_detail: Mapping[str, Any] = field(default_factory=dict)
    has_cause: bool = False  # the person's cause is about it


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A person and place, all three sides, and what there is to say of them: at least one kind, in order."""

    person: Person
    spot: Spot
    wiseflow: InWiseflow | None
    kinds: Sequence[Kind]

    @property
    def kind(self) -> Kind:
        """What comes first."""
        return self.kinds[0]

    @property
    def learn(self) -> InLearn | None:
        return self.spot.written.learn if self.spot.written else None

    @property
    def problems(self) -> list[Kind]:
        return [kind for kind in self.kinds if kind.is_problem]
