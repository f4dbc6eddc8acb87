"""Who is on a flow's roster (R8), with the source and the Learn user of each."""

from collections.abc import Sequence
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from exports.importing import cells, tables
from exports.importing.plans import Fact, Line, Plan, compare, read_lines
from exports.models import Flow, Participant
from exports.models.bulk import insert

# The file's columns. A column that the file does not have is left as it is; an empty cell means not known.
READERS: dict[str, cells.Reader] = {
    "user_id": cells.text(Participant, "user_id", required=True),
    "learn_user_id": cells.text(Participant, "learn_user_id"),  # empty: the WISEflow user id
    "source_code": cells.text(Participant, "source_code"),
    "added_by": cells.choice(Participant.AddedBy, empty=""),
}
REQUIRED = ("user_id",)

KEY = ("user_id",)
FACTS = (Fact(about=KEY, columns=("learn_user_id", "source_code", "added_by")),)


def import_from(flow_id: str, path: Path) -> Plan:
    """Import a file as the flow's roster, all or nothing; returns what was done. Raises ImportRefused.

    People who are not in the file stay as they are: a flow with several sources may have a file for each.
    """
    flow_id = read_flow_id(flow_id)
    lines = read(path.name, tables.load(path))
    with transaction.atomic():
        flow = Flow.objects.lock(flow_id)  # an export of the flow is recorded before this roster or after it
        done = plan(flow_id, lines)
        apply(flow, done)
    return done


def read_flow_id(flow_id: str) -> str:
    try:
        return str(cells.text(Flow, "flow_id", required=True)(flow_id))
    except ValueError as reason:
        raise tables.ImportRefused(f"The flow id {reason}.") from None


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = tables.read_rows(name, content, known=READERS, required=REQUIRED)
    return [Line(line.row, {**line.values, "on_roster": True}) for line in read_lines(rows, READERS, FACTS)]


def plan(flow_id: str, lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing."""
    names = (*READERS, "on_roster")
    people = Participant.objects.filter(flow__flow_id=flow_id).order_by().values_list(*names)
    standing = {(row[0],): dict(zip(names, row, strict=True)) for row in people}
    return compare(lines, standing, KEY)


@transaction.atomic
def apply(flow: Flow, plan: Plan) -> None:
    """Write what the plan adds and changes, in one statement. Marks, states and what was exported are not touched."""
    Flow.objects.filter(pk=flow.pk).update(roster_imported_at=timezone.now())
    lines = plan.to_write
    if not lines:
        return
    nobody = Participant(flow=flow)
    blank = {
        field.attname: getattr(nobody, field.attname)
        for field in Participant._meta.concrete_fields
        if not field.primary_key
    }
    insert(
        Participant,
        list(blank),
        [tuple({**blank, **line.values}.values()) for line in lines],
        unique=("flow_id", "user_id"),
        update=[column for column in lines[0].values if column not in KEY],
    )
    Flow.objects.refresh([flow.pk])
