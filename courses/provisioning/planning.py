"""What goes to Learn and what is left out, and the run that records it before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.models import EnrolmentMetadata, GradeColumn, GradeSchema, Provisioned, ProvisioningRun, ProvisioningStep
from courses.sentences import Reason
from courses.wire import WireError

log = structlog.get_logger(__name__)


Kind = ProvisioningStep.Kind
Status = Provisioned.Status
Row = GradeSchema | GradeColumn | EnrolmentMetadata

PATIENCE = timedelta(minutes=15)  # how long a run or an attempt waits for a free task worker before it is swept
# Stages. A column that counts others has a later one than they have.
SCHEMAS, COLUMNS, EXTERNAL_GRADES, METADATA, DELETIONS = 0, 1, 30_000, 30_001, 30_002


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvisioningRequest:
    """What is to be created in Learn. `again`: requested by name, so also what is there already, or may be."""

    schemas: QuerySet[GradeSchema] = field(default_factory=GradeSchema.objects.none)
    columns: QuerySet[GradeColumn] = field(default_factory=GradeColumn.objects.none)
    external: QuerySet[GradeColumn] = field(default_factory=GradeColumn.objects.none)  # as external grades
    metadata: QuerySet[EnrolmentMetadata] = field(default_factory=EnrolmentMetadata.objects.none)
    again: bool = False

    @classmethod
    def with_all_they_need(cls, columns: QuerySet[GradeColumn]) -> "ProvisioningRequest":
        """The columns, the schemas they use that GradeBridge can create, and those that are to be external grades."""
        used = GradeSchema.objects.filter(pk__in=columns.order_by().values("grade_schema"))
        return cls(
            schemas=used.exclude(symbols="").exclude(status=Status.PROVISIONED),
            columns=columns,
            external=columns.filter(is_external_grade=True, external_set_at=None),
        )

    @classmethod
    def again_by_name(cls, columns: QuerySet[GradeColumn]) -> "ProvisioningRequest":
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
class Plan:
    """What a run would do, and what it would leave out, each with the reason."""

    steps: list[tuple[Kind, Row]] = field(default_factory=list)
    left_out: list[tuple[Row, Reason]] = field(default_factory=list)


def plan(requested: ProvisioningRequest) -> Plan:
    """Which rows go to Learn, in their order. Only reads; the number of statements does not depend on that of rows."""
    found = Plan()
    still_open = ProvisioningStep.objects.filter(state__in=ProvisioningStep.OPEN).order_by()
    keys = ("kind", "schema_id", "column_id", "metadata_id")
    in_progress = {tuple(key): lease for *key, lease in still_open.values_list(*keys, "run__lease_ends_at")}
    created: set[Row] = set()
    for kind, row in requested.rows():
        if lease := in_progress.get((kind.value, *target_keys(row))):
            found.left_out.append((row, {"code": "IN_PROGRESS", "lease_ends_at": lease.isoformat()}))
        elif reason := reason_to_skip(kind, row, again=requested.again, is_created=row in created):
            found.left_out.append((row, reason))
        else:
            created.add(row)
            found.steps.append((kind, row))
    stages = find_stages(found.steps)
    found.steps.sort(key=lambda step: stages[step[0], step[1].pk])
    return found


def target_keys(row: Row) -> tuple[int | None, int | None, int | None]:
    """A step's foreign keys: schema, column, metadata."""
    return (
        row.pk if isinstance(row, GradeSchema) else None,
        row.pk if isinstance(row, GradeColumn) else None,
        row.pk if isinstance(row, EnrolmentMetadata) else None,
    )


def reason_to_skip(kind: Kind, row: Row, *, again: bool, is_created: bool = False) -> Reason:
    """Why it is left out, {} if it is not. `is_created`: the same run creates it before."""
    if kind is Kind.EXTERNAL_GRADE:
        assert isinstance(row, GradeColumn)
        return reason_to_skip_external(row, again=again, is_created=is_created)
    if isinstance(row, GradeSchema) and not row.symbols:
        return {"code": "SYMBOLS_UNKNOWN"}
    match row.status:
        case Status.DELETING:
            return {"code": "BEING_DELETED"}
        case Status.PROVISIONED if not again:
            return {"code": "IN_LEARN", "since_at": iso(row.provisioned_at)}
        case Status.UNCONFIRMED if not again and kind is not Kind.METADATA:
            return {"code": "MAYBE_IN_LEARN"}
        case Status.DELETED if not again:
            return {"code": "DELETED_IN_LEARN"}
    return {}


def reason_to_skip_external(column: GradeColumn, *, again: bool, is_created: bool) -> Reason:
    if not column.is_external_grade:
        return {"code": "NOT_MARKED_EXTERNAL"}
    if column.external_set_at and not again:
        return {"code": "EXTERNAL_ALREADY", "since_at": iso(column.external_set_at)}
    if not column.is_provisioned and not is_created:
        return {"code": "EXTERNAL_NOT_IN_LEARN"}
    return {}


def iso(when: datetime | None) -> str:
    return when.isoformat() if when else ""


@transaction.atomic
def request(requested: ProvisioningRequest, *, by: User | None) -> tuple[ProvisioningRun | None, Plan]:
    """Record a run of what is planned, for a worker to carry out; None if nothing is. `by` None: the command line."""
    requested.lock()
    planned = plan(requested)
    return (new_run(planned.steps, by=by, again=requested.again) if planned.steps else None), planned


def request_deletion(column: GradeColumn, *, by: User | None) -> ProvisioningRun:
    """Record a run that deletes a column in Learn. From here on no grade is sent to it.

    Call it inside a transaction that holds the column's row, once it is known that the column may go.
    """
    run = new_run([(Kind.DELETION, column)], by=by, status_before=column.status)
    GradeColumn.objects.filter(pk=column.pk).update(status=Status.DELETING)
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
    line = partial(log.info, "provisioning_requested", run=run.pk, steps=len(steps), by=str(by or "command line"))
    transaction.on_commit(line)
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
