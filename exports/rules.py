"""WISEflow's export rules R1 to R11 as pure functions of one entry and what is known.

`judge` is the one way in. Every grade, in an export as in a retry, passes through it before anything is recorded.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exports.causes import Cause
from exports.states import ExportState
from exports.translating import NotTranslatable, Scale, Translator

MOST_INDEX_BYTES = 2_600  # PostgreSQL takes 2,704 with what it adds
BY_HAND = "MANUAL"  # how a body or a roster says that a person was not added by the SIS


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What WISEflow says of one person."""

    user_id: str
    user_id_is_number: bool = field(default=False, compare=False)  # 5 and "5" are one person
    mark: str = ""
    alternative_grade: str = ""
    source_code: str = ""
    learn_user_id: str = ""
    added_by: str = ""  # SIS or MANUAL; empty: the body does not say
    is_correction: bool = field(default=False, compare=False)  # not what WISEflow gave last: approved here, or exported
    fault: Cause | None = None  # why the entry cannot be used at all
    fault_detail: str = ""

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
            self.scale.check(value)
        return value


Place = tuple[str, str, str]  # course id, column name, Learn user
LearnUserOf = Callable[[str], str | None]  # None: no Learn user can be told from that user id


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowFacts:
    """What is known of the flow at `now` (aware)."""

    now: datetime
    columns: Mapping[str, Column] = field(default_factory=dict)  # by source code; "" is the default
    is_synchronised: bool = True
    assessment_ends_at: datetime | None = None
    instant_export: bool = False
    allow_overwrite: bool = False
    has_roster: bool = False
    caller: int | None = None  # the API client whose body it is; None, in a retry: each person's own
    learn_user_rules: Mapping[int, LearnUserOf] = field(default_factory=dict)  # of the callers that have one

    @property
    def period_runs(self) -> bool:
        """Whether the assessment period is known not to have ended. An unknown end trusts WISEflow."""
        return self.assessment_ends_at is not None and self.now < self.assessment_ends_at


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonFacts:
    """What is known of the participant before this entry, in the words of its row. The default: never seen."""

    pk: int | None = None
    state: str = ExportState.NOT_EXPORTED
    cause: str = ""
    detail: str = ""
    on_roster: bool = False
    added_by: str = ""
    source_code: str = ""
    learn_user_id: str = ""
    api_client_id: int | None = None  # who exported them last
    mark: str = ""  # what WISEflow gave last
    alternative_grade: str = ""
    changed_since_export: bool = False
    exported_at: datetime | None = None
    exported_value: str = ""
    exported_mark: str = ""
    exported_alternative_grade: str = ""
    approved_mark: str = ""  # of a correction that Learn has not confirmed yet: it may replace the exported one

    @property
    def is_on_its_way(self) -> bool:
        return self.state == ExportState.QUEUED

    @property
    def is_replaced(self) -> bool:
        """Another person's grade, or another flow's, stands in Learn now where this one's stood."""
        return self.cause == Cause.REPLACED

    @property
    def in_doubt(self) -> bool:
        """An overwrite failed or is unconfirmed, or the column was deleted: Learn may not hold the exported value."""
        return self.state == ExportState.FAILED and self.exported_at is not None


@dataclass(frozen=True, slots=True)
class Send:
    """Every rule allows it: this value goes to this user in this column."""

    value: str
    column: Column
    learn_user_id: str


@dataclass(frozen=True, slots=True)
class AlreadyExported:
    """R3: Learn has confirmed this grade before. A success that needs no call."""

    value: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule forbids it."""

    cause: Cause
    detail: str = ""


Verdict = Send | AlreadyExported | Refused


def judge(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Verdict:
    """What is to become of one entry. The first rule that refuses gives the reason."""
    if entry.fault:
        return Refused(entry.fault, entry.fault_detail)
    column = column_of(entry, person, flow)
    value = value_of(entry, column)
    if is_same_again(entry, person, value):
        return AlreadyExported(person.exported_value)
    for rule in RULES:
        if refused := rule(entry, person, flow):
            return refused
    assert column is not None  # a rule refuses what has none, and what has no grade
    assert value is not None
    if isinstance(value, Refused):
        return value
    learn_user_id = learn_user_of(entry, person, flow)
    if not learn_user_id:
        return Refused(Cause.LEARN_USER_UNKNOWN, entry.user_id)
    if not is_indexable(column.course_id, column.name, learn_user_id):
        return Refused(Cause.VALUE_NOT_USABLE, "course, column and Learn user are too long together")
    return Send(value, column, learn_user_id)


def is_indexable(*place: str) -> bool:
    """Whether PostgreSQL takes the place into its index of calls. Any names of 650 characters together do."""
    return sum(map(len, place)) * 4 <= MOST_INDEX_BYTES or len("".join(place).encode()) <= MOST_INDEX_BYTES


def column_of(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Column | None:
    """That of the entry's own source, else the flow's default."""
    return flow.columns.get(entry.source_code or person.source_code) or flow.columns.get("")


def value_of(entry: Entry, column: Column | None) -> str | Refused | None:
    """What Learn is to show today. None: nobody can tell, for want of a column or of a grade."""
    if column is None or not entry.given:
        return None
    try:
        return column.value(entry)
    except NotTranslatable as reason:
        return Refused(Cause.VALUE_NOT_USABLE, str(reason))


def learn_user_of(entry: Entry, person: PersonFacts, flow: FlowFacts) -> str | None:
    """From the body, else the roster, else by the rule of the caller, else the user id as it is."""
    if given := entry.learn_user_id or person.learn_user_id:
        return given
    rule = flow.learn_user_rules.get(flow.caller or person.api_client_id or 0)
    return rule(entry.user_id) if rule else entry.user_id


def refuse_shared_places(verdicts: Mapping[Entry, Verdict]) -> dict[Entry, Verdict]:
    """The verdicts, where people who would set different values for one Learn user in one column are refused, all."""
    values: dict[tuple[Column, str], set[str]] = defaultdict(set)
    for verdict in verdicts.values():
        if isinstance(verdict, Send):
            values[verdict.column, verdict.learn_user_id].add(verdict.value)
    return {
        entry: Refused(Cause.SAME_LEARN_USER, verdict.learn_user_id)
        if isinstance(verdict, Send) and len(values[verdict.column, verdict.learn_user_id]) > 1
        else verdict
        for entry, verdict in verdicts.items()
    }


def refuse_locked_places(
    verdicts: Mapping[Entry, Verdict], known: Mapping[str, PersonFacts], locked: Mapping[Place, Collection[int]]
) -> dict[Entry, Verdict]:
    """The verdicts, where nobody replaces another's alternative grade (R11). `locked`: whose stands where."""

    def replaces(entry: Entry, verdict: Verdict) -> bool:
        if not isinstance(verdict, Send):
            return False
        own = known[entry.user_id].pk if entry.user_id in known else None
        place = verdict.column.course_id, verdict.column.name, verdict.learn_user_id
        return any(pk != own for pk in locked.get(place, ()))

    return {
        entry: Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER) if replaces(entry, verdict) else verdict
        for entry, verdict in verdicts.items()
    }


def is_same_again(entry: Entry, person: PersonFacts, value: str | Refused | None) -> bool:
    """R3: the grade that Learn has already confirmed, and that nothing is about to replace."""
    if person.exported_at is None or not entry.given:
        return False
    if person.is_on_its_way or person.in_doubt or person.is_replaced:
        return False
    return is_exported_grade(entry, person, value)


def is_exported_grade(entry: Entry, person: PersonFacts, value: str | Refused | None) -> bool:
    """Whether Learn holds it: the same grade, whatever its translation is today, or one that is translated alike.

    An alternative grade is taken neither for a mark nor for another code that is only shown alike: it would evade R11.
    """
    code = person.exported_alternative_grade
    if entry.alternative_grade:
        return entry.alternative_grade == code
    if code:  # a mark that is written and shown just as the code leaves it locked
        return entry.mark == code == person.exported_value and value in (None, code)
    return entry.mark == person.exported_mark or value == person.exported_value


def is_approved(entry: Entry, person: PersonFacts) -> bool:
    """Whether it is the mark of the person's approved correction, whoever sends it."""
    return bool(entry.mark) and entry.mark == person.approved_mark and not entry.alternative_grade


def refuse_person_on_its_way(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """One open delivery a participant."""
    return Refused(Cause.IN_PROGRESS) if person.is_on_its_way else None


def refuse_locked_alternative_grade(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R11: an alternative grade that was exported never changes, whatever the flow allows.

    It may be sent again where Learn no longer holds it: its column was deleted.
    """
    code = person.exported_alternative_grade
    if entry.given and code and not (person.in_doubt and entry.alternative_grade == code):
        return Refused(Cause.ALTERNATIVE_GRADE_LOCKED, exported_as(person, flow))
    return None


def refuse_replaced(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """Two exports lead to one place in Learn: sending this one again would replace the other in turn."""
    return Refused(Cause.REPLACED, person.detail) if entry.given and person.is_replaced else None


def refuse_already_exported(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R3: an export runs only once, unless the flow allows overwriting."""
    if not entry.given or person.exported_at is None or flow.allow_overwrite:
        return None
    if is_approved(entry, person):
        return None  # a correction that a second manager has approved
    if person.approved_mark:  # also while it is in doubt: the old mark from WISEflow does not undo what two have agreed
        detail = f"{exported_as(person, flow)}, and a correction to {person.approved_mark} is approved"
        return Refused(Cause.ALREADY_EXPORTED, detail)
    if person.in_doubt and is_exported_grade(entry, person, value_of(entry, column_of(entry, person, flow))):
        return None  # in doubt: sending the confirmed grade again makes it certain
    return Refused(Cause.ALREADY_EXPORTED, exported_as(person, flow))


def refuse_unmapped_flow(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """Nobody has said where this flow's grades go."""
    return None if flow.columns else Refused(Cause.NOT_MAPPED)


def refuse_unsynchronised_flow(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R1: only after the flow has been synchronised with the SIS."""
    return None if flow.is_synchronised else Refused(Cause.NOT_SYNCHRONISED)


def refuse_before_assessment_ends(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R2: only after the assessment period, lifted by instant export (R9)."""
    if flow.period_runs and not flow.instant_export:
        return Refused(Cause.ASSESSMENT_NOT_ENDED, moment(flow.assessment_ends_at, flow))
    return None


def refuse_instant_alternative_grade(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R10: instant export takes no alternative grades while the period runs."""
    if flow.period_runs and entry.alternative_grade:
        return Refused(Cause.ALTERNATIVE_GRADE_TOO_EARLY, moment(flow.assessment_ends_at, flow))
    return None


def refuse_no_assessment(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R7: nothing is never sent, least of all as 0."""
    return None if entry.given else Refused(Cause.NO_ASSESSMENT)


def refuse_outside_roster(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """R8: where the flow has a roster, only people on it; and nobody who is known to have been added by hand."""
    if flow.has_roster and not person.on_roster:
        return Refused(Cause.NOT_ON_ROSTER)
    # A body may correct what an earlier body said, never what the roster says.
    known = person.added_by if person.on_roster or not entry.added_by else ""
    return Refused(Cause.ADDED_BY_HAND) if BY_HAND in (entry.added_by, known) else None


def refuse_unmapped_source(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """A source goes to its own column, or to the flow's default."""
    if column_of(entry, person, flow):
        return None
    return Refused(Cause.SOURCE_NOT_MAPPED, entry.source_code or person.source_code or "(none)")


def refuse_deleted_column(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Refused | None:
    """Nothing is sent to a column that is deleted in Learn, or about to be."""
    column = column_of(entry, person, flow)
    return Refused(Cause.COLUMN_DELETED, column.name) if column and not column.takes_grades else None


RULES = (
    refuse_person_on_its_way,
    refuse_replaced,
    refuse_locked_alternative_grade,
    refuse_already_exported,
    refuse_unmapped_flow,
    refuse_unsynchronised_flow,
    refuse_before_assessment_ends,
    refuse_no_assessment,
    refuse_instant_alternative_grade,
    refuse_outside_roster,
    refuse_unmapped_source,
    refuse_deleted_column,
)


def exported_as(person: PersonFacts, flow: FlowFacts) -> str:
    """`B on 3 May 2026`, in the site's zone."""
    assert person.exported_at is not None
    return f"{person.exported_value} on {day(person.exported_at, flow)}"


def day(when: datetime, flow: FlowFacts) -> str:
    local = when.astimezone(flow.now.tzinfo)
    return f"{local.day} {local:%B %Y}"


def moment(when: datetime | None, flow: FlowFacts) -> str:
    assert when is not None
    return f"{day(when, flow)} {when.astimezone(flow.now.tzinfo):%H:%M}"
