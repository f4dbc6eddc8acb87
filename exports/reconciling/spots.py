"""A person -> the places that concern them: where their sources lead today, and where a grade was written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from exports.grades.facts import Entry, FlowFacts, PersonFacts, Place, PlacedGrade, Refused
from exports.grades.rules import Case, by_source, case_of, is_grade, judge
from exports.grades.states import ExportState
from exports.grades.translating import same_grade
from exports.models import Participant
from exports.reconciling.lines import InLearn, InWiseflow, Spot, Written


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What is known of grades in Learn beside what the rules ask, by the primary keys of the ledger's rows."""

    learn: Mapping[int, InLearn]
    pulled: Collection[int]


def spots_of(
    participant: Participant, wiseflow: InWiseflow | None, person: PersonFacts, facts: FlowFacts, ledger: Ledger
) -> list[Spot]:
    """At least one. WISEflow's grade is judged by the rules of every export."""
    entry = entry_of(participant, wiseflow)
    found = [spot_of(case_of(part, person, facts), ledger) for part in by_source(entry, person, facts)]
    spots = list(once_a_place(found))
    seen = {spot.written.pk for spot in spots if spot.written}
    for grade in person.grades:
        if not grade.ended_as and grade.pk not in seen:
            spots.append(
                Spot(
                    source_code=grade.source_code,
                    place=grade.place,
                    written=written(grade, ledger),
                    is_led_to=False,
                    is_same=bool(entry.given) and is_alike(grade, entry),
                )
            )
    return with_cause(participant, spots) if participant.state == ExportState.FAILED else spots


def entry_of(participant: Participant, wiseflow: InWiseflow | None) -> Entry:
    """As WISEflow would post it; without a grade where it holds none, or none that can be compared."""
    is_given = wiseflow is not None and wiseflow.is_listed and wiseflow.is_activated and wiseflow.is_comparable
    return Entry(
        user_id=participant.user_id,
        mark=wiseflow.mark if wiseflow and is_given else "",
        alternative_grade=wiseflow.alternative_grade if wiseflow and is_given else "",
    )


def spot_of(case: Case, ledger: Ledger) -> Spot:
    here, entry = case.here, case.entry
    spot = Spot(
        source_code=entry.source_code,
        place=case.place or (here.place if here else known_part(case)),
        written=written(here, ledger) if here else None,
        is_led_to=True,
        value=case.value if isinstance(case.value, str) else "",
    )
    if not entry.given:
        return spot
    if here:
        return replace(spot, is_same=is_grade(here, entry, case.value, case.column))
    verdict = judge(entry, case.person, case.flow)
    if isinstance(verdict, Refused):
        return replace(spot, refusal=verdict.cause.value, refusal_detail=verdict.detail)
    return spot


def known_part(case: Case) -> Place:
    """Of a place that is not known: what of it is."""
    column = case.column
    return (column.course_id if column else "", column.name if column else "", case.learn_user_id or "")


def once_a_place(spots: Sequence[Spot]) -> Iterator[Spot]:
    """Sources that lead to one place share one grade there."""
    seen = set()
    for spot in spots:
        place = spot.place if all(spot.place) else (*spot.place, spot.source_code)
        if place not in seen:
            seen.add(place)
            yield spot


def written(grade: PlacedGrade, ledger: Ledger) -> Written:
    return Written(
        pk=grade.pk,
        value=grade.value,
        mark=grade.mark,
        alternative_grade=grade.alternative_grade,
        since=grade.since,
        is_certain=grade.is_certain,
        is_left_behind=grade.is_left_behind,
        is_pulled=grade.pk in ledger.pulled,
        learn=ledger.learn.get(grade.pk),
    )


def is_alike(grade: PlacedGrade, entry: Entry) -> bool:
    """Whether it is the same grade, at a place where no source leads and no translation says what it is."""
    if entry.alternative_grade or grade.alternative_grade:
        return entry.alternative_grade == grade.alternative_grade
    return same_grade(entry.mark) == same_grade(grade.mark)


def with_cause(participant: Participant, spots: Sequence[Spot]) -> list[Spot]:
    """The places that a failure is about: those of the source that it names, else those that have not got a grade."""
    code = participant.cause_source_code
    about = [spot for spot in spots if code and spot.is_led_to and spot.source_code == code]
    about = about or [spot for spot in spots if not (spot.written and spot.written.is_certain)] or [*spots[:1]]
    return [replace(spot, has_cause=True) if spot in about else spot for spot in spots]
