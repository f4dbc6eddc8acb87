"""Where people lead to in Learn today: who has a grade elsewhere, and who shares a place with someone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from common.database.bulk import among, update
from common.sentences import shortlist
from exports.delivering import recording
from exports.delivering.callers import callers_of
from exports.delivering.judging import PERSON_FIELDS, find_grades, flow_facts
from exports.grades.causes import Cause
from exports.grades.facts import BY_HAND, Entry, FlowFacts, PersonFacts, Place, PlacedGrade
from exports.grades.rules import added_by, by_source, case_of
from exports.grades.sentences import places_named
from exports.models import ExportState, Flow, GradeInLearn, Participant


def find_people(flow: Flow) -> dict[str, PersonFacts]:
    """All participants of the flow with their grades in Learn, by user id."""
    grades = find_grades(Q(participant__flow=flow, is_in_learn=True))
    people = Participant.objects.filter(flow=flow).order_by().values_list("user_id", *PERSON_FIELDS)
    return {
        user_id: PersonFacts(**dict(zip(PERSON_FIELDS, row, strict=True)), grades=grades.get(row[0], ()))
        for user_id, *row in people
    }


def find_people_of(flows: Collection[int]) -> dict[int, dict[str, PersonFacts]]:
    """All participants of these flows by flow and user id, without their grades."""
    found: dict[int, dict[str, PersonFacts]] = {flow: {} for flow in flows}
    people = Participant.objects.filter(among("flow_id", flows)).order_by()
    for flow, user_id, *row in people.values_list("flow_id", "user_id", *PERSON_FIELDS):
        found[flow][user_id] = PersonFacts(**dict(zip(PERSON_FIELDS, row, strict=True)))
    return found


def leads_to(user_id: str, person: PersonFacts, facts: FlowFacts) -> set[Place | None]:
    """The places where the person's grades would go. None among them: one of them is unknown."""
    parts = by_source(Entry(user_id=user_id), person, facts)
    return {case_of(part, person, facts).place for part in parts if added_by(part, person) != BY_HAND}


def destinations(participant: Participant) -> list[Place]:
    """Where the participant's grades would go today: by course, column and Learn user. Without what is not known."""
    person = PersonFacts(**{name: getattr(participant, name) for name in PERSON_FIELDS})
    facts = flow_facts(participant.flow, timezone.localtime(), None, callers=callers_of([person]))
    return sorted(place for place in leads_to(participant.user_id, person, facts) if place)


def homes(source_code: str, user_id: str, person: PersonFacts, facts: FlowFacts) -> set[Place | None]:
    """Where a grade of this source would go; one without a source to any place of the person. Empty: nowhere (R8)."""
    if not source_code:
        return leads_to(user_id, person, facts)
    part = Entry(user_id=user_id, source_code=source_code)
    return set() if added_by(part, person) == BY_HAND else {case_of(part, person, facts).place}


@dataclass(frozen=True, kw_only=True, slots=True)
class Whereabouts:
    """Which of the grades of a person, of those in Learn, are where the person leads to."""

    at_home: list[PlacedGrade]
    elsewhere: list[PlacedGrade]  # another row has the same grade at home, or an older one is not at home either
    misplaced: list[PlacedGrade]  # the latest of its source, and no row has the same grade at home

    @property
    def came_back(self) -> list[PlacedGrade]:
        return [grade for grade in self.at_home if grade.is_left_behind]

    @property
    def left(self) -> list[PlacedGrade]:
        return [grade for grade in self.misplaced + self.elsewhere if not grade.is_left_behind]


def whereabouts(user_id: str, person: PersonFacts, facts: FlowFacts) -> Whereabouts:
    """Source by source. What would go nowhere, or to an unknown place, is at home where it is."""
    found = Whereabouts(at_home=[], elsewhere=[], misplaced=[])
    by_code: dict[str, list[PlacedGrade]] = defaultdict(list)
    for grade in person.grades:
        by_code[grade.source_code].append(grade)
    for source_code, grades in by_code.items():
        places = homes(source_code, user_id, person, facts)
        if not places or None in places:
            continue
        latest = grades[0]
        home = [grade for grade in grades if grade.place in places and is_alike(grade, latest)]
        others = [grade for grade in grades if grade not in home]
        found.at_home.extend(home)
        if not home:
            found.misplaced.append(others.pop(0))
        found.elsewhere.extend(others)
    return found


def is_alike(one: PlacedGrade, other: PlacedGrade) -> bool:
    return (one.mark, one.alternative_grade, one.is_certain) == (other.mark, other.alternative_grade, other.is_certain)


Sharing = tuple[str, list[str]]  # a Learn user, and the user ids of the people who lead to it


def sharing(people: Mapping[str, PersonFacts], facts: FlowFacts) -> list[Sharing]:
    """Who leads to one place with someone else. Without a mapping, one Learn user is enough."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for user_id, person in people.items():
        if facts.has_roster and not person.on_roster:
            continue  # refused whatever happens (R8)
        if facts.columns:
            for place in leads_to(user_id, person, facts) - {None}:
                found[place or ()].append(user_id)
            continue
        learn_user_id = case_of(Entry(user_id=user_id), person, facts).learn_user_id
        if learn_user_id and not is_by_hand(user_id, person, facts):
            found["", "", learn_user_id].append(user_id)
    shared = {(place[2], *sorted(user_ids)) for place, user_ids in found.items() if len(user_ids) > 1}
    return [(learn_user_id, user_ids) for learn_user_id, *user_ids in sorted(shared)]


def is_by_hand(user_id: str, person: PersonFacts, facts: FlowFacts) -> bool:
    """Whether no source of the person is exported (R8)."""
    return all(added_by(part, person) == BY_HAND for part in by_source(Entry(user_id=user_id), person, facts))


def follow_roster(flow: Flow, changed: Collection[int]) -> None:
    """After a roster import: people with a grade where they no longer lead are failed, until it is where it belongs.

    A retry sends it there. Whoever leads back to where the grade is, is exported again. What is being sent is left to
    its delivery.
    """
    if not GradeInLearn.objects.in_learn().filter(participant__flow=flow).exists():
        return
    people = find_people(flow)
    facts = flow_facts(flow, timezone.localtime(), None, callers=callers_of(people.values()))
    changes: dict[int, dict[str, Any]] = {}
    left, back, several = set[int](), set[int](), set[int]()
    for user_id, person in people.items():
        if person.pk is None or person.pk not in changed or not person.grades or person.state == ExportState.QUEUED:
            continue
        found = whereabouts(user_id, person, facts)
        left |= {grade.pk for grade in found.left}
        back |= {grade.pk for grade in found.came_back}
        if person.has_several_sources and (found.left or found.came_back):
            several.add(person.pk)
        if found.misplaced and person.state == ExportState.EXPORTED:
            why = {
                "cause": Cause.MISPLACED.value,
                "detail": {"places": [list(grade.place) for grade in found.misplaced]},
            }
            changes[person.pk] = {"state": ExportState.FAILED.value, **why, "failed_at": facts.now}
        elif is_exported_again(person, found):
            changes[person.pk] = {
                "state": ExportState.EXPORTED.value,
                "cause": "",
                "detail": {},
                "failed_at": person.failed_at,
            }
    update(Participant, changes)
    GradeInLearn.objects.filter(among("pk", left)).update(left_behind_at=timezone.now())
    GradeInLearn.objects.filter(among("pk", back)).update(left_behind_at=None)
    recording.refresh_states(several)


def is_exported_again(person: PersonFacts, found: Whereabouts) -> bool:
    """Whether it was only the place that was wrong, and it is right again."""
    if person.state != ExportState.FAILED or found.misplaced or not found.at_home:
        return False
    if person.cause == Cause.MISPLACED:
        return True
    return not person.has_several_sources and any(
        (grade.mark, grade.alternative_grade) == (person.mark, person.alternative_grade) and grade.is_certain
        for grade in found.came_back
    )


def roster_notes(flow: Flow, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a roster, whose people would have these values, means for grades that are in Learn, and for Learn users that
    people would share.
    """
    people = find_people(flow)
    callers = callers_of(people.values())
    facts = replace(flow_facts(flow, timezone.localtime(), None, callers=callers), has_roster=True)
    moved, back = [], []
    for row in rows:
        user_id = str(row["user_id"])
        person = replace(people.get(user_id, PersonFacts()), **{key: row[key] for key in CHANGED})
        people[user_id] = person
        if not person.on_roster:
            continue  # taken off: what is in Learn stays where it is
        where = whereabouts(user_id, person, facts)
        if where.misplaced:
            values = ", ".join(grade.value for grade in where.misplaced)
            moved.append(
                _("%(user_id)s (%(values)s is in Learn for %(places)s)")
                % {
                    "user_id": user_id,
                    "values": values,
                    "places": places_named([grade.place for grade in where.misplaced]),
                }
            )
        elif where.came_back:
            back.append(user_id)
    found = []
    if moved:
        found.append(
            _(
                "These participants would have another place in Learn: %(people)s. They become failed, and a retry "
                "sends the grade to the new place. Remove the old grade in Learn by hand."
            )
            % {"people": shortlist(moved, "; ")}
        )
    if back:
        found.append(
            _("The grades of these participants would be in the right place again: %(people)s.")
            % {"people": shortlist(back)}
        )
    if shared := sharing(people, facts):
        lines = [
            _("%(people)s (Learn user %(learn_user)s)") % {"people": shortlist(user_ids), "learn_user": learn_user}
            for learn_user, user_ids in shared
        ]
        found.append(
            _(
                "Several participants of this flow have the same Learn user: %(people)s. Their grades are refused "
                "until each of them has their own Learn user."
            )
            % {"people": shortlist(lines, "; ")}
        )
    return found


CHANGED = ("learn_user_id", "sources", "added_by", "on_roster")
