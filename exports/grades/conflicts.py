"""What the grades of a body mean for each other, and for grades that are in Learn already, as pure functions.

One grade a place: whoever would set another person's grade aside is refused within a flow. Across flows (a resit) the
later grade replaces the earlier one, once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.sentences import shortlist
from exports.grades.causes import Cause
from exports.grades.facts import Entry, PersonFacts, Place, Refused, Send, Verdict


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose grade is at a place in Learn, or on its way there."""

    participant: int
    user_id: str
    flow: int
    flow_id: str
    value: str
    alternative_grade: str = ""
    source_code: str = ""
    is_certain: bool = True  # Learn has confirmed it
    is_on_its_way: bool = False

    def sentence(self) -> str:
        """`B of person 1001 in flow 77`."""
        doubt = "" if self.is_certain else "perhaps "
        return f"{doubt}{self.value} of person {self.user_id} in flow {self.flow_id}"


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
        if len({(entry.mark, entry.alternative_grade) for entry in entries}) > 1:
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
    found = [same for same in said.values() if len(same) > 1]
    found += [theirs for theirs in people.values() if len({entry.learn_user_id for entry in theirs}) > 1]
    return set().union(*found)


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
        is_there = not holder.is_on_its_way
        if holder.flow == flow:
            if holder.alternative_grade and is_there:
                return Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER, holder.sentence())  # R11
            return shared(send, [holder.user_id])
        if person and is_there and was_replaced(person, send.place):
            cause = Cause.REPLACED if holder.is_certain else Cause.PERHAPS_REPLACED
            return Refused(cause, holder.sentence())
        if holder.alternative_grade and is_there and entry.is_correction:
            return Refused(Cause.ALTERNATIVE_GRADE_OF_ANOTHER, holder.sentence())  # R11
    return send


def was_replaced(person: PersonFacts, place: Place) -> bool:
    """Whether another person's grade followed this one's there: sending it again would replace that one in turn."""
    latest = next((grade for grade in person.grades if grade.place == place), None)
    return latest is not None and latest.ended_as in REPLACED


REPLACED = ("OVERWRITTEN", "DOUBTED")


def shared(send: Send, others: Sequence[str]) -> Refused:
    people = "does person" if len(others) == 1 else "do people"
    return Refused(Cause.SAME_LEARN_USER, f"{send.learn_user_id}, as {people} {shortlist(others, most=MOST_OTHERS)}")


MOST_OTHERS = 3  # people in one sentence
