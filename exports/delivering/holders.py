"""Who has a grade at a place in Learn, or is getting one there. Only reads."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.database.bulk import among
from exports.grades.conflicts import Holder
from exports.grades.facts import Place
from exports.models import Delivery, ExportAttempt, Flow, GradeInLearn, Participant


@dataclass(frozen=True, kw_only=True, slots=True)
class HolderRows:
    """By place: whose grades are there in Learn, and whose of some flows are being sent there. Of each of these people
    user id, flow and flow id, by primary key.
    """

    in_learn: Mapping[Place, Sequence[tuple[Any, ...]]]
    in_progress: Mapping[Place, Sequence[tuple[Any, ...]]]
    people: Mapping[int, tuple[str, int, str]]
    left_behind: Mapping[Place, Sequence[tuple[Any, ...]]] = field(default_factory=dict)  # by people who lead elsewhere
    held: Collection[Place] = ()  # where a grade is in Learn, or may be; also left behind, or said to be gone


def read_holders(flows: Collection[Flow], places: Collection[Place]) -> HolderRows:
    """Who is at any of these places: four statements, however many flows there are."""
    columns = ("course_id", "column_name", "learn_user_id", "participant_id", "value", "alternative_grade")
    in_learn: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
    left_behind: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
    in_progress: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
    if busy := [flow.pk for flow in flows if flow.queued_count]:  # first: what is recorded in between is seen twice
        users = among("learn_user_id", {place[2] for place in places})
        still_open = Delivery.objects.filter(users, state__in=Delivery.OPEN, participant__flow__in=busy).order_by()
        for *place, participant, value, code, source_code in still_open.values_list(*columns, "source_code"):
            if (where := tuple(place)) in places:
                in_progress[where].append((participant, value, code, source_code))
    grades, held = GradeInLearn.objects.in_learn().at_places(places).order_by(), set()
    for *place, participant, value, code, source_code, certainty, left_behind_at in grades.values_list(
        *columns, "source_code", "certainty", "left_behind_at"
    ):
        if (where := tuple(place)) not in places:
            continue
        held.add(where)
        is_certain = certainty == GradeInLearn.Certainty.CONFIRMED
        found = in_learn if left_behind_at is None else left_behind
        found[where].append((participant, value, code, source_code, is_certain))
    gone = GradeInLearn.objects.at_places(places).filter(ended_as=GradeInLearn.Ending.DEALT_WITH).order_by()
    held |= {place for place in gone.values_list(*columns[:3]) if place in places}
    named = {row[0] for found in (in_learn, left_behind, in_progress) for rows in found.values() for row in rows}
    holders = Participant.objects.filter(among("pk", named)).order_by() if named else Participant.objects.none()
    people = {
        pk: (user_id, flow, flow_id)
        for pk, user_id, flow, flow_id in holders.values_list("pk", "user_id", "flow_id", "flow__flow_id")
    }
    return HolderRows(in_learn=in_learn, left_behind=left_behind, in_progress=in_progress, people=people, held=held)


def who_left(rows: HolderRows, flow: Flow, places: Collection[Place]) -> Iterator[tuple[Place, Holder]]:
    """Whose grades of this flow are where they no longer lead: what Learn shows there stays, until someone has dealt
    with it.
    """
    for place in rows.left_behind.keys() & places:
        for participant, value, code, source_code, is_certain in rows.left_behind[place]:
            who = (participant, *rows.people[participant])
            if rows.people[participant][1] == flow.pk:
                yield place, Holder(*who, value, code, source_code, is_certain, has_left=True)


def find_exported(people: Collection[int], places: Collection[Place]) -> set[tuple[int, Place, str]]:
    """What exports from WISEflow were to send to these places before: participant, place and value."""
    if not people:
        return set()
    sent = Delivery.objects.filter(among("participant_id", people), attempt__trigger=ExportAttempt.Trigger.EXPORT)
    columns = ("participant_id", "value", "course_id", "column_name", "learn_user_id")
    rows = sent.exclude(state=Delivery.State.REFUSED).order_by().values_list(*columns)
    return {(participant, place, value) for participant, value, *where in rows if (place := tuple(where)) in places}
