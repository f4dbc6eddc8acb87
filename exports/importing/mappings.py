"""Which grade column a flow's grades go to, with what is known of flow, course and column; many flows at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import time
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.spreadsheets import cells
from common.spreadsheets.files import quoted
from common.spreadsheets.plans import (
    Change,
    ConsistencyRule,
    ExistingValues,
    Key,
    Line,
    Plan,
    Problem,
    Values,
    chunks,
    compare,
    key_of,
)
from common.spreadsheets.sheets import Column, Sheet, refuse
from common.spreadsheets.storing import store
from courses.grades_journey.items import ItemType
from courses.models import Course, GradeColumn, GradeSchema
from exports.importing import mapping_notes
from exports.importing.flow_ids import read_flow_id
from exports.mapping import locking, rescaling
from exports.mapping.locking import Delivered
from exports.models import ColumnMapping, Flow, Translation

LOCKED = ("course_id", "column_name", "translation")  # the mapping itself; the rest is of flow, course and column

OF_FLOW = ConsistencyRule(
    about=("flow_id",), columns=("flow_title", "synchronised_at", "assessment_ends_at", "instant_export")
)
OF_COURSE = ConsistencyRule(about=("course_id",), columns=("course_experience",))
OF_COLUMN = ConsistencyRule(about=("course_id", "column_name"), columns=("item_type", "points", "grade_schema"))


class MappingSheet(Sheet):
    """All mappings; for an export those of some flows, by primary key.

    A column that the file does not have is left as it is, in a new row at its default.
    """

    what = _("column mappings")
    models = (ColumnMapping, Flow, Course, GradeColumn, GradeSchema)
    columns = (
        Column("flow_id", read_flow_id, _("The flow's id in WISEflow."), required=True, path="flow__flow_id"),
        Column("flow_title", cells.text(Flow, "title"), _("The flow's title."), path="flow__title"),
        Column(
            "source_code",
            cells.identifier(ColumnMapping, "source_code"),
            _("A SIS source such as UNIwise||001||2021. Empty: every other source."),
        ),
        Column(
            "course_id",
            cells.identifier(Course, "course_id"),
            _("The course id in Learn (batch uid)."),
            required=True,
            path="grade_column__course__course_id",
        ),
        Column(
            "course_experience",
            cells.choice(Course.Experience, empty=Course.Experience.ULTRA),
            _("ULTRA or ORIGINAL. Empty: ULTRA."),
            path="grade_column__course__experience",
        ),
        Column(
            "column_name",
            cells.text(GradeColumn, "name"),
            _("The name of the grade column in Learn."),
            required=True,
            path="grade_column__name",
        ),
        Column(
            "item_type",
            cells.choice(GradeColumn.ItemType, empty=GradeColumn.ItemType.MANUAL_COLUMN),
            _("MANUAL_COLUMN, ASSIGNMENT, TEST or another of Learn's types. Empty: MANUAL_COLUMN."),
            path="grade_column__item_type",
        ),
        Column(
            "points",
            cells.number(least=0.0001, most=1_000_000, empty=100.0),
            _("The points possible, with a decimal point. Empty: 100."),
            path="grade_column__points",
        ),
        Column(
            "grade_schema",
            cells.text(GradeSchema, "title"),
            _("The title of the grade schema in Learn. Empty: none."),
            path=Coalesce("grade_column__grade_schema__title", Value("")),
        ),
        Column(
            "synchronised_at",
            cells.moment(time_of_day=time.min),
            _(
                "When the flow was synchronised with the student system (ISO 8601, such as 2026-05-31T12:00). "
                "No grades are sent while this is empty."
            ),
            path="flow__synchronised_at",
        ),
        Column(
            "assessment_ends_at",
            cells.moment(time_of_day=time(23, 59, 59)),  # it ends with that day, not before it
            _(
                "When the assessment period ends (ISO 8601). A date without a time means the end of that day. "
                "Empty: exports are accepted at any time."
            ),
            path="flow__assessment_ends_at",
        ),
        Column("instant_export", cells.yes_or_no, _("true or false. Empty: false."), path="flow__instant_export"),
        Column(
            "translation",
            cells.text(Translation, "name"),
            _("The name of an existing translation. Empty: grades are sent unchanged."),
            path=Coalesce("translation__name", Value("")),
        ),
    )
    rules = (ConsistencyRule(about=("flow_id", "source_code"), columns=LOCKED), OF_FLOW, OF_COURSE, OF_COLUMN)

    def __init__(self, flows: Collection[int] | None = None) -> None:
        self.flows = flows

    def lock(self, lines: Sequence[Line]) -> None:
        """The flows, in the order of their keys as everywhere, so that no two transactions wait for each other. An
        export that is being recorded uses the old mapping or the new one, not half of each.
        """
        pks: set[int] = set()
        for some in chunks(line.values["flow_id"] for line in lines):
            pks.update(Flow.objects.filter(flow_id__in=some).values_list("pk", flat=True))
        for some in chunks(pks):
            list(Flow.objects.filter(pk__in=some).order_by("pk").select_for_update().values_list("pk"))

    def plan(self, lines: Sequence[Line]) -> Plan:
        """What the lines would change. Writes nothing. Raises ImportRefused for mappings that are locked, translations
        that are not there, item types that the course cannot have, and dates that cannot be meant.
        """
        shared = find_existing(lines)
        found = compare(lines, self.existing(lines), self.key, shared)
        problems = [*find_unknown_translations(lines), *find_types_not_in_ultra(lines, shared), *find_locked(found)]
        refuse([*problems, *mapping_notes.find_far_synchronisations(found)])
        return found

    def rows(self) -> Iterator[Sequence[Any]]:
        mappings = ColumnMapping.objects.order_by("flow__flow_id", "source_code")
        return iter((mappings if self.flows is None else mappings.filter(flow__in=self.flows)).values_list(*self.paths))

    def apply(self, plan: Plan, *, by: User | None = None) -> None:
        """Write what the plan adds and changes, with history; also over rows that someone else has just made.

        A mapping that was unlocked is locked again once it has changed.
        """
        lines = plan.to_write
        if not lines:
            return
        titles = {title for line in lines if (title := line.values.get("grade_schema"))}
        schemas = store(GradeSchema, {(title,): {} for title in sorted(titles)}, key=["title"], by=by)
        courses = store(
            Course, {(line.values["course_id"],): of_course(line) for line in lines}, key=["course_id"], by=by
        )
        columns = store(
            GradeColumn,
            {
                (courses[line.values["course_id"],], line.values["column_name"]): of_column(line, schemas)
                for line in lines
            },
            key=["course_id", "name"],
            by=by,
        )
        flows = store(Flow, {(line.values["flow_id"],): of_flow(line) for line in lines}, key=["flow_id"], by=by)
        translations = find_translations(name for line in lines if (name := line.values.get("translation")))
        store(
            ColumnMapping,
            {
                (flows[line.values["flow_id"],], line.values.get("source_code", "")): {
                    "grade_column_id": columns[courses[line.values["course_id"],], line.values["column_name"]],
                    **of_mapping(line, translations),
                }
                for line in lines
            },
            key=["flow_id", "source_code"],
            by=by,
        )
        moved = [change.line for change in plan.changed if not change.differences.keys().isdisjoint(LOCKED)]
        locking.lock_again([flows[line.values["flow_id"],] for line in [*plan.added, *moved]], by=by)

    def notes(self, plan: Plan) -> list[str]:
        """What becomes of grades that were delivered by mappings that change or are new, or to columns that
        change; dates, names and columns to check.
        """
        moved = [(change.line, delivered) for change, delivered, _unlocked in find_moved(plan)]
        taken = [(line, delivered) for line, delivered, _unlocked in find_taken(plan)]
        return [
            *(mapping_notes.of_flow(line.row, theirs.flow_id, theirs.consequence()) for line, theirs in moved + taken),
            *(mapping_notes.of_row(line.row, sentence) for line, sentence in find_rescaled(plan)),
            *mapping_notes.find_not_sent(plan),
            *mapping_notes.find_doubtful_dates(plan),
            *mapping_notes.find_alike(plan.to_write),
        ]


def find_existing(lines: Sequence[Line]) -> list[ExistingValues]:
    """What is there of the lines' flows, courses and columns, whether they are mapped or not."""
    flows: dict[Key, Values] = {}
    courses: dict[Key, Values] = {}
    columns: dict[Key, Values] = {}
    for some in chunks(line.values["flow_id"] for line in lines):
        known = Flow.objects.filter(flow_id__in=some).order_by()
        for flow_id, *row in known.values_list("flow_id", "title", *OF_FLOW.columns[1:]):
            flows[flow_id,] = dict(zip(OF_FLOW.columns, row, strict=True))
    wanted = {key_of(line, OF_COLUMN.about) for line in lines}
    for some in chunks(line.values["course_id"] for line in lines):
        for course_id, experience in Course.objects.filter(course_id__in=some).values_list("course_id", "experience"):
            courses[course_id,] = {"course_experience": experience}
        names = ("course__course_id", "name", "item_type", "points", "grade_schema__title")
        for *about, item_type, points, title in GradeColumn.objects.filter(course__course_id__in=some).values_list(
            *names
        ):
            if tuple(about) in wanted:
                columns[tuple(about)] = {"item_type": item_type, "points": points, "grade_schema": title or ""}
    return [(OF_FLOW, flows), (OF_COURSE, courses), (OF_COLUMN, columns)]


def find_types_not_in_ultra(lines: Iterable[Line], shared: Sequence[ExistingValues]) -> Iterator[Problem]:
    """By what the course and its column are to be: as the file says, else as they are now, else at their defaults."""
    _flows, (_of_course, courses), (_of_column, columns) = shared
    for line in lines:
        course_id, name = line.values["course_id"], line.values["column_name"]
        course = {"course_experience": Course.Experience.ULTRA, **courses.get((course_id,), {}), **line.values}
        column = {"item_type": ItemType.MANUAL_COLUMN, **columns.get((course_id, name), {}), **line.values}
        item_type = ItemType(column["item_type"])
        if course["course_experience"] == Course.Experience.ULTRA and not item_type.is_in_ultra:
            sentence = gettext("%(item_type)s exists only in Original courses, but %(course)s is an Ultra course.")
            yield Problem(line.row, "item_type", sentence % {"item_type": item_type, "course": course_id})


def find_unknown_translations(lines: Iterable[Line]) -> Iterator[Problem]:
    named = [line for line in lines if line.values.get("translation")]
    known = find_translations(line.values["translation"] for line in named)
    for line in named:
        if (name := line.values["translation"]) not in known:
            sentence = gettext("%(translation)s is not known. Add or import this translation first.")
            yield Problem(line.row, "translation", sentence % {"translation": quoted(name)})


def find_translations(names: Iterable[str]) -> dict[str, int]:
    return {
        name: pk
        for some in chunks(names)
        for name, pk in Translation.objects.filter(name__in=some).order_by().values_list("name", "pk")
    }


def find_locked(plan: Plan) -> Iterator[Problem]:
    for change, delivered, unlocked in find_moved(plan):
        if not unlocked:
            column = next(name for name in LOCKED if name in change.differences)
            yield Problem(change.line.row, column, delivered.refusal())
    for line, delivered, unlocked in find_taken(plan):
        if not unlocked:
            column = "source_code" if line.values.get("source_code") else "column_name"
            yield Problem(line.row, column, delivered.refusal())


def find_rescaled(plan: Plan) -> Iterator[tuple[Line, str]]:
    """The lines that give other points or another schema to a column with delivered grades, and what that means."""
    lines: dict[Key, Line] = {}
    columns: list[GradeColumn] = []
    changes = [change for change in plan.differing if not change.differences.keys().isdisjoint(rescaling.FIELDS)]
    titles = {title for change in changes if (title := schema_of(change))}
    schemas = {schema.title: schema for schema in GradeSchema.objects.filter(title__in=titles)} if titles else {}
    for change in changes:
        course_id, name = place = key_of(change.line, ("course_id", "column_name"))
        title, points = schema_of(change), {**change.before, **change.line.values}["points"]
        schema = (schemas.get(title) or GradeSchema(title=title)) if title else None
        if place not in lines:
            course = Course(course_id=course_id)
            columns.append(GradeColumn(course=course, name=name, points=points, grade_schema=schema))
        lines.setdefault(place, change.line)
    for place, sentence in rescaling.consequences(columns).items():
        yield lines[place], sentence


def schema_of(change: Change) -> str:
    """The title of the schema that the line's column is to have."""
    title: str = {**change.before, **change.line.values}["grade_schema"]
    return title


def find_moved(plan: Plan) -> Iterator[tuple[Change, Delivered, bool]]:
    """The changed mappings whose grades were delivered, with these grades, and whether their flow is unlocked."""
    moved = [change for change in plan.changed if not change.differences.keys().isdisjoint(LOCKED)]
    flows = find_flows(change.before["flow_id"] for change in moved)
    pks = [pk for pk, _unlocked in flows.values()]
    delivered = locking.find_delivered(pks) if pks else {}
    mapped = locking.find_targets(pks) if delivered else {}
    found = {pk: locking.by_mapping(theirs, mapped.get(pk, {})) for pk, theirs in delivered.items()}
    for change in moved:
        pk, unlocked = flows[change.before["flow_id"]]
        if theirs := found.get(pk, {}).get(change.before["source_code"]):
            yield change, theirs, unlocked


def find_taken(plan: Plan) -> Iterator[tuple[Line, Delivered, bool]]:
    """The sources mapped anew whose grades were delivered before, as `find_moved` has it."""
    flows = find_flows(line.values["flow_id"] for line in plan.added)
    added = {
        (flows[line.values["flow_id"]][0], line.values.get("source_code", "")): line
        for line in plan.added
        if line.values["flow_id"] in flows
    }
    targets = {
        source: (line.values["course_id"], line.values["column_name"], line.values.get("translation", ""))
        for source, line in added.items()
    }
    for source, theirs in locking.find_taken(targets).items():
        line = added[source]
        yield line, theirs, flows[line.values["flow_id"]][1]


def find_flows(flow_ids: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Primary key and whether its mapping is unlocked, of each flow that is there."""
    return {
        flow.flow_id: (flow.pk, locking.is_unlocked(flow))
        for some in chunks(flow_ids)
        for flow in Flow.objects.filter(flow_id__in=some).order_by()
    }


def of_course(line: Line) -> dict[str, Any]:
    return pick(line, {"course_experience": "experience"})


def of_column(line: Line, schemas: Mapping[Key, int]) -> dict[str, Any]:
    found = pick(line, {"item_type": "item_type", "points": "points", "grade_schema": "grade_schema_id"})
    if "grade_schema_id" in found:
        found["grade_schema_id"] = schemas.get((found["grade_schema_id"],))
    return found


def of_flow(line: Line) -> dict[str, Any]:
    names = ("synchronised_at", "assessment_ends_at", "instant_export")
    return pick(line, {"flow_title": "title", **{name: name for name in names}})


def of_mapping(line: Line, translations: Mapping[str, int]) -> dict[str, Any]:
    found = pick(line, {"translation": "translation_id"})
    return {field: translations.get(name) for field, name in found.items()}


def pick(line: Line, fields: Mapping[str, str]) -> dict[str, Any]:
    """The model's fields, as far as the file has their columns."""
    return {field: line.values[column] for column, field in fields.items() if column in line.values}
