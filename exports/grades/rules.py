"""WISEflow's export rules R1 to R11 as pure functions of one entry and what is known.

`judge` is the one way in. Every grade, in an export as in a retry, passes through it before anything is recorded. What
the entries of one body, and the grades of other people, mean for each other is in `exports.grades.conflicts`.
"""

from dataclasses import dataclass, replace

from exports.grades.causes import Cause, Detail
from exports.grades.facts import (
    BY_HAND,
    AlreadyExported,
    Column,
    Entry,
    FlowFacts,
    LearnUserOf,
    PersonFacts,
    Place,
    PlacedGrade,
    Refused,
    Send,
    Verdict,
)
from exports.grades.translating import NotTranslatable, same_grade

MAX_INDEX_BYTES = 2_600  # PostgreSQL takes 2,704 with what it adds
# How a grade in Learn has ended, as far as the rules ask; the model has all of them.
COLUMN_DELETED = "COLUMN_DELETED"
DOUBTED = ("DOUBTED", "COLUMN_DOUBTED")  # what came after it may have arrived, or not


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """An entry with all that the rules ask of it: where it leads today, what it becomes there, what is there."""

    entry: Entry
    person: PersonFacts
    flow: FlowFacts
    column: Column | None
    learn_user_id: str | None
    value: str | Refused | None  # None: unknown, for want of a column or of a grade
    here: PlacedGrade | None  # what is in Learn of this person where the entry leads; anywhere, if that is unknown

    @property
    def place(self) -> Place | None:
        if self.column is None or not self.learn_user_id:
            return None
        return self.column.course_id, self.column.name, self.learn_user_id

    @property
    def is_in_progress(self) -> bool:
        """Whether a grade of the same source, or for the same place, is in progress. None is every source."""
        return any(
            "" in (source := (delivery.source_code, self.entry.source_code))
            or source[0] == source[1]
            or delivery.place == self.place
            for delivery in self.person.open_deliveries
        )

    @property
    def leaves_behind(self) -> list[PlacedGrade]:
        """What is in Learn of this person elsewhere, by the same source: a grade there belongs to no one now."""
        if self.place is None:
            return []
        grades = self.person.grades_by(self.entry.source_code)
        return [grade for grade in grades if grade.is_current and grade.place != self.place]


def case_of(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Case:
    column, learn_user_id = column_of(entry, flow), learn_user_of(entry, person, flow)
    here = None
    if person.grades:
        place = (column.course_id, column.name, learn_user_id) if column and learn_user_id else None
        here = next((grade for grade in person.grades if grade.place == place and not grade.ended_as), None)
        if place is None:  # where it leads is unknown, so nothing says that it is in the wrong place
            here = next((grade for grade in person.grades_by(entry.source_code) if grade.is_current), None)
    return Case(
        entry=entry,
        person=person,
        flow=flow,
        column=column,
        learn_user_id=learn_user_id,
        value=value_of(entry, column),
        here=here,
    )


def by_source(entry: Entry, person: PersonFacts, flow: FlowFacts) -> tuple[Entry, ...]:
    """The entry for each source that it is for: the one it names, else those of the person's that the flow maps.

    Where the flow maps none of these it is for the flow's default column, once. A correction is also for each source
    whose grade is in Learn by the default.
    """
    if entry.source_code or entry.fault or not person.sources:
        return (entry,)
    sources = person.export_sources()
    corrected = {grade.source_code for grade in person.grades if grade.is_current} if entry.is_correction else set()
    mapped = [code for code in sources if code in flow.columns or code in corrected] or sources[:1]
    return tuple(replace(entry, source_code=code) for code in mapped) or (entry,)


def judge(entry: Entry, person: PersonFacts, flow: FlowFacts) -> Verdict:
    """What is to become of one entry. The first rule that refuses gives the reason."""
    if entry.fault:
        return Refused(entry.fault, entry.fault_detail)
    case = case_of(entry, person, flow)
    if is_same_again(case):
        assert case.here is not None
        return Refused(Cause.IN_PROGRESS) if case.here.is_called else AlreadyExported(case.here.value)
    for rule in RULES:
        if refused := rule(case):
            return refused
    column, value = case.column, case.value
    assert column is not None  # a rule refuses what has none, and what has no grade
    assert value is not None
    if isinstance(value, Refused):
        return value
    if not case.learn_user_id:
        return refuse_unknown_learn_user(case)
    if not is_indexable(column.course_id, column.name, case.learn_user_id):
        return Refused(Cause.VALUE_NOT_USABLE, {"reason": "NAMES_TOO_LONG"})
    return Send(value, column, case.learn_user_id)


def is_indexable(*place: str) -> bool:
    """Whether PostgreSQL takes the place into its index of calls. Any names of 650 characters together do."""
    return sum(map(len, place)) * 4 <= MAX_INDEX_BYTES or len("".join(place).encode()) <= MAX_INDEX_BYTES


def column_of(entry: Entry, flow: FlowFacts) -> Column | None:
    """That of the entry's source, else the flow's default."""
    return flow.columns.get(entry.source_code) or flow.columns.get("")


def value_of(entry: Entry, column: Column | None) -> str | Refused | None:
    """What Learn is to show today. None: unknown, for want of a column or of a grade."""
    if column is None or not entry.given:
        return None
    try:
        return column.value(entry)
    except NotTranslatable as error:
        return Refused(Cause.VALUE_NOT_USABLE, error.detail)


def learn_user_of(entry: Entry, person: PersonFacts, flow: FlowFacts) -> str | None:
    """From the body, else the roster, else by the rule of the caller, else the user id as it is. Where WISEflow was
    asked for the batch uid and has none, the user id is none either.
    """
    if given := entry.learn_user_id or person.learn_user_id:
        return given
    if rule := rule_for(person, flow):
        return rule(entry.user_id)
    return None if person.learn_user_is_unknown else entry.user_id


def rule_for(person: PersonFacts, flow: FlowFacts) -> LearnUserOf | None:
    """The rule for Learn users of who calls, or of who exported the person last."""
    return flow.learn_user_rules.get(flow.caller or person.api_client_id or 0)


def refuse_unknown_learn_user(case: Case) -> Refused:
    is_missing = case.person.learn_user_is_unknown and not rule_for(case.person, case.flow)
    reason = {"reason": "NOT_IN_WISEFLOW"} if is_missing else {}
    return Refused(Cause.LEARN_USER_UNKNOWN, {"user_id": case.entry.user_id, **reason})


def is_same_again(case: Case) -> bool:
    """R3: this grade is in Learn at the very place where the entry leads, and nothing is about to replace it."""
    if case.here is None or not case.here.is_certain or not case.entry.given or case.is_in_progress:
        return False
    return is_grade(case.here, case.entry, case.value, case.column)


def is_grade(grade: PlacedGrade, entry: Entry, value: str | Refused | None, column: Column | None) -> bool:
    """Whether the entry is this grade: the same one, whatever its translation is today, or one translated alike.

    An alternative grade is taken neither for a mark nor for another code that is only shown alike: it would evade R11.
    """
    code = grade.alternative_grade
    if entry.alternative_grade:
        return entry.alternative_grade == code
    if code:  # a mark that is written and shown just as the code leaves it locked
        return entry.mark == code == grade.value and value in (None, code)
    if entry.mark == grade.mark or value == grade.value:
        return True
    is_numeric = column is not None and column.shows_number(grade.value)
    return is_numeric and isinstance(value, str) and same_grade(value) == same_grade(grade.value)


def is_approved(entry: Entry, person: PersonFacts) -> bool:
    """Whether it is the mark of the person's approved correction, whoever sends it."""
    if person.approved_source_code not in ("", entry.source_code):
        return False
    return bool(entry.mark) and entry.mark == person.approved_mark and not entry.alternative_grade


def refuse_in_progress(case: Case) -> Refused | None:
    """One open delivery a place, and a source."""
    return Refused(Cause.IN_PROGRESS) if case.is_in_progress else None


def refuse_held(case: Case) -> Refused | None:
    """Someone holds this person back, or the whole flow."""
    return case.flow.held_people.get(case.person.pk or 0) or case.flow.held


def refuse_paused(case: Case) -> Refused | None:
    """An administrator has paused all sending."""
    return case.flow.paused


def refuse_locked_alternative_grade(case: Case) -> Refused | None:
    """R11: an alternative grade that was exported never changes, whatever the flow allows.

    The same one may be sent where it is not in Learn for certain: its column was deleted, or it leads elsewhere now.
    """
    if not case.entry.given:
        return None
    grades = case.person.grades_by(case.entry.source_code)
    exported = next((grade for grade in grades if grade.is_certain), None)
    if exported is None or not (code := exported.alternative_grade):
        return None
    if case.entry.alternative_grade == code and (case.here is None or not case.here.is_certain):
        return None
    return Refused(Cause.ALTERNATIVE_GRADE_LOCKED, exported_as(exported))


def refuse_already_exported(case: Case) -> Refused | None:
    """R3: an export runs only once to a place, unless the flow allows overwriting."""
    if not case.entry.given or case.flow.allow_overwrite or is_approved(case.entry, case.person):
        return None  # approved: a correction that a second manager has agreed to
    exported = exported_before(case)
    if exported is None:
        return None
    if case.person.approved_mark and case.person.approved_source_code in ("", case.entry.source_code):
        # Also while it is in doubt: the old mark from WISEflow does not undo what two have agreed.
        more = {"reason": "CORRECTION_APPROVED", "mark": case.person.approved_mark}
        return Refused(Cause.ALREADY_EXPORTED, {**exported_as(exported), **more})
    may_be_there = [exported] if case.here is None or case.here.is_certain else [exported, case.here]
    if exported is not case.here and any(
        is_grade(grade, case.entry, case.value, case.column) for grade in may_be_there
    ):
        return None  # lost or in doubt: sending the same grade again makes it certain
    return Refused(Cause.ALREADY_EXPORTED, exported_as(exported))


def exported_before(case: Case) -> PlacedGrade | None:
    """The confirmed grade that R3 keeps: the one at the place where the entry leads; or before a doubt there; or, of a
    person without a grade in Learn, the one that a deleted column took along.
    """
    if case.here is not None and case.here.is_certain:
        return case.here
    grades = case.person.grades_by(case.entry.source_code)
    if case.here is not None:
        confirmed = (grade for grade in grades if grade.is_certain and grade.place == case.place)
        return next((grade for grade in confirmed if grade.ended_as in DOUBTED), None)
    if any(grade.is_current for grade in grades):
        return None  # it is elsewhere: this place has never had it
    lost = next((grade for grade in grades if grade.is_certain), None)
    return lost if lost and lost.ended_as == COLUMN_DELETED else None


def refuse_unmapped_flow(case: Case) -> Refused | None:
    """No one has said where this flow's grades go."""
    return None if case.flow.columns else Refused(Cause.NOT_MAPPED)


def refuse_unsynchronised_flow(case: Case) -> Refused | None:
    """R1: only after the flow has been synchronised with the SIS."""
    flow = case.flow
    if flow.is_synchronised:
        return None
    if flow.synchronised_at is None:
        return Refused(Cause.NOT_SYNCHRONISED)
    planned = {"reason": "SYNCHRONISED_LATER", "synchronised_at": flow.synchronised_at.isoformat()}
    return Refused(Cause.NOT_SYNCHRONISED, planned)


def refuse_before_assessment_ends(case: Case) -> Refused | None:
    """R2: only after the assessment period, lifted by instant export (R9)."""
    flow = case.flow
    if flow.period_runs and not flow.instant_export:
        return Refused(Cause.ASSESSMENT_NOT_ENDED, end_of_period(flow))
    return None


def refuse_instant_alternative_grade(case: Case) -> Refused | None:
    """R10: instant export accepts no alternative grades while the period runs."""
    flow = case.flow
    if flow.period_runs and case.entry.alternative_grade:
        return Refused(Cause.ALTERNATIVE_GRADE_TOO_EARLY, end_of_period(flow))
    return None


def refuse_no_assessment(case: Case) -> Refused | None:
    """R7: nothing is never sent, least of all as 0."""
    return None if case.entry.given else Refused(Cause.NO_ASSESSMENT)


def refuse_outside_roster(case: Case) -> Refused | None:
    """R8: where the flow has a roster, only people on it; and no one who is known to have been added by hand."""
    entry, person = case.entry, case.person
    if case.flow.has_roster and not person.on_roster:
        return Refused(Cause.NOT_ON_ROSTER)
    # A body may correct what an earlier body said, never what the roster says.
    known = added_by(entry, person) if person.on_roster or not entry.added_by else ""
    return Refused(Cause.ADDED_BY_HAND) if BY_HAND in (entry.added_by, known) else None


def added_by(entry: Entry, person: PersonFacts) -> str:
    """How the person was added to the entry's source, as far as the roster or an earlier body says."""
    how = person.sources.get(entry.source_code)
    return person.added_by if how is None else how


def refuse_unmapped_source(case: Case) -> Refused | None:
    """A source goes to its own column, or to the flow's default."""
    if case.column:
        return None
    sources = case.entry.source_code or ", ".join(case.person.sources)
    return Refused(Cause.SOURCE_NOT_MAPPED, {"source_code": sources})


def refuse_deleted_column(case: Case) -> Refused | None:
    """Nothing is sent to a column that is deleted in Learn, or about to be."""
    column = case.column
    return Refused(Cause.COLUMN_DELETED, {"column_name": column.name}) if column and not column.takes_grades else None


RULES = (
    refuse_in_progress,
    refuse_held,
    refuse_paused,
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


def exported_as(grade: PlacedGrade) -> Detail:
    return {"value": grade.value, "since_on": grade.since.isoformat()}


def end_of_period(flow: FlowFacts) -> Detail:
    assert flow.assessment_ends_at is not None
    return {"ends_at": flow.assessment_ends_at.isoformat()}
