"""Which grade column a flow's grades go to, with what is known of flow, course and column; many flows at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from common.spreadsheets import cells, files
from common.spreadsheets.files import ImportRefused, quoted
from common.spreadsheets.plans import (
    Change,
    Fact,
    Key,
    Line,
    Plan,
    Problem,
    Shared,
    Values,
    chunks,
    compare,
    key_of,
    read_lines,
)
from common.spreadsheets.sheets import Sheet, import_file
from common.spreadsheets.storing import store
from courses.grades_journey.items import ItemType
from courses.models import Course, GradeColumn, GradeSchema
from exports.mapping import locking, rescaling
from exports.mapping.locking import Delivered
from exports.models import ColumnMapping, Flow, Translation

# The file's columns. A column that the file does not have is left as it is, in a new row at its default; an empty cell
# means not known, or the default.
READERS: dict[str, cells.Reader] = {
    "flow_id": cells.text(Flow, "flow_id", required=True),
    "flow_title": cells.text(Flow, "title"),
    "source_code": cells.text(ColumnMapping, "source_code"),  # empty: every other source
    "course_id": cells.text(Course, "course_id", required=True),
    "course_experience": cells.choice(Course.Experience, empty=Course.Experience.ULTRA),
    "column_name": cells.text(GradeColumn, "name", required=True),
    "item_type": cells.choice(GradeColumn.ItemType, empty=GradeColumn.ItemType.MANUAL_COLUMN),
    "points": cells.number(least=0.0001, most=1_000_000, empty=100.0),
    "grade_schema": cells.text(GradeSchema, "title"),
    "synchronised_at": cells.moment(time_of_day=time.min),
    "assessment_ends_at": cells.moment(time_of_day=time(23, 59, 59)),  # it ends with that day, not before it
    "instant_export": cells.yes_or_no,
    "translation": cells.text(Translation, "name"),
}
REQUIRED = ("flow_id", "course_id", "column_name")
MEANINGS = {
    "flow_id": "The flow's id in WISEflow.",
    "flow_title": "The flow's title.",
    "source_code": "A SIS source such as UNIwise||001||2021. Empty: every other source.",
    "course_id": "The course's batch uid in Learn.",
    "course_experience": "ULTRA or ORIGINAL. Empty: ULTRA.",
    "column_name": "The grade column's name as it stands in Learn.",
    "item_type": "MANUAL_COLUMN, ASSIGNMENT, TEST or another of Learn's types. Empty: MANUAL_COLUMN.",
    "points": "Points possible, with a point for decimals. Empty: 100.",
    "grade_schema": "The title of the grade schema in Learn. Empty: none.",
    "synchronised_at": "ISO 8601, such as 2026-05-31T12:00. Empty: not yet, so nothing is exported.",
    "assessment_ends_at": "ISO 8601. A date alone ends with its day. Empty: not known, so WISEflow is trusted.",
    "instant_export": "true or false. Empty: false.",
    "translation": "The name of a translation that is there. Empty: grades are sent as they were given.",
}

KEY = ("flow_id", "source_code")
FACTS = (
    Fact(about=KEY, columns=("course_id", "column_name", "translation")),
    Fact(about=("flow_id",), columns=("flow_title", "synchronised_at", "assessment_ends_at", "instant_export")),
    Fact(about=("course_id",), columns=("course_experience",)),
    Fact(about=("course_id", "column_name"), columns=("item_type", "points", "grade_schema")),
)

# Where each column stands, seen from a mapping.
STANDING = {
    "flow_id": "flow__flow_id",
    "flow_title": "flow__title",
    "source_code": "source_code",
    "course_id": "grade_column__course__course_id",
    "course_experience": "grade_column__course__experience",
    "column_name": "grade_column__name",
    "item_type": "grade_column__item_type",
    "points": "grade_column__points",
    "grade_schema": "grade_column__grade_schema__title",
    "synchronised_at": "flow__synchronised_at",
    "assessment_ends_at": "flow__assessment_ends_at",
    "instant_export": "flow__instant_export",
    "translation": "translation__name",
}
LOCKED = ("course_id", "column_name", "translation")  # the mapping itself; the rest is of flow, course and column


def import_from(path: Path, *, by: User | None = None) -> Plan:
    """Import a file, all or nothing; returns what was done. Raises ImportRefused."""
    return import_file(sheet(), path, by=by)


def sheet(flows: Collection[int] | None = None) -> Sheet:
    """All mappings; for an export those of some flows, by primary key."""
    wanted = {} if flows is None else {"flow__in": flows}
    return Sheet(
        what="column mappings",
        columns=MEANINGS,
        required=REQUIRED,
        key=KEY,
        models=(Flow, ColumnMapping, Course, GradeColumn, GradeSchema),
        read=read,
        lock=lambda lines: lock_flows(line.values["flow_id"] for line in lines),
        plan=plan,
        apply=lambda plan, by: apply(plan, by=by),
        rows=lambda: (tuple(values.values()) for values in standing_values(**wanted)),
        notes=notes,
    )


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = files.read_rows(name, content, known=READERS, required=REQUIRED)
    return read_lines(rows, READERS, FACTS)


def plan(lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing. Raises ImportRefused for mappings that are locked, translations that
    nobody has made, and item types that the course cannot have.
    """
    standing: dict[Key, Values] = {}
    for flow_ids in chunks(line.values["flow_id"] for line in lines):
        for values in standing_values(flow__flow_id__in=flow_ids):
            standing[values["flow_id"], values["source_code"]] = values
    shared = find_shared(lines)
    found = compare(lines, standing, KEY, shared)
    if problems := [*find_unknown_translations(lines), *find_types_not_in_ultra(lines, shared), *find_locked(found)]:
        raise ImportRefused(*sorted(problems))
    return found


def find_shared(lines: Sequence[Line]) -> list[Shared]:
    """What stands of the lines' flows, courses and columns, whether they are mapped or not."""
    _of_mapping, of_flow, of_course, of_column = FACTS
    flows: dict[Key, Values] = {}
    courses: dict[Key, Values] = {}
    columns: dict[Key, Values] = {}
    for some in chunks(line.values["flow_id"] for line in lines):
        known = Flow.objects.filter(flow_id__in=some).order_by()
        for flow_id, *row in known.values_list("flow_id", "title", *of_flow.columns[1:]):
            flows[flow_id,] = dict(zip(of_flow.columns, row, strict=True))
    wanted = {key_of(line, of_column.about) for line in lines}
    for some in chunks(line.values["course_id"] for line in lines):
        for course_id, experience in Course.objects.filter(course_id__in=some).values_list("course_id", "experience"):
            courses[course_id,] = {"course_experience": experience}
        names = ("course__course_id", "name", "item_type", "points", "grade_schema__title")
        for *about, item_type, points, title in GradeColumn.objects.filter(course__course_id__in=some).values_list(
            *names
        ):
            if tuple(about) in wanted:
                columns[tuple(about)] = {"item_type": item_type, "points": points, "grade_schema": title or ""}
    return [(of_flow, flows), (of_course, courses), (of_column, columns)]


def standing_values(**wanted: Any) -> Iterator[dict[str, Any]]:
    """Mappings as rows of a file."""
    mappings = ColumnMapping.objects.filter(**wanted).order_by("flow__flow_id", "source_code")
    for row in mappings.values_list(*STANDING.values()):
        values = dict(zip(STANDING, row, strict=True))
        yield values | {name: values[name] or "" for name in ("grade_schema", "translation")}


def find_types_not_in_ultra(lines: Iterable[Line], shared: Sequence[Shared]) -> Iterator[Problem]:
    """By what the course and its column are to be: as the file says, else as they stand, else at their defaults."""
    _of_flow, (_fact, courses), (_of_column, columns) = shared
    for line in lines:
        course_id, name = line.values["course_id"], line.values["column_name"]
        course = {"course_experience": Course.Experience.ULTRA, **courses.get((course_id,), {}), **line.values}
        column = {"item_type": ItemType.MANUAL_COLUMN, **columns.get((course_id, name), {}), **line.values}
        item_type = ItemType(column["item_type"])
        if course["course_experience"] == Course.Experience.ULTRA and not item_type.is_in_ultra:
            yield Problem(
                line.row, "item_type", f"{item_type} is in Original courses only; {course_id} is an Ultra course"
            )


def find_unknown_translations(lines: Iterable[Line]) -> Iterator[Problem]:
    named = [line for line in lines if line.values.get("translation")]
    known = find_translations(line.values["translation"] for line in named)
    for line in named:
        if (name := line.values["translation"]) not in known:
            yield Problem(line.row, "translation", f"{quoted(name)} is not known; add or import the translation first")


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


def notes(plan: Plan) -> list[str]:
    """What becomes of grades that were delivered by mappings that change or are new, or to columns that change."""
    moved = [(change.line, delivered) for change, delivered, _unlocked in find_moved(plan)]
    taken = [(line, delivered) for line, delivered, _unlocked in find_taken(plan)]
    return [f"Row {line.row}, flow {theirs.flow_id}: {theirs.consequence()}" for line, theirs in moved + taken] + [
        f"Row {line.row}. {sentence}" for line, sentence in find_rescaled(plan)
    ]


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


@transaction.atomic
def apply(plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, with history. Whoever else has made one of the rows meanwhile, the plan
    prevails. A mapping that was unlocked is locked again once it has changed.
    """
    lines = plan.to_write
    if not lines:
        return
    titles = {title for line in lines if (title := line.values.get("grade_schema"))}
    schemas = store(GradeSchema, {(title,): {} for title in sorted(titles)}, key=["title"], by=by)
    courses = store(Course, {(line.values["course_id"],): of_course(line) for line in lines}, key=["course_id"], by=by)
    columns = store(
        GradeColumn,
        {(courses[line.values["course_id"],], line.values["column_name"]): of_column(line, schemas) for line in lines},
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


def lock_flows(flow_ids: Iterable[str]) -> None:
    """Lock those that exist until the transaction ends, in the order of their keys as everybody does, so that no two
    wait for each other. An export that is being recorded goes by the old mapping or by the new one, not by half of it.
    """
    pks: set[int] = set()
    for some in chunks(flow_ids):
        pks.update(Flow.objects.filter(flow_id__in=some).values_list("pk", flat=True))
    for some in chunks(pks):
        list(Flow.objects.filter(pk__in=some).order_by("pk").select_for_update().values_list("pk"))
