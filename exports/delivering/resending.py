"""What a retry sends again: failed participants -> the entries that speak for them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from exports.delivering.latest import current_deliveries, export_sources
from exports.delivering.recording import find_grades_of
from exports.grades.causes import Cause, Detail
from exports.grades.facts import Entry
from exports.models import Delivery, GradeInLearn, Participant

Ending = GradeInLearn.Ending
NO_FAULT: tuple[None, Detail] = (None, {})
KEEPS_EXPORTED = (Cause.ALREADY_EXPORTED, Cause.ALTERNATIVE_GRADE_LOCKED)  # what was exported is to be there, no other


def entries_again(people: Sequence[Participant]) -> list[Entry]:
    """An approved correction; else, where it is no longer in Learn or at the wrong place, the very grade that was
    exported; else what WISEflow last said. Of a person with several sources, what holds for each source that has not
    got its grade.

    An entry that was not usable stays so: only a new export helps. One statement, and one more for people who have
    several sources.
    """
    return [entry for entries in entries_by_flow(people).values() for entry in entries]


def entries_by_flow(people: Sequence[Participant]) -> dict[int, list[Entry]]:
    """The same for people of several flows, by the flows' primary keys."""
    grades = find_grades_of([person.pk for person in people])
    several = [person for person in people if len(person.sources) > 1]
    said = current_deliveries(several) if several else {}
    found: dict[int, list[Entry]] = defaultdict(list)
    for person in people:
        found[person.flow_id] += again(person, grades.get(person.pk, []), said.get(person.pk))
    return found


def again(person: Participant, grades: Sequence[GradeInLearn], said: Collection[Delivery] | None) -> Iterator[Entry]:
    if person.approved_mark:
        yield entry_of(person, person.approved_mark, "", source_code=person.approved_source_code, is_correction=True)
    elif said is None:
        grade = exported_elsewhere(person, grades)
        if grade is None:
            yield entry_of(person, person.mark, person.alternative_grade, fault=fault_of(person.cause, person.detail))
        else:
            yield entry_of(person, grade.mark, grade.alternative_grade, is_correction=is_other(grade, person))
    else:
        yield from again_by_source(person, grades, said)


def exported_elsewhere(person: Participant, grades: Sequence[GradeInLearn]) -> GradeInLearn | None:
    """The exported grade that a retry brings to where it belongs. None: what WISEflow gave last is to be sent."""
    latest = grades[0] if grades else None
    if latest is None:
        return None
    # What WISEflow gave last may not be it: it was corrected, or changed since (R3), or is locked (R11).
    was_exported = any(not is_other(grade, person) for grade in grades)
    is_kept = was_exported or person.changed_since_export or bool(latest.alternative_grade)
    if latest.ended_as == Ending.COLUMN_DELETED:
        is_newer = person.flow.allow_overwrite and bool(person.mark or person.alternative_grade)
        return latest if is_kept or not is_newer else None
    return latest if is_kept and latest.is_certain and not is_in_place(latest) else None


def again_by_source(person: Participant, grades: Sequence[GradeInLearn], said: Collection[Delivery]) -> Iterator[Entry]:
    """What WISEflow said for each source last, where that has failed or is no longer where it belongs; of a source
    whose deliveries are purged, what was exported.
    """
    if said and all(is_failed(delivery) and delivery.joint_entry_count for delivery in said):
        # It was for all sources, and none has it: so it is again, also for those that the flow maps since.
        for delivery in {(delivery.mark, delivery.alternative_grade): delivery for delivery in said}.values():
            yield entry_of(
                person, delivery.mark, delivery.alternative_grade, fault=fault_of(delivery.cause, delivery.detail)
            )
        return
    said_for = {delivery.source_code for delivery in said}
    for delivery in said:
        code = delivery.source_code
        known = next((grade for grade in grades if grade.source_code in (code, "")), None)
        # What was said for none in particular is for those that nothing was said for since.
        codes = [code] if code or said_for == {""} else sorted(export_sources(person) - said_for)
        if is_failed(delivery) and not (delivery.cause in KEEPS_EXPORTED and known and known.ended_as):
            fault = fault_of(delivery.cause, delivery.detail)
            for one in codes if fault[0] is None else [code]:
                yield entry_of(person, delivery.mark, delivery.alternative_grade, source_code=one, fault=fault)
        elif delivery.state not in Delivery.OPEN and known and not (is_in_place(known) and known.is_certain):
            for one in codes:
                yield entry_of(person, known.mark, known.alternative_grade, source_code=one, is_correction=True)
    latest = {grade.source_code: grade for grade in reversed(grades)}
    for code in sorted(latest.keys() - said_for):
        if not is_in_place(left := latest[code]) and (code or not said):
            yield entry_of(person, left.mark, left.alternative_grade, source_code=code, is_correction=True)


def is_failed(delivery: Delivery) -> bool:
    return delivery.state not in (Delivery.State.DELIVERED, *Delivery.OPEN)


def is_in_place(grade: GradeInLearn) -> bool:
    """Whether it is in Learn, where its person led when they were last sent or imported."""
    return grade.until is None and not grade.is_left_behind


def is_other(grade: GradeInLearn, person: Participant) -> bool:
    """Whether it is not what WISEflow gave last."""
    return (grade.mark, grade.alternative_grade) != (person.mark, person.alternative_grade)


def entry_of(
    person: Participant,
    mark: str,
    alternative_grade: str,
    *,
    source_code: str = "",
    is_correction: bool = False,
    fault: tuple[Cause | None, Detail] = NO_FAULT,
) -> Entry:
    return Entry(
        user_id=person.user_id,
        user_id_is_number=person.user_id_is_number,
        mark=mark,
        alternative_grade=alternative_grade,
        source_code=source_code,
        learn_user_id=person.learn_user_id,
        is_correction=is_correction,
        fault=fault[0],
        fault_detail=fault[1],
    )


def fault_of(cause: str, detail: Detail) -> tuple[Cause | None, Detail]:
    """What made the entry unusable, where that is why it failed."""
    return (Cause(cause), detail) if cause and Cause(cause).needs_new_export else NO_FAULT
