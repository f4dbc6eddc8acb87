"""What a retry would do today, over many flows at once. Only reads, in a number of statements that does not grow."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from common.database.bulk import among
from exports.delivering.callers import callers_of, rules_of
from exports.delivering.holders import read_holders
from exports.delivering.judging import (
    PERSON_FIELDS,
    Judged,
    beside_others,
    facts_of,
    find_columns,
    find_grades,
    find_holds,
    find_open_deliveries,
    judge_alone,
)
from exports.delivering.resending import entries_by_flow
from exports.grades.facts import PersonFacts
from exports.models import Participant


def judge_again(people: Sequence[Participant], *, now: datetime) -> dict[int, Judged]:
    """By the primary keys of their flows, each judged as a retry of these people would be. Each has its `flow` read.

    The flows are judged beside what is in Learn now: what one of them would send is not there yet for the next.
    """
    flows = {person.flow_id: person.flow for person in people}
    known = known_people(people)
    rules = rules_of(callers_of(person for theirs in known.values() for person in theirs.values()))
    columns, holds = find_columns(flows), find_holds(flows)
    judged = {}
    for pk, entries in entries_by_flow(people).items():
        facts = facts_of(flows[pk], columns[pk], holds[pk], now, caller=None, rules=rules)
        judged[pk] = judge_alone(Counter(entries), known[pk], facts)
    places = set().union(*(each.places for each in judged.values()))
    if not places:
        return judged
    rows = read_holders(list(flows.values()), places)
    return {pk: beside_others(flows[pk], each, rows, is_by_person=True) for pk, each in judged.items()}


def known_people(people: Sequence[Participant]) -> Mapping[int, Mapping[str, PersonFacts]]:
    """What is known of them, by flow and user id."""
    pks = [person.pk for person in people]
    busy = next((person.flow for person in people if person.flow.queued_count), None)
    still_open = find_open_deliveries(busy, pks) if busy else {}
    grades = find_grades(Q(among("participant_id", pks)))
    known: dict[int, dict[str, PersonFacts]] = defaultdict(dict)
    for person in people:
        known[person.flow_id][person.user_id] = PersonFacts(
            **{name: getattr(person, name) for name in PERSON_FIELDS},
            grades=grades.get(person.pk, ()),
            open_deliveries=still_open.get(person.pk, ()),
        )
    return known
