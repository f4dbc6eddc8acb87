"""What the rules look at (what WISEflow says, what is known of flow and person), and what they answer. All pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exports.grades.causes import Cause, Detail
from exports.grades.states import ExportState
from exports.grades.translating import WRITTEN_NUMBER, Marks, Scale, Translator

BY_SIS, BY_HAND = "SIS", "MANUAL"  # how a body or a roster says that a person was added

Place = tuple[str, str, str]  # course id, column name, Learn user: where one grade can be
LearnUserOf = Callable[[str], str | None]  # None: no Learn user can be derived from that user id


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What WISEflow says of one person, for one source; without a source, for each of the person's sources."""

    user_id: str
    user_id_is_number: bool = field(default=False, compare=False)  # 5 and "5" are one person
    mark: str = ""
    alternative_grade: str = ""
    source_code: str = ""
    learn_user_id: str = ""
    added_by: str = ""  # SIS or MANUAL; empty: the body does not say
    is_correction: bool = field(default=False, compare=False)  # not the latest of WISEflow: approved here, or exported
    fault: Cause | None = None  # why the entry cannot be used at all
    fault_detail: Detail = field(default_factory=dict)

    def __hash__(self) -> int:
        """That of the person: entries are looked up by the ten thousand, and few people have two."""
        return hash(self.user_id)

    @property
    def given(self) -> str:
        """The assessment: the alternative grade overrides the mark."""
        return self.alternative_grade or self.mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """Where a grade goes, and what it becomes there. Without a translator it is sent as it was given."""

    course_id: str
    name: str
    translator: Translator | None = field(default=None, compare=False)
    scale: Scale | None = field(default=None, compare=False)  # None: not known, so Learn judges
    takes_grades: bool = field(default=True, compare=False)  # not once it is deleted in Learn

    def value(self, entry: Entry) -> str:
        """What Learn is to show. Raises NotTranslatable."""
        if self.translator is None:
            value = entry.given
        elif entry.alternative_grade:
            value = self.translator.alternative(entry.alternative_grade)
        else:
            value = self.translator.mark(entry.mark)
        if self.scale:
            self.scale.check(value, is_named=self.names(entry))
        return value

    def shows_number(self, value: str) -> bool:
        """Whether it is known to show this value as a number of points, not as a symbol or text."""
        return self.scale is not None and value not in self.scale.symbols and bool(WRITTEN_NUMBER.fullmatch(value))

    def names(self, entry: Entry) -> bool:
        """Whether a line of the translation names what becomes of the entry."""
        by_table = self.translator is not None and self.translator.marks is Marks.TABLE
        return by_table or (self.translator is not None and bool(entry.alternative_grade))


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule forbids it."""

    cause: Cause
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowFacts:
    """What is known of the flow at `now` (aware)."""

    now: datetime
    columns: Mapping[str, Column] = field(default_factory=dict)  # by source code; "" is the default
    is_synchronised: bool = True
    synchronised_at: datetime | None = None
    assessment_ends_at: datetime | None = None
    instant_export: bool = False
    allow_overwrite: bool = False
    protect_first_export: bool = False  # Learn is read also before the first grade is sent to a place
    has_roster: bool = False
    held: Refused | None = None  # as the whole flow is
    held_people: Mapping[int, Refused] = field(default_factory=dict)  # by primary key
    paused: Refused | None = None  # as all sending is
    caller: int | None = None  # the API client whose body it is; None, in a retry: each person's own
    learn_user_rules: Mapping[int, LearnUserOf] = field(default_factory=dict)  # of the callers that have one

    @property
    def period_runs(self) -> bool:
        """Whether the assessment period is known not to have ended. An unknown end trusts WISEflow."""
        return self.assessment_ends_at is not None and self.now < self.assessment_ends_at


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedGrade:
    """A grade of the person that is, or was, at a place in Learn: a row of the ledger."""

    pk: int = 0
    place: Place
    source_code: str = ""
    value: str
    mark: str = ""
    alternative_grade: str = ""
    since: datetime
    is_certain: bool = True  # Learn has confirmed it; else it may have arrived
    is_left_behind: bool = False  # the person leads to another place now
    ended_as: str = ""  # why it is no longer in Learn; empty: it is
    is_called: bool = False  # a call that may replace it is in progress

    @property
    def is_current(self) -> bool:
        return not self.ended_as and not self.is_left_behind


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A grade of the person that is in progress."""

    source_code: str
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonFacts:
    """What is known of the participant before this entry, in the words of its row. The default: never seen."""

    pk: int | None = None
    state: str = ExportState.NOT_EXPORTED
    cause: str = ""
    detail: Detail = field(default_factory=dict)
    on_roster: bool = False
    added_by: str = ""
    # Each SIS source, with how the person was added there. None: only a body has named it.
    sources: Mapping[str, str | None] = field(default_factory=dict)
    learn_user_id: str = ""
    learn_user_is_unknown: bool = False  # WISEflow's API was read, and has none
    api_client_id: int | None = None  # who exported them last
    mark: str = ""  # what WISEflow gave last
    alternative_grade: str = ""
    changed_since_export: bool = False
    approved_mark: str = ""  # of a correction that Learn has not confirmed yet: it may replace the exported one
    approved_source_code: str = ""  # the source that it is for; empty: all
    failed_at: datetime | None = None  # the last time
    looks_first: bool = False  # Learn has shown a grade of others at one of their places
    grades: Collection[PlacedGrade] = ()  # in Learn now or before, newest first
    open_deliveries: Collection[OpenDelivery] = ()

    @property
    def has_several_sources(self) -> bool:
        return len(self.sources) > 1

    def grades_by(self, source_code: str) -> list[PlacedGrade]:
        """Those of one source, newest first. What had no source, or was left behind, counts for every source."""
        return [
            grade
            for grade in self.grades
            if grade.source_code in (source_code, "") or not source_code or grade.is_left_behind
        ]

    def export_sources(self) -> list[str]:
        """The sources that an entry without one is for. On a roster, those of the roster; never one added by hand."""
        known = self.sources
        if self.on_roster and any(how is not None for how in known.values()):
            known = {code: how for code, how in known.items() if how is not None}
        return [code for code, how in known.items() if how != BY_HAND]


@dataclass(frozen=True, slots=True)
class Send:
    """Every rule allows it: this value goes to this user in this column."""

    value: str
    column: Column
    learn_user_id: str

    @property
    def place(self) -> Place:
        return self.column.course_id, self.column.name, self.learn_user_id


@dataclass(frozen=True, slots=True)
class AlreadyExported:
    """R3: Learn has confirmed this grade at this place before. A success that needs no call."""

    value: str


Verdict = Send | AlreadyExported | Refused
