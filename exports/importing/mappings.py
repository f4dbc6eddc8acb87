"""Which grade column a flow's grades go to, with what is known of flow, course and column; many flows at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any, TypeVar

from django.db import models, transaction

from courses.models import Course, GradeColumn, GradeSchema
from exports.importing import cells, tables
from exports.importing.plans import CHUNK, Fact, Key, Line, Plan, Values, chunks, compare, read_lines
from exports.models import ColumnMapping, Flow

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
}
REQUIRED = ("flow_id", "course_id", "column_name")

KEY = ("flow_id", "source_code")
FACTS = (
    Fact(about=KEY, columns=("course_id", "column_name")),
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
}


def import_from(path: Path) -> Plan:
    """Import a file, all or nothing; returns what was done. Raises ImportRefused."""
    lines = read(path.name, tables.load(path))
    with transaction.atomic():
        lock_flows(line.values["flow_id"] for line in lines)
        done = plan(lines)
        apply(done)
    return done


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = tables.read_rows(name, content, known=READERS, required=REQUIRED)
    return read_lines(rows, READERS, FACTS)


def plan(lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing."""
    standing: dict[Key, Values] = {}
    for flow_ids in chunks(line.values["flow_id"] for line in lines):
        mappings = ColumnMapping.objects.filter(flow__flow_id__in=flow_ids).order_by()
        for row in mappings.values_list(*STANDING.values()):
            before = dict(zip(STANDING, row, strict=True))
            before["grade_schema"] = before["grade_schema"] or ""
            standing[before["flow_id"], before["source_code"]] = before
    return compare(lines, standing, KEY)


@transaction.atomic
def apply(plan: Plan) -> None:
    """Write what the plan adds and changes. Whoever else has made one of the rows meanwhile, the plan prevails."""
    lines = plan.to_write
    if not lines:
        return
    schemas = store(
        GradeSchema,
        {title: GradeSchema(title=title) for line in lines if (title := line.values.get("grade_schema"))},
        unique=["title"],
    )
    courses = store(
        Course,
        {line.values["course_id"]: Course(course_id=line.values["course_id"], **of_course(line)) for line in lines},
        unique=["course_id"],
        update=of_course(lines[0]),
    )
    columns = store(
        GradeColumn,
        {
            column_key(line): GradeColumn(
                course=courses[line.values["course_id"]],
                name=line.values["column_name"],
                **of_column(line, schemas),
            )
            for line in lines
        },
        unique=["course", "name"],
        update=of_column(lines[0], schemas),
    )
    flows = store(
        Flow,
        {line.values["flow_id"]: Flow(flow_id=line.values["flow_id"], **of_flow(line)) for line in lines},
        unique=["flow_id"],
        update=of_flow(lines[0]),
    )
    store(
        ColumnMapping,
        {
            line.row: ColumnMapping(
                flow=flows[line.values["flow_id"]],
                source_code=line.values.get("source_code", ""),
                grade_column=columns[column_key(line)],
            )
            for line in lines
        },
        unique=["flow", "source_code"],
        update=["grade_column"],
    )


K = TypeVar("K")
M = TypeVar("M", bound=models.Model)


def store(model: type[M], rows: Mapping[K, M], *, unique: Sequence[str], update: Iterable[str] = ()) -> Mapping[K, M]:
    """Insert the rows, or update those that are there. Every row has its primary key afterwards."""
    model._default_manager.bulk_create(
        rows.values(),
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=unique,
        update_fields=list(update) or unique,  # with nothing to update, the key is set to itself: the row comes back
    )
    return rows


def column_key(line: Line) -> Key:
    return line.values["course_id"], line.values["column_name"]


def of_course(line: Line) -> dict[str, Any]:
    return pick(line, {"course_experience": "experience"})


def of_column(line: Line, schemas: Mapping[str, GradeSchema]) -> dict[str, Any]:
    found = pick(line, {"item_type": "item_type", "points": "points", "grade_schema": "grade_schema"})
    if "grade_schema" in found:
        found["grade_schema"] = schemas.get(found["grade_schema"])
    return found


def of_flow(line: Line) -> dict[str, Any]:
    names = ("synchronised_at", "assessment_ends_at", "instant_export")
    return pick(line, {"flow_title": "title", **{name: name for name in names}})


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
