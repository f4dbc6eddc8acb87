"""The mapping lock: once grades were delivered by a mapping, it stays as it is until an administrator unlocks it.

A grade that is in Learn does not move with its mapping: a retry or correction would go to the new column and leave
the old grade behind. So a mapping is locked while grades of the people who use it are in Learn, in whichever column
that was mapped when they were delivered, or are being sent there.

Call the checks inside a transaction that has locked the flow's row: an export that is being recorded is then either
seen, or waits and uses the new mapping. On SQLite the transaction itself is the lock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.database.bulk import among
from common.sentences import shortlist
from courses.models import GradeColumn
from exports.models import ColumnMapping, Delivery, ExportState, Flow, GradeInLearn, Participant

Place = tuple[str, str]  # course id, column name
Source = tuple[int, str]  # a flow's primary key, source code
Target = tuple[str, str, str]  # course id, column name, the translation's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Grades:
    """How many grades of one flow are in one column, and how many more are being sent there."""

    flow_id: str
    course_id: str
    column_name: str
    delivered: int = 0
    in_progress: int = 0

    def sentence(self) -> str:
        """`3 grades have been delivered to course BIO101, column Final`, without a full stop."""
        place = {"course": self.course_id, "column": self.column_name}
        found = []
        if self.delivered:
            delivered = ngettext(
                "%(count)s grade has been delivered to course %(course)s, column %(column)s",
                "%(count)s grades have been delivered to course %(course)s, column %(column)s",
                self.delivered,
            )
            found.append(delivered % {"count": intcomma(self.delivered), **place})
        if self.in_progress:
            being_sent = ngettext(
                "%(count)s grade is being sent to course %(course)s, column %(column)s",
                "%(count)s grades are being sent to course %(course)s, column %(column)s",
                self.in_progress,
            )
            found.append(being_sent % {"count": intcomma(self.in_progress), **place})
        return "; ".join(found)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Which grades are where, or are being sent there: those of one mapping, or all of a flow. There is one at least.

    A mapping that was moved has grades in several places.
    """

    places: tuple[Grades, ...]

    @property
    def flow_id(self) -> str:
        return self.places[0].flow_id

    def sentence(self) -> str:
        return "; ".join(grades.sentence() for grades in self.places)

    def refusal(self) -> str:
        """Why the mapping cannot be changed, and what to do."""
        return _("Locked: %(grades)s. An administrator can unlock the mapping on the flow's page.") % {
            "grades": self.sentence()
        }

    def consequence(self) -> str:
        """What a change of the mapping means for them."""
        text = ngettext(
            "%(grades)s. It stays there. A retry or correction goes to the column that is mapped at that time.",
            "%(grades)s. They stay there. Retries and corrections go to the column that is mapped at that time.",
            self.count,
        )
        return text % {"grades": self.sentence()}

    @property
    def count(self) -> int:
        return sum(grades.delivered + grades.in_progress for grades in self.places)


def find_delivered(flows: Collection[int]) -> dict[int, dict[str, Delivered]]:
    """By the flows' primary keys and the people's own sources. Three statements for many flows."""
    found: dict[int, dict[str, list[Grades]]] = defaultdict(lambda: defaultdict(list))
    for (flow, source_code, sources, *_place), grades in count_grades(flows, "source_code", SOURCES).items():
        found[flow][source_code or only_one(sources)].append(grades)
    return {
        flow: {source_code: together([Delivered(tuple(places))]) for source_code, places in by_source.items()}
        for flow, by_source in found.items()
    }


SOURCES = "participant__sources"


def only_one(sources: Collection[str]) -> str:
    """The source of a person who has one: they use it, whatever was known when the grade was sent."""
    return next(iter(sources)) if len(sources) == 1 else ""


def by_mapping(delivered: Mapping[str, Delivered], mapped: Collection[str]) -> dict[str, Delivered]:
    """A flow's grades by the source code of the mapping that their people use: their own, else the default's "".

    The default's are there even if there is no default: those of the people who have no mapping now.
    """
    found: dict[str, list[Delivered]] = defaultdict(list)
    for source_code, theirs in delivered.items():
        found[source_code if source_code in mapped else ""].append(theirs)
    return {source_code: together(parts) for source_code, parts in found.items()}


def together(parts: Iterable[Delivered]) -> Delivered:
    """Those of several sources, counted by place."""
    found: dict[Place, Grades] = {}
    for grades in (grades for part in parts for grades in part.places):
        before = found.get(place := (grades.course_id, grades.column_name))
        if before:
            delivered, in_progress = before.delivered + grades.delivered, before.in_progress + grades.in_progress
            found[place] = replace(before, delivered=delivered, in_progress=in_progress)
        else:
            found[place] = grades
    return Delivered(tuple(found[place] for place in sorted(found)))


def find_taken(added: Mapping[Source, Target]) -> dict[Source, Delivered]:
    """Delivered grades that the new mappings would redirect: those of people who now use the default mapping, or none.
    A source that is mapped as the default is redirects nothing.
    """
    if not added:
        return {}
    flows = {flow for flow, _source_code in added}
    mapped = find_targets(flows)
    taken: dict[Source, Delivered] = {}
    for flow, delivered in find_delivered(flows).items():
        before = mapped.get(flow, {})
        after = before.keys() | {source_code for of, source_code in added if of == flow}
        for source_code, theirs in by_mapping(delivered, after).items():
            target = added.get((flow, source_code))
            if target and source_code not in before and target != before.get(""):
                taken[flow, source_code] = theirs
    return taken


def find_targets(flows: Collection[int]) -> dict[int, dict[str, Target]]:
    """Where these flows' mappings lead, by source code."""
    found: dict[int, dict[str, Target]] = defaultdict(dict)
    columns = ("grade_column__course__course_id", "grade_column__name", "translation__name")
    mappings = ColumnMapping.objects.filter(among("flow_id", flows)).order_by()
    for flow, source_code, course_id, name, translation in mappings.values_list("flow_id", "source_code", *columns):
        found[flow][source_code] = (course_id, name, translation or "")
    return dict(found)


def count_grades(flows: Collection[int], *by: str) -> dict[tuple[Any, ...], Grades]:
    """By flow, the fields `by` that deliveries and grades in Learn have, course id and column name. A map counts by its
    keys.

    Those being sent are counted first: what arrives between the two is counted twice rather than not at all.
    """
    counts: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    queued = Participant.objects.filter(among("flow_id", flows), state=ExportState.QUEUED).order_by().values("pk")
    in_progress = Delivery.objects.filter(state__in=Delivery.OPEN, participant__in=queued)
    in_learn = GradeInLearn.objects.current().filter(among("participant__flow_id", flows))
    for place, rows in ((1, in_progress), (0, in_learn)):
        columns = ("participant__flow_id", *by, "course_id", "column_name")
        for *key, number in rows.order_by().values_list(*columns).annotate(Count("pk")):
            counts[tuple(tuple(part) if isinstance(part, dict) else part for part in key)][place] += number
    known = Flow.objects.filter(among("id", list({key[0] for key in counts}))).order_by()
    flow_ids = dict(known.values_list("pk", "flow_id"))
    return {
        key: Grades(
            flow_id=flow_ids[key[0]],
            course_id=key[-2],
            column_name=key[-1],
            delivered=delivered,
            in_progress=in_progress,
        )
        for key, (delivered, in_progress) in counts.items()
    }


def place_of(column: GradeColumn) -> Place:
    return column.course.course_id, column.name


def grades_of(flow: Flow) -> Delivered | None:
    """All that was delivered of the flow, whichever mapping its people use. None: nothing is locked."""
    return all_of(find_delivered([flow.pk]).get(flow.pk, {}))


def all_of(delivered: Mapping[str, Delivered]) -> Delivered | None:
    """The same of what was found by source."""
    return together(delivered.values()) if delivered else None


def grades_by_mapping(flow: Flow, delivered: Mapping[str, Delivered] | None = None) -> dict[int, Delivered]:
    """Of each mapping of the flow, by primary key, whose grades were `delivered`, as found by source; None: now."""
    mappings = dict(ColumnMapping.objects.filter(flow=flow).values_list("source_code", "pk"))
    found = by_mapping(find_delivered([flow.pk]).get(flow.pk, {}) if delivered is None else delivered, mappings)
    return {mappings[source_code]: theirs for source_code, theirs in found.items() if source_code in mappings}


def is_unlocked(flow: Flow) -> bool:
    return flow.mapping_unlocked_at is not None


def lock_flows_mapped_to(columns: Collection[GradeColumn]) -> list[Flow]:
    """Lock the flows' rows, before those of the columns, as everything does that locks both."""
    mapped = ColumnMapping.objects.filter(grade_column__in=[column.pk for column in columns]).order_by().values("flow")
    return list(Flow.objects.filter(pk__in=mapped).order_by("pk").select_for_update())


def refuse_renaming(columns: Collection[GradeColumn]) -> list[Delivered]:
    """What is in these columns by mappings that are locked: while there is any, the columns keep name and course.

    Locks the rows of the flows concerned.
    """
    flows = lock_flows_mapped_to(columns)
    places = {place_of(column) for column in columns}
    locked = count_grades([flow.pk for flow in flows if not is_unlocked(flow)])
    return [Delivered((grades,)) for (_flow, *place), grades in locked.items() if tuple(place) in places]


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """A flow that has a translation in its mapping, and what was delivered by that mapping."""

    flow: int
    translation: int
    unlocked: bool
    delivered: Delivered

    def consequence(self) -> str:
        """What a change of the translation means for them."""
        text = ngettext(
            "Flow %(flow)s: %(grades)s. It keeps its value. A retry or correction uses the changed translation.",
            "Flow %(flow)s: %(grades)s. They keep their values. Retries and corrections use the changed translation.",
            self.delivered.count,
        )
        return text % {"flow": self.delivered.flow_id, "grades": self.delivered.sentence()}


def find_uses(translations: Collection[int]) -> list[Use]:
    """Where grades were delivered by these translations. Five statements for many translations and flows."""
    chosen = ColumnMapping.objects.filter(among("translation_id", translations)).order_by("flow_id", "source_code")
    used = list(chosen.values_list("translation_id", "flow_id", "source_code"))
    if not used:
        return []
    flows = {flow for _translation, flow, _source_code in used}
    mapped, delivered = find_targets(flows), find_delivered(flows)
    unlocked = Flow.objects.filter(among("id", flows), mapping_unlocked_at__isnull=False).order_by()
    unlocked_flows = set(unlocked.values_list("pk", flat=True))
    found: dict[tuple[int, int], list[Delivered]] = defaultdict(list)
    for translation, flow, source_code in used:
        if theirs := by_mapping(delivered.get(flow, {}), mapped.get(flow, {})).get(source_code):
            found[translation, flow].append(theirs)
    return [
        Use(flow=flow, translation=translation, unlocked=flow in unlocked_flows, delivered=together(parts))
        for (translation, flow), parts in found.items()
    ]


def lock_flows_using(translations: Collection[int]) -> None:
    """Lock the flows' rows, before those of the translations, as everything does that locks both."""
    mapped = ColumnMapping.objects.filter(among("translation_id", translations)).order_by().values("flow")
    list(Flow.objects.filter(pk__in=mapped).order_by("pk").select_for_update().values_list("pk"))


def refuse_translating(uses: Iterable[Use]) -> str:
    """Why the lines of a translation and its rule for marks cannot be changed; "" where they can."""
    flows = [use.delivered.flow_id for use in uses if not use.unlocked]
    if not flows:
        return ""
    text = ngettext(
        "Locked: grades of flow %(flows)s have been delivered with this translation. You can add lines for other "
        "grades. For anything else, make a new translation, or have an administrator unlock the mapping of the flow.",
        "Locked: grades of flows %(flows)s have been delivered with this translation. You can add lines for other "
        "grades. For anything else, make a new translation, or have an administrator unlock the mappings of the flows.",
        len(flows),
    )
    return text % {"flows": shortlist(flows)}


def unlock(flow: Flow) -> None:
    """Let the flow's mapping be changed once."""
    flow.mapping_unlocked_at = timezone.now()
    flow.save(update_fields=["mapping_unlocked_at"])


def lock_again(flows: Collection[int], *, by: User | None = None) -> None:
    """The mapping was changed: these flows, by primary key, are locked again. `by` None: whoever makes the request."""
    for flow in Flow.objects.filter(among("id", flows), mapping_unlocked_at__isnull=False).order_by("pk"):
        flow.mapping_unlocked_at = None
        if by:
            setattr(flow, "_history_user", by)  # noqa: B010  read by django-simple-history
        flow.save(update_fields=["mapping_unlocked_at"])
