"""The mapping lock: once grades were delivered by a mapping, it stays as it is until an administrator unlocks it.

A grade that stands in Learn does not move with its mapping: a retry or correction would go to the new column and leave
the old grade behind. So a mapping is locked while a grade of its flow stands in its column, or is on its way there.

Call the checks inside a transaction that has locked the flow's row: an export that is being recorded is then either
seen, or waits and goes by the new mapping. On SQLite the transaction itself is the lock.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count
from django.utils import timezone

from courses.models import GradeColumn
from exports.models import ColumnMapping, Delivery, ExportState, Flow, Participant
from exports.models.bulk import among

Place = tuple[str, str]  # course id, column name
Source = tuple[int, str]  # a flow's primary key, source code
Target = tuple[str, str, str]  # course id, column name, the translation's name

WHAT_TO_DO = "An administrator can unlock the mapping on the flow's page first."


@dataclass(frozen=True, kw_only=True, slots=True)
class Grades:
    """How many grades of one flow stand in one column, and how many more are on their way there."""

    flow_id: str
    course_id: str
    column_name: str
    delivered: int = 0
    on_their_way: int = 0

    def sentence(self) -> str:
        """`3 grades stand in course BIO101, column Final`."""
        verbs = [
            f"{count} {'grade' if count == 1 else 'grades'} {one if count == 1 else many}"
            for count, one, many in (
                (self.delivered, "stands", "stand"),
                (self.on_their_way, "is on its way", "are on their way"),
            )
            if count
        ]
        place = f"course {self.course_id}, column {self.column_name}"
        if not self.delivered:
            return f"{verbs[0]} to {place}"
        return f"{verbs[0]} in {place}" + (f", and {verbs[1]} there" if self.on_their_way else "")

    def refusal(self) -> str:
        """Why the mapping cannot be changed, and what to do."""
        return f"{self.sentence()}, so this mapping is locked. {WHAT_TO_DO}"

    def consequence(self) -> str:
        """What a change of the mapping means for them."""
        them = "it stays" if self.delivered + self.on_their_way == 1 else "they stay"
        return f"{self.sentence()}; {them} there, and a retry or correction goes to the column that is mapped then."


def find_grades(flows: Collection[int]) -> dict[int, dict[Place, Grades]]:
    """What stands where, or is on its way there, by the flows' primary keys. Three statements for many flows."""
    found: dict[int, dict[Place, Grades]] = defaultdict(dict)
    for (flow, *_), grades in count_grades(flows).items():
        found[flow][grades.course_id, grades.column_name] = grades
    return dict(found)


def find_taken(added: Mapping[Source, Target]) -> dict[Source, Grades]:
    """What mappings that are to be added would take away from the default of their flow: the people's grades that were
    delivered by it. A source that is mapped as the default is takes nothing away.
    """
    flows = {flow for flow, source_code in added if source_code}
    if not flows:
        return {}
    columns = ("grade_column__course__course_id", "grade_column__name", "translation__name")
    mapped = ColumnMapping.objects.filter(among("flow_id", list(flows)), source_code="").order_by()
    defaults = {
        flow: (course_id, name, translation or "")
        for flow, course_id, name, translation in mapped.values_list("flow_id", *columns)
    }
    counts = count_grades(list(defaults), "source_code") if defaults else {}
    return {
        (flow, source_code): counts[flow, source_code, *default[:2]]
        for (flow, source_code), target in added.items()
        if (default := defaults.get(flow)) and default != target and (flow, source_code, *default[:2]) in counts
    }


def count_grades(flows: Collection[int], *by: str) -> dict[tuple[Any, ...], Grades]:
    """By flow, the participants' fields `by`, course id and column name.

    Those on their way are counted first: what arrives between the two is counted twice rather than not at all.
    """
    counts: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    people = Participant.objects.filter(among("flow_id", flows)).order_by()
    queued = people.filter(state=ExportState.QUEUED).values("pk")
    travelling = Delivery.objects.filter(state__in=Delivery.OPEN, participant__in=queued).order_by()
    theirs = [f"participant__{name}" for name in ("flow_id", *by)]
    for *key, number in travelling.values_list(*theirs, "course_id", "column_name").annotate(Count("pk")):
        counts[tuple(key)][1] = number
    standing = people.filter(exported_at__isnull=False).exclude(exported_column_name="")  # whose column is not deleted
    place = ("exported_course_id", "exported_column_name")
    for *key, number in standing.values_list("flow_id", *by, *place).annotate(Count("pk")):
        counts[tuple(key)][0] = number
    known = Flow.objects.filter(among("id", list({key[0] for key in counts}))).order_by()
    flow_ids = dict(known.values_list("pk", "flow_id"))
    return {
        key: Grades(
            flow_id=flow_ids[key[0]],
            course_id=key[-2],
            column_name=key[-1],
            delivered=delivered,
            on_their_way=on_their_way,
        )
        for key, (delivered, on_their_way) in counts.items()
    }


def place_of(column: GradeColumn) -> Place:
    return column.course.course_id, column.name


def grades_by_mapping(flow: Flow) -> dict[int, Grades]:
    """Of each mapping of the flow, by primary key, whose grades were delivered: what stands in its column."""
    places = find_grades([flow.pk]).get(flow.pk, {})
    mappings = ColumnMapping.objects.filter(flow=flow).select_related("grade_column__course")
    return {mapping.pk: places[place] for mapping in mappings if (place := place_of(mapping.grade_column)) in places}


def is_unlocked(flow: Flow) -> bool:
    return flow.mapping_unlocked_at is not None


def refuse_renaming(columns: Collection[GradeColumn]) -> list[Grades]:
    """What stands in these columns by mappings that are locked: while there is any, the columns keep name and course.

    Locks the rows of the flows concerned.
    """
    pks = [column.pk for column in columns]
    mapped = ColumnMapping.objects.filter(grade_column__in=pks).order_by().values("flow")
    flows = list(Flow.objects.filter(pk__in=mapped).order_by("pk").select_for_update())
    locked = find_grades([flow.pk for flow in flows if not is_unlocked(flow)])
    places = {place_of(column) for column in columns}
    return [grades for found in locked.values() for place, grades in found.items() if place in places]


def unlock(flow: Flow) -> None:
    """Let the flow's mapping be changed once."""
    flow.mapping_unlocked_at = timezone.now()
    flow.save(update_fields=["mapping_unlocked_at"])


def lock_again(flows: Collection[int], *, by: User | None = None) -> None:
    """The mapping was changed: these flows, by primary key, are locked again. `by` None: whoever makes the request."""
    for flow in Flow.objects.filter(among("id", flows), mapping_unlocked_at__isnull=False):
        flow.mapping_unlocked_at = None
        if by:
            setattr(flow, "_history_user", by)  # noqa: B010  read by django-simple-history
        flow.save(update_fields=["mapping_unlocked_at"])
