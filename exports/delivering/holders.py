"""Who has a grade at a place in Learn, or is getting one there. Only reads."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.database.bulk import among
from exports.grades.facts import Place
from exports.models import Delivery, Flow, GradeInLearn, Participant


@dataclass(frozen=True, kw_only=True, slots=True)
class HolderRows:
    """By place: whose grades are there in Learn, and whose of some flows are being sent there. Of each of these people
    user id, flow and flow id, by primary key.
    """

    in_learn: Mapping[Place, Sequence[tuple[Any, ...]]]
    in_progress: Mapping[Place, Sequence[tuple[Any, ...]]]
    people: Mapping[int, tuple[str, int, str]]
    held: Collection[Place] = ()  # where a grade is in Learn, or may be; also one that was left behind


def read_holders(flows: Collection[Flow], places: Collection[Place]) -> HolderRows:
    """Who is at any of these places: three statements, however many flows there are."""
    columns = ("course_id", "column_name", "learn_user_id", "participant_id", "value", "alternative_grade")
    in_learn: dict[Place, list[tuple[Any, ...]]] = defaultdict(list)
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
        if left_behind_at is None:
            is_certain = certainty == GradeInLearn.Certainty.CONFIRMED
            in_learn[where].append((participant, value, code, source_code, is_certain))
    named = {row[0] for found in (in_learn, in_progress) for rows in found.values() for row in rows}
    holders = Participant.objects.filter(among("pk", named)).order_by() if named else Participant.objects.none()
    people = {
        pk: (user_id, flow, flow_id)
        for pk, user_id, flow, flow_id in holders.values_list("pk", "user_id", "flow_id", "flow__flow_id")
    }
    return HolderRows(in_learn=in_learn, in_progress=in_progress, people=people, held=held)
