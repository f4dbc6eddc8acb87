"""What the grades of a body mean for each other, and for grades that are in Learn already, as pure functions.

One grade a place: whoever would set another person's grade aside is refused within a flow. Across flows (a resit) the
later grade replaces the earlier one, once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from exports.grades.causes import Cause, Detail
from exports.grades.facts import Entry, PersonFacts, Place, Refused, Send, Verdict
from exports.grades.rules import is_approved
from exports.grades.translating import same_grade


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose grade is at a place in Learn, or being sent there."""

    participant: int
    user_id: str
    flow: int
    flow_id: str
    value: str
    alternative_grade: str = ""
    source_code: str = ""
    is_certain: bool = True  # Learn has confirmed it
    is_in_progress: bool = False
    has_left: bool = False  # leads elsewhere now, and the grade is still there

    @property
    def detail(self) -> Detail:
        return {"value": self.value, "user_id": self.user_id, "flow_id": self.flow_id}


def join_same_places(verdicts: Mapping[Entry, Verdict]) -> tuple[dict[Entry, Verdict], dict[Entry, Entry]]:
    """Entries of one person that lead to one place: equal grades are sent once, different ones are contradictory.

    Returns the verdicts on those that are left, and for each of the others the one that carries it.
    """
    places: dict[tuple[str, Place], list[Entry]] = defaultdict(list)
    for entry, verdict in verdicts.items():
        if isinstance(verdict, Send):
            places[entry.user_id, verdict.place].append(entry)
    kept, carried = dict(verdicts), dict[Entry, Entry]()
    for (_user_id, _place), entries in places.items():
        if len(entries) == 1:
            continue
        if len({(same_grade(entry.mark), entry.alternative_grade) for entry in entries}) > 1:
            kept |= dict.fromkeys(entries, Refused(Cause.CONTRADICTORY_ENTRIES))
            continue
        for entry in entries[1:]:
            carried[entry] = entries[0]
            del kept[entry]
    return kept, carried


def contradictions(entries: Iterable[Entry]) -> set[Entry]:
    """Entries that give one person different grades for one source, or different Learn users. One that is unusable
    contradicts no other.
    """
    said: dict[tuple[str, str], set[Entry]] = defaultdict(set)
    people: dict[str, set[Entry]] = defaultdict(set)
    for entry in entries:
        if entry.fault is None:
            said[entry.user_id, entry.source_code].add(entry)
            people[entry.user_id].add(entry)
    found = [same for same in said.values() if len(same) > 1 and len(set(map(as_given, same))) > 1]
    found += [theirs for theirs in people.values() if len({entry.learn_user_id for entry in theirs}) > 1]
    return set().union(*found)


def as_given(entry: Entry) -> tuple[object, ...]:
    """What entries of one person and source must have in common, so that they do not contradict each other."""
    return same_grade(entry.mark), entry.alternative_grade, entry.learn_user_id, entry.added_by


def refuse_shared_places(verdicts: Mapping[Entry, Verdict]) -> dict[Entry, Verdict]:
    """The verdicts, where different people of one body who lead to one Learn user in one column are refused, all."""
    people: dict[Place, dict[str, None]] = defaultdict(dict)
    for entry, verdict in verdicts.items():
        if isinstance(verdict, Send):
            people[verdict.place][entry.user_id] = None
    if all(len(sharing) == 1 for sharing in people.values()):
        return dict(verdicts)
    return {
        entry: shared(verdict, [user_id for user_id in people[verdict.place] if user_id != entry.user_id])
        if isinstance(verdict, Send) and len(people[verdict.place]) > 1
        else verdict
        for entry, verdict in verdicts.items()
    }


def refuse_taken_places(
    verdicts: Mapping[Entry, Verdict],
    known: Mapping[str, PersonFacts],
    holders: Mapping[Place, Collection[Holder]],
    flow: int | None,
) -> dict[Entry, Verdict]:
    """The verdicts, where no one replaces a grade that must stay. `holders`: whose grades are, or will be, where."""
    return {
        entry: refuse_taken_place(entry, verdict, known.get(entry.user_id), holders[verdict.place], flow)
        if isinstance(verdict, Send) and verdict.place in holders
        else verdict
        for entry, verdict in verdicts.items()
    }


def refuse_taken_place(
    entry: Entry, send: Send, person: PersonFacts | None, holders: Collection[Holder], flow: int | None
) -> Verdict:
    for holder in holders:
        if person and person.pk == holder.participant:
            continue
        is_there = not holder.is_in_progress
        if holder.has_left and same_grade(holder.value) == same_grade(send.value):
            continue  # Learn shows what it showed
        if holder.flow == flow:
            if holder.alternative_grade and is_there:
                return Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER, holder.detail)  # R11
            return shared(send, [holder.user_id])
        if person and is_there and (ending := how_replaced(person, send.place)):
            # What was overwritten once stays so, also where the grade that is there now is not certain.
            is_certain = holder.is_certain or ending == OVERWRITTEN
            return Refused(Cause.REPLACED if is_certain else Cause.PERHAPS_REPLACED, holder.detail)
        if holder.alternative_grade and is_there and entry.is_correction:
            return Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER, holder.detail)  # R11
    return send


def refuse_unexported(
    verdicts: Mapping[Entry, Verdict],
    known: Mapping[str, PersonFacts],
    holders: Mapping[Place, Collection[Holder]],
    flow: int | None,
    exported: Collection[tuple[int, Place, str]],
) -> dict[Entry, Verdict]:
    """The verdicts on what someone here sends: it replaces another flow's grade only as WISEflow was to do already, by
    `exported`. Else one person who maps a flow and retries could decide what a grade in Learn becomes.
    """
    kept = dict(verdicts)
    for entry, verdict in verdicts.items():
        if not isinstance(verdict, Send) or verdict.place not in holders:
            continue
        person = known.get(entry.user_id)
        if person and (is_approved(entry, person) or (person.pk, verdict.place, verdict.value) in exported):
            continue
        for holder in holders[verdict.place]:
            is_other = holder.flow != flow and not holder.is_in_progress
            if is_other and same_grade(holder.value) != same_grade(verdict.value):
                kept[entry] = Refused(Cause.SAME_LEARN_USER_ELSEWHERE, holder.detail)
    return kept


def how_replaced(person: PersonFacts, place: Place) -> str:
    """How another person's grade followed this one's there, so that sending it again would replace that one in turn:
    OVERWRITTEN or DOUBTED. Empty: none did.
    """
    latest = next((grade for grade in person.grades if grade.place == place), None)
    return latest.ended_as if latest is not None and latest.ended_as in (OVERWRITTEN, DOUBTED) else ""


OVERWRITTEN, DOUBTED = "OVERWRITTEN", "DOUBTED"


def shared(send: Send, others: Sequence[str]) -> Refused:
    return Refused(Cause.SAME_LEARN_USER, {"learn_user_id": send.learn_user_id, "others": list(others[:MAX_OTHERS])})


MAX_OTHERS = 20  # students in one detail
