"""A flow -> all its people, what is and was in Learn of theirs, and their corrections, as of one moment."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Max
from django.utils.translation import gettext

from common.database.bulk import among
from common.database.snapshots import snapshot
from exports.evidence.columns import Part, moment_cell
from exports.evidence.contents import Contents
from exports.grades.causes import Cause
from exports.grades.sentences import of_source, sentence
from exports.models import Correction, Delivery, ExportState, Flow, GradeInLearn, Participant
from exports.models.grade_in_learn import proof_state_of

CHUNK = 2_000  # people read at once: the number of statements grows with the chunks, not with the people


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many people, and grades, there are of each kind. The skipped are among the failed."""

    expected: int = 0
    received: int = 0  # of whom WISEflow has sent something
    delivered: int = 0
    failed: int = 0
    skipped: int = 0
    in_progress: int = 0
    missing: int = 0
    people: int = 0
    # Grades that are in Learn, by what its own gradebook shows
    proven: int = 0
    different: int = 0
    absent: int = 0
    kept: int = 0
    unreadable: int = 0
    unread: int = 0


class Tried(NamedTuple):
    """The attempt that has tried last."""

    attempt: int
    trigger: str


def collect(flow: Flow, contents: Contents) -> Counts:
    """Add all rows of the flow to `contents`, people by their user id."""
    found = Counter[str]()
    with snapshot():
        for people in chunks_of(flow):
            found.update(count_of(people))
            found.update(add_people(people, contents))
    return Counts(**found)


def chunks_of(flow: Flow) -> Iterator[list[Participant]]:
    last, people = "", list(flow.participants.order_by("user_id")[:CHUNK])
    while people:
        yield people
        last = people[-1].user_id
        people = list(flow.participants.filter(user_id__gt=last).order_by("user_id")[:CHUNK])


def count_of(people: Sequence[Participant]) -> Iterator[str]:
    """The counts that each of these people adds to."""
    for person in people:
        yield "people"
        if person.is_expected:
            yield "expected"
        match person.state:
            case ExportState.EXPORTED:
                yield from ("received", "delivered")
            case ExportState.FAILED:
                yield from ("received", "failed")
                if Cause(person.cause).is_skip:
                    yield "skipped"
            case ExportState.QUEUED:
                yield from ("received", "in_progress")
            case _ if person.is_missing:
                yield "missing"


def add_people(people: Sequence[Participant], contents: Contents) -> Counter[str]:
    """Add their rows. Returns what their grades in Learn add to the counts."""
    pks = [person.pk for person in people]
    grades: dict[int, list[GradeInLearn]] = defaultdict(list)
    ended: dict[int, list[GradeInLearn]] = defaultdict(list)
    ledger = GradeInLearn.objects.filter(among("participant_id", pks)).order_by("pk")
    for grade in ledger.select_related("delivery__attempt", "dealt_with_by", "proof").with_kept():
        (grades if grade.is_in_learn else ended)[grade.participant_id].append(grade)
    corrections: dict[int, list[Correction]] = defaultdict(list)
    requested = Correction.objects.filter(among("participant_id", pks)).order_by("pk")
    for correction in requested.select_related("requested_by", "decided_by"):
        corrections[correction.participant_id].append(correction)
    tried = latest_attempts(
        [person.pk for person in people if person.state in (ExportState.FAILED, ExportState.QUEUED)]
    )
    after = Successors(grade for rows in ended.values() for grade in rows)
    for person in people:
        for cells in grade_rows(person, grades[person.pk], tried.get(person.pk, {})):
            contents.add(Part.GRADES, cells)
        for grade in ended[person.pk]:
            contents.add(Part.ENDED, ended_row(person, grade, after.of(grade)))
        for correction in corrections[person.pk]:
            contents.add(Part.CORRECTIONS, correction_row(person, correction))
    current = (grade for rows in grades.values() for grade in rows if not grade.is_left_behind)
    return Counter(proof_state_of(grade).lower() for grade in current)


def latest_attempts(people: Sequence[int]) -> dict[int, dict[str, Tried]]:
    """The last attempt for each of these people by source, as far as its deliveries are not purged."""
    found: dict[int, dict[str, Tried]] = defaultdict(dict)
    if not people:
        return found
    deliveries = Delivery.objects.filter(among("participant_id", people)).order_by()
    last = deliveries.values("participant_id", "source_code").annotate(last=Max("pk")).values_list("last", flat=True)
    columns = ("participant_id", "source_code", "attempt_id", "attempt__trigger")
    for person, source_code, *tried in Delivery.objects.filter(among("pk", list(last))).values_list(*columns):
        found[person][source_code] = Tried(*tried)
    return found


class Successors:
    """What came to each place after the grade that has ended there."""

    def __init__(self, ended: Iterator[GradeInLearn]) -> None:
        places = {grade.place for grade in ended}
        self.at: dict[tuple[str, str, str], list[GradeInLearn]] = defaultdict(list)
        if places:
            rows = GradeInLearn.objects.at_places(places).order_by("pk")
            for grade in rows.select_related("participant__flow"):
                self.at[grade.place].append(grade)

    def of(self, grade: GradeInLearn) -> GradeInLearn | None:
        replaced = grade.ended_by_id is not None
        return next((row for row in self.at[grade.place] if row.pk > grade.pk), None) if replaced else None


def grade_rows(
    person: Participant, grades: Sequence[GradeInLearn], tried: Mapping[str, Tried]
) -> Iterator[tuple[str, ...]]:
    """A row for each place where a grade of theirs is, then one for each source that has none. At least one."""
    placed = sorted(grades, key=lambda grade: (grade.is_left_behind, grade.source_code, grade.pk))
    covered = {grade.source_code for grade in placed if not grade.is_left_behind}
    unplaced = [] if "" in covered else sorted(set(person.sources) - covered)
    if person.cause_source_code and person.cause_source_code not in {*covered, *unplaced}:
        unplaced.append(person.cause_source_code)
    if not unplaced and not covered:
        unplaced = [""]
    for grade in placed:
        yield grade_row(person, grade.source_code, grade, attempt_of(grade))
    for source_code in unplaced:
        yield grade_row(person, source_code, None, tried.get(source_code) or tried.get(""))


def grade_row(
    person: Participant, source_code: str, grade: GradeInLearn | None, tried: Tried | None
) -> tuple[str, ...]:
    is_about = bool(person.cause) and person.cause_source_code in ("", source_code)
    is_failed = is_about and person.state == ExportState.FAILED
    return (
        *identity(person),
        "true" if person.is_expected else "false",
        person.state,
        person.mark,
        person.alternative_grade,
        source_code,
        *(
            (grade.value, grade.certainty, *grade.place, moment_cell(grade.since), moment_cell(grade.left_behind_at))
            if grade
            else ("",) * 7
        ),
        person.cause if is_about else "",
        moment_cell(person.failed_at) if is_failed else "",
        str(tried.attempt) if tried else "",
        tried.trigger if tried else "",
        explanation(person, grade, is_about=is_about),
        *proof_cells(grade),
    )


def proof_cells(grade: GradeInLearn | None) -> tuple[str, str, str]:
    if grade is None or grade.proof is None:
        return "", "", ""
    return proof_state_of(grade).value, grade.proof.shown, moment_cell(grade.proof.read_at)


def identity(person: Participant) -> tuple[str, str, str]:
    return person.user_id, person.first_name, person.last_name


def attempt_of(grade: GradeInLearn) -> Tried | None:
    """Which has put it there; unknown once old deliveries are purged."""
    delivery = grade.delivery
    return Tried(delivery.attempt_id, delivery.attempt.trigger) if delivery else None


def explanation(person: Participant, grade: GradeInLearn | None, *, is_about: bool) -> str:
    """What is not as it should be; empty: the grade is in Learn."""
    if grade and grade.is_left_behind:
        return gettext("It was left behind in Learn: the student leads to another place now.")
    if is_about:
        text = sentence(Cause(person.cause), person.detail)
        return of_source(person.cause_source_code, text) if person.cause_source_code else text
    if person.state == ExportState.QUEUED and not grade:
        return gettext("It is being sent to Learn.")
    if person.state == ExportState.NOT_EXPORTED:
        if person.is_missing:
            return gettext("On the roster, but WISEflow has sent no grade.")
        return gettext("WISEflow has sent no grade.")
    if person.changed_since_export:
        return gettext("WISEflow has since sent another grade, which is not in Learn.")
    return ""


def ended_row(person: Participant, grade: GradeInLearn, after: GradeInLearn | None) -> tuple[str, ...]:
    return (
        *identity(person),
        grade.mark,
        grade.alternative_grade,
        grade.source_code,
        grade.value,
        grade.certainty,
        *grade.place,
        moment_cell(grade.since),
        moment_cell(grade.until),
        grade.ended_as,
        after.value if after else "",
        after.participant.user_id if after else "",
        after.participant.flow.flow_id if after else "",
        grade.dealt_with_by.get_username() if grade.dealt_with_by else "",
    )


def correction_row(person: Participant, correction: Correction) -> tuple[str, ...]:
    return (
        *identity(person),
        correction.source_code,
        correction.mark_before,
        correction.value_before,
        correction.mark,
        correction.state,
        correction.reason,
        correction.requested_by.get_username(),
        moment_cell(correction.requested_at),
        correction.decided_by.get_username() if correction.decided_by else "",
        moment_cell(correction.decided_at),
        correction.decline_reason,
        str(correction.attempt_id or ""),
    )
