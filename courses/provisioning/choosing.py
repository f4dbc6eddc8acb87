"""What goes to Learn and what is left out, and the run that records it before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from common.moments import moment
from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, Provisioned, ProvisioningRun, ProvisioningStep
from courses.wire import WireError

Kind = ProvisioningStep.Kind
Standing = Provisioned.Standing
Row = GradeSchema | GradeColumn | EnrolmentMetadata

PATIENCE = timedelta(minutes=15)  # how long a run waits for a free task worker before it is swept
# Stages. A column that counts others has a later one than they have.
SCHEMAS, COLUMNS, EXTERNAL_GRADES, METADATA, DELETIONS = 0, 1, 30_000, 30_001, 30_002


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What somebody wants in Learn. `again`: asked for by name, so also what stands there already, or may."""

    schemas: QuerySet[GradeSchema] = field(default_factory=GradeSchema.objects.none)
    columns: QuerySet[GradeColumn] = field(default_factory=GradeColumn.objects.none)
    external: QuerySet[GradeColumn] = field(default_factory=GradeColumn.objects.none)  # as external grades
    metadata: QuerySet[EnrolmentMetadata] = field(default_factory=EnrolmentMetadata.objects.none)
    again: bool = False

    @classmethod
    def with_all_they_need(cls, columns: QuerySet[GradeColumn]) -> "Wanted":
        """The columns, the schemas they use that GradeBridge can create, and those that are to be external grades."""
        used = GradeSchema.objects.filter(pk__in=columns.order_by().values("grade_schema"))
        return cls(
            schemas=used.exclude(symbols="").exclude(standing=Standing.PROVISIONED),
            columns=columns,
            external=columns.filter(is_external_grade=True, external_set_at=None),
        )

    @classmethod
    def again_by_name(cls, columns: QuerySet[GradeColumn]) -> "Wanted":
        """The columns once more, and those among them that are external grades: the new ones are not yet."""
        return cls(columns=columns, external=columns.filter(is_external_grade=True), again=True)

    def rows(self) -> Iterator[tuple[Kind, Row]]:
        for schema in self.schemas.all():
            yield Kind.SCHEMA, schema
        for column in self.columns.select_related("course", "grade_schema"):
            yield Kind.COLUMN, column
        for column in self.external.select_related("course"):
            yield Kind.EXTERNAL_GRADE, column
        for metadata in self.metadata.select_related("course"):
            yield Kind.METADATA, metadata

    def lock(self) -> None:
        """Hold the rows until the transaction ends. On SQLite the transaction itself is the lock."""
        for rows in (self.schemas, self.columns, self.external, self.metadata):
            pks: Any = rows.order_by().values("pk")
            chosen = rows.model._default_manager.filter(pk__in=pks)
            list(chosen.order_by("pk").select_for_update().values_list("pk"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What a run would do, and what it would leave out, each with the reason."""

    steps: list[tuple[Kind, Row]] = field(default_factory=list)
    left_out: list[tuple[Row, str]] = field(default_factory=list)


def choose(wanted: Wanted) -> Choice:
    """Which rows go to Learn, in their order. Only reads; the number of statements does not depend on that of rows."""
    choice = Choice()
    still_open = ProvisioningStep.objects.filter(state__in=ProvisioningStep.OPEN).order_by()
    under_way = set(still_open.values_list("kind", "schema_id", "column_id", "metadata_id"))
    created: set[Row] = set()
    for kind, row in wanted.rows():
        if (kind.value, *target_keys(row)) in under_way:
            choice.left_out.append((row, "It is on its way to Learn already."))
        elif reason := why_not(kind, row, again=wanted.again, is_created=row in created):
            choice.left_out.append((row, reason))
        else:
            created.add(row)
            choice.steps.append((kind, row))
    stages = find_stages(choice.steps)
    choice.steps.sort(key=lambda step: stages[step[0], step[1].pk])
    return choice


def target_keys(row: Row) -> tuple[int | None, int | None, int | None]:
    """A step's foreign keys: schema, column, metadata."""
    return (
        row.pk if isinstance(row, GradeSchema) else None,
        row.pk if isinstance(row, GradeColumn) else None,
        row.pk if isinstance(row, EnrolmentMetadata) else None,
    )


def why_not(kind: Kind, row: Row, *, again: bool, is_created: bool = False) -> str:
    """Why it is left out, "" if it is not. `is_created`: the same run creates it before."""
    if kind is Kind.EXTERNAL_GRADE:
        assert isinstance(row, GradeColumn)
        return why_not_external(row, again=again, is_created=is_created)
    if isinstance(row, GradeSchema) and not row.symbols:
        return "Its symbols are known to Learn only, so GradeBridge cannot create it."
    match row.standing:
        case Standing.DELETING:
            return "It is being deleted in Learn."
        case Standing.PROVISIONED if not again:
            return f"It is in Learn since {shown(row.provisioned_at)}."
        case Standing.UNCONFIRMED if not again and kind is not Kind.METADATA:
            return (
                "It may be in Learn: look there, then mark it as in Learn or not, or create it again on its own page."
            )
        case Standing.DELETED if not again:
            return "It was deleted in Learn. Its own page creates it again."
    return ""


def why_not_external(column: GradeColumn, *, again: bool, is_created: bool) -> str:
    if not column.is_external_grade:
        return "It is not marked as its course's external grade."
    if column.external_set_at and not again:
        return f"It is the external grade since {shown(column.external_set_at)}."
    if not column.is_provisioned and not is_created:
        return "It is not known to be in Learn, so it cannot be the external grade yet."
    return ""


def shown(when: datetime | None) -> str:
    return moment(when) if when else "a time not known"


@transaction.atomic
def request(wanted: Wanted, *, by: User | None) -> tuple[ProvisioningRun | None, Choice]:
    """Record a run of what is `choose`n, for a worker to carry out; None if nothing is. `by` None: the command line."""
    wanted.lock()
    choice = choose(wanted)
    return (new_run(choice.steps, by=by, again=wanted.again) if choice.steps else None), choice


def request_deletion(column: GradeColumn, *, by: User | None) -> ProvisioningRun:
    """Record a run that deletes a column in Learn. From here on no grade is sent to it.

    Call it inside a transaction that holds the column's row, once it is known that the column may go.
    """
    run = new_run([(Kind.DELETION, column)], by=by, standing_before=column.standing)
    GradeColumn.objects.filter(pk=column.pk).update(standing=Standing.DELETING)
    return run


def new_run(steps: Sequence[tuple[Kind, Row]], *, by: User | None, **fields: Any) -> ProvisioningRun:
    """`fields` of all its steps."""
    now = timezone.now()
    run = ProvisioningRun.objects.create(requested_by=by, started_at=now, lease_ends_at=now + PATIENCE)
    stages = find_stages(steps)
    ProvisioningStep.objects.bulk_create(
        ProvisioningStep(
            run=run,
            kind=kind,
            stage=stages[kind, row.pk],
            name=str(row),
            **dict(zip(("schema_id", "column_id", "metadata_id"), target_keys(row), strict=True)),
            **fields,
        )
        for kind, row in steps
    )
    return run


def find_stages(steps: Sequence[tuple[Kind, Row]]) -> dict[tuple[Kind, int], int]:
    """Columns that are counted go before those that count them."""
    fixed = {
        Kind.SCHEMA: SCHEMAS,
        Kind.EXTERNAL_GRADE: EXTERNAL_GRADES,
        Kind.METADATA: METADATA,
        Kind.DELETION: DELETIONS,
    }
    stages = {(kind, row.pk): fixed[kind] for kind, row in steps if kind in fixed}
    columns = [row for kind, row in steps if kind is Kind.COLUMN and isinstance(row, GradeColumn)]
    waiting = {(column.course_id, column.name): column for column in columns}
    counted = {key: {(column.course_id, name) for name in names_counted_by(column)} for key, column in waiting.items()}
    stage = COLUMNS
    while waiting:
        # Where all that are left count one another nothing can be done but let the first be refused.
        ready = [key for key in waiting if counted[key].isdisjoint(waiting)] or list(waiting)
        stages |= {(Kind.COLUMN, waiting.pop(key).pk): stage for key in ready}
        stage = min(stage + 1, EXTERNAL_GRADES - 1)
    return stages


def names_counted_by(column: GradeColumn) -> list[str]:
    try:
        return column.counted_columns()
    except WireError:
        return []  # refused when its turn comes
