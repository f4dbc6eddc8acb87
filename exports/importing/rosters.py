"""Who is on a flow's roster (R8), with the source and the Learn user of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from exports.importing import cells, tables
from exports.importing.plans import Fact, Line, Plan, compare, read_lines
from exports.importing.sheets import Sheet
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
MEANINGS = {
    "user_id": "The person's id in WISEflow.",
    "learn_user_id": "The person's batch uid in Learn. Empty: by the request profile's rule, else the user id.",
    "source_code": "The SIS source the person came by, such as UNIwise||001||2021.",
    "added_by": "SIS, or MANUAL for people who were added by hand and are never exported. Empty: not known.",
}

MANUAL = Participant.AddedBy.MANUAL
KEY = ("user_id",)
FACTS = (Fact(about=KEY, columns=("learn_user_id", "source_code", "added_by")),)


def import_from(flow_id: str, path: Path, *, by: User | None = None) -> Plan:
    """Import a file as the flow's roster, all or nothing; returns what was done. Raises ImportRefused.

    People who are not in the file stay as they are: a flow with several sources may have a file for each.
    """
    flow_id = read_flow_id(flow_id)
    lines = read(path.name, tables.load(path))
    with transaction.atomic():
        flow = Flow.objects.lock(flow_id)  # an export of the flow is recorded before this roster or after it
        done = plan(flow_id, lines)
        apply(flow, done, by=by)
    return done


def sheet(flow: Flow) -> Sheet:
    return Sheet(
        what="roster",
        columns=MEANINGS,
        required=REQUIRED,
        key=KEY,
        models=(Flow,),
        read=read,
        lock=lambda _lines: lock(flow),
        plan=lambda lines: plan(flow.flow_id, lines),
        apply=lambda plan, by: apply(flow, plan, by=by),
        rows=lambda: standing_rows(flow),
        notes=lambda plan: notes(flow, plan),
    )


def lock(flow: Flow) -> None:
    flow.refresh_from_db(from_queryset=Flow.objects.select_for_update())


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
def apply(flow: Flow, plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, in one statement. Marks, states and what was exported are not touched.

    The people keep no history of their own: the flow's says who imported a roster, and how much it changed.
    """
    flow.roster_imported_at = timezone.now()
    told: Any = flow  # to django-simple-history
    if by:
        told._history_user = by
    told._change_reason = reason(plan)
    flow.save(update_fields=["roster_imported_at"])
    told._change_reason = None  # of this change alone
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


def reason(plan: Plan) -> str:
    """`Roster imported: 3 added, 1 changed, 0 taken off, 40 unchanged`. Who is not in a file stays on the roster; taken
    off are people who are known to have been added by hand from now on, and so are never exported (R8).
    """
    off = [change for change in plan.changed if change.differences.get("added_by", ("", ""))[1] == MANUAL]
    counts = {
        "added": len(plan.added),
        "changed": len(plan.changed) - len(off),
        "taken off": len(off),
        "unchanged": len(plan.unchanged),
    }
    return "Roster imported: " + ", ".join(f"{number} {what}" for what, number in counts.items())


def standing_rows(flow: Flow) -> Iterator[Sequence[Any]]:
    """The people on the roster, as rows of a file."""
    return iter(flow.participants.filter(on_roster=True).order_by("user_id").values_list(*READERS))


def notes(flow: Flow, plan: Plan) -> list[str]:
    if flow.roster_imported_at or not (plan.to_write or plan.unchanged):
        return []
    return [
        "The flow has had no roster so far. With one, only people on it who were added by the SIS are exported (R8)."
    ]
