"""Who is on a flow's roster (R8), with the source and the Learn user of each."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from common.database.bulk import insert
from common.spreadsheets import cells, files
from common.spreadsheets.plans import Fact, Key, Line, Plan, Problem, Values, compare, read_lines
from common.spreadsheets.sheets import Sheet
from exports.mapping import places
from exports.models import ColumnMapping, Flow, Participant

# The file's columns. A column that the file does not have is left as it is; an empty cell means not known.
READERS: dict[str, cells.Reader] = {
    "user_id": cells.text(Participant, "user_id", required=True),
    "learn_user_id": cells.text(Participant, "learn_user_id"),  # empty: the WISEflow user id
    "source_code": cells.text(ColumnMapping, "source_code"),
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
KEY = ("user_id", "source_code")  # a person once a source
FACTS = (
    Fact(about=KEY, columns=("added_by",)),
    Fact(about=("user_id",), columns=("learn_user_id",)),
)


def import_from(
    flow_id: str, path: Path, *, by: User | None = None, warn: Callable[[str], object] = lambda _: None
) -> Plan:
    """Import a file as the flow's roster, all or nothing; returns what was done. Raises ImportRefused.

    `warn` is called with each thing that somebody should know of what the roster means.

    People who are not in the file stay as they are: a flow with several sources may have a file for each.
    """
    flow_id = read_flow_id(flow_id)
    lines = read(path.name, files.load(path))
    with transaction.atomic():
        flow = Flow.objects.lock(flow_id)  # an export of the flow is recorded before this roster or after it
        done = plan(flow_id, lines)
        warnings = notes(flow, done)
        apply(flow, done, by=by)
    for warning in warnings:
        warn(warning)
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
    flow.refresh_from_db(from_queryset=Flow.objects.select_for_update(no_key=True))


def read_flow_id(flow_id: str) -> str:
    try:
        return str(cells.text(Flow, "flow_id", required=True)(flow_id))
    except ValueError as reason:
        raise files.ImportRefused(f"The flow id {reason}.") from None


def read(name: str, content: bytes) -> list[Line]:
    """What the file says. Raises ImportRefused with every problem in it."""
    rows = files.read_rows(name, content, known=READERS, required=REQUIRED)
    lines = read_lines(rows, READERS, FACTS)
    if problems := list(find_half_named(lines)):
        raise files.ImportRefused(*problems)
    return [Line(line.row, {**line.values, "on_roster": True}) for line in lines]


def find_half_named(lines: Sequence[Line]) -> Iterator[Problem]:
    """Lines without a source of people who have one in another line: such a line would speak for all sources."""
    named = {line.values["user_id"]: line for line in reversed(lines) if line.values.get("source_code")}
    for line in lines:
        other = named.get(line.values["user_id"])
        if other and not line.values["source_code"]:
            source_code = files.quoted(other.values["source_code"])
            yield Problem(
                line.row, "source_code", f"empty contradicts {source_code} in row {other.row} of the same user_id"
            )


def plan(flow_id: str, lines: Sequence[Line]) -> Plan:
    """What the lines would change. Writes nothing.

    A person's first source takes the place of none. A line without a source speaks for all that the person has.
    """
    people = find_people(flow_id)
    sources: dict[str, set[str]] = defaultdict(set)
    for user_id, source_code in people:
        sources[user_id].add(source_code)
    standing: dict[Key, Values] = dict(people)
    wanted = []
    for line in lines:
        user_id, source_code = line.values["user_id"], line.values.get("source_code", "")
        named = sources[user_id] - {""}
        if source_code and "" in sources[user_id] and not named:
            standing[user_id, source_code] = people[user_id, ""]
            sources[user_id] = {source_code}
        if source_code or not named:
            wanted.append(line)
        else:
            wanted += [Line(line.row, {**line.values, "source_code": code}) for code in sorted(named)]
    return compare(wanted, standing, KEY)


def find_people(flow_id: str) -> dict[Key, Values]:
    """The flow's participants as lines of a roster, by user id and source: one for each source of each."""
    names = ("user_id", "learn_user_id", "added_by", "on_roster", "sources")
    people = Participant.objects.filter(flow__flow_id=flow_id).order_by()
    found: dict[Key, Values] = {}
    for user_id, learn_user_id, added_by, on_roster, sources in people.values_list(*names):
        listed = {code: how for code, how in sources.items() if how is not None}  # else only a body has named it
        for source_code, how in (listed or {"": added_by}).items():
            found[user_id, source_code] = {
                "user_id": user_id,
                "learn_user_id": learn_user_id,
                "source_code": source_code,
                "added_by": how,
                "on_roster": on_roster,
            }
    return found


@transaction.atomic
def apply(flow: Flow, plan: Plan, *, by: User | None = None) -> None:
    """Write what the plan adds and changes, one row a person. Marks and what is in Learn are not touched; who leads to
    another place now is failed until the grade is there.

    The people keep no history of their own: the flow's says who imported a roster, and how much it changed.
    """
    flow.roster_imported_at = timezone.now()
    historical: Any = flow  # to django-simple-history
    if by:
        historical._history_user = by
    historical._change_reason = reason(plan)
    flow.save(update_fields=["roster_imported_at"])
    historical._change_reason = None  # of this change alone
    rows = people_after(flow, plan.to_write)
    if not rows:
        return
    blank = {field.attname: field.get_default() for field in Participant._meta.concrete_fields if not field.primary_key}
    blank |= {"flow_id": flow.pk, "api_client_id": None}
    written = insert(
        Participant,
        list(blank),
        [tuple({**blank, **row, "sources": json.dumps(row["sources"])}.values()) for row in rows],
        unique=("flow_id", "user_id"),
        update=("learn_user_id", "sources", "added_by", "on_roster"),
        returning=("id",),
    )
    places.follow_roster(flow, {pk for (pk,) in written})
    Flow.objects.refresh([flow.pk])


def people_after(flow: Flow, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The rows of the people of whom the lines speak, as they are to be."""
    before = {person.user_id: person for person in flow.participants.all()}
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        values = line.values
        person = before.get(values["user_id"]) or Participant(flow=flow, user_id=values["user_id"])
        row = rows.setdefault(
            person.user_id,
            {
                "user_id": person.user_id,
                "learn_user_id": person.learn_user_id,
                "sources": dict(person.sources),
                "added_by": person.added_by,
                "on_roster": True,
            },
        )
        row["learn_user_id"] = values.get("learn_user_id", row["learn_user_id"])
        if source_code := values.get("source_code", ""):
            row["sources"][source_code] = values.get("added_by", row["sources"].get(source_code) or "")
        row["added_by"] = added_by(row["sources"], values.get("added_by", row["added_by"]))
    return list(rows.values())


def added_by(sources: Mapping[str, str | None], otherwise: str) -> str:
    """How a person was added to the flow: through the SIS, if by one source at least."""
    found = {how for how in sources.values() if how}
    return Participant.AddedBy.SIS.value if Participant.AddedBy.SIS in found else (found.pop() if found else otherwise)


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
    people = sorted(find_people(flow.flow_id).items())
    return (tuple(values[name] for name in READERS) for _key, values in people if values["on_roster"])


def notes(flow: Flow, plan: Plan) -> list[str]:
    """What somebody should know before the roster is imported."""
    found = []
    if not flow.roster_imported_at and (plan.to_write or plan.unchanged):
        found.append(
            "The flow has had no roster so far. With one, only people on it who were added by the SIS are exported "
            "(R8)."
        )
    return found + places.roster_notes(flow, people_after(flow, plan.to_write))
