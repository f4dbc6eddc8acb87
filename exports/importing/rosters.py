"""Who is on a flow's roster (R8), with the source and the Learn user of each."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.database.bulk import among, delete, insert
from common.sentences import shortlist
from common.spreadsheets import cells, files
from common.spreadsheets.plans import ConsistencyRule, Key, Line, Plan, Problem, Removal, Values, compare
from common.spreadsheets.sheets import Column, Sheet, refuse
from exports.importing.flow_ids import read_flow_id
from exports.mapping import locking, places
from exports.models import ColumnMapping, ExportState, Flow, GradeInLearn, Participant, PersonInWiseflow

MOVES = "learn_user_id"
MANUAL = Participant.AddedBy.MANUAL


class Effect(TextChoices):
    """What becomes of a line of the roster that is not in a file that replaces it."""

    KEPT = "KEPT", _("Kept, and marked as not on the roster any more")  # something of theirs is here
    DELETED = "DELETED", _("Deleted: nothing has come of this participant")
    OTHER_SOURCES = "OTHER_SOURCES", _("Taken off for this source; stays on the roster by another one")


class RosterSheet(Sheet):
    """A column that the file does not have is left as it is.

    With `replaces` the file is the whole roster, whatever number of sources it has: who is not in it is taken off.
    """

    what = _("roster")
    models = (Flow,)
    replacing = _(
        "The file becomes the whole roster: participants who are not in it are taken off. Those of whom nothing has "
        "come are deleted; the others are kept, and marked as not on the roster any more."
    )
    columns = (
        Column(
            "user_id", cells.identifier(Participant, "user_id"), _("The participant's id in WISEflow."), required=True
        ),
        Column(
            "learn_user_id",
            cells.identifier(Participant, "learn_user_id"),
            _("The Learn user (batch uid). Empty: by the rule of the request profile, or the same as the user id."),
        ),
        Column(
            "source_code",
            cells.identifier(ColumnMapping, "source_code"),
            _("The SIS source of the participant, such as UNIwise||001||2021."),
        ),
        Column(
            "added_by",
            cells.choice(Participant.AddedBy, empty=""),
            _("SIS, or MANUAL for participants who were added by hand: their grades are never sent. Empty: not known."),
        ),
        Column("first_name", cells.text(Participant, "first_name"), _("Shown beside the ids. Empty: none.")),
        Column("last_name", cells.text(Participant, "last_name"), _("Shown beside the ids. Empty: none.")),
    )
    rules = (
        ConsistencyRule(about=("user_id", "source_code"), columns=("added_by",)),  # a person once a source
        ConsistencyRule(about=("user_id",), columns=("learn_user_id", "first_name", "last_name")),
    )

    def __init__(self, flow: Flow, *, replaces: bool = False, keeps_places: bool = False) -> None:
        """`keeps_places`: whose grade is in Learn keeps their Learn user, unless the mapping is unlocked."""
        self.flow = flow
        self.replaces = replaces
        self.keeps_places = keeps_places

    def read(self, name: str, content: bytes) -> list[Line]:
        return [Line(line.row, {**line.values, "on_roster": True}) for line in super().read(name, content)]

    def find_problems(self, lines: Sequence[Line]) -> Iterator[Problem]:
        """Lines without a source of people who have one in another line: such a line would speak for all sources."""
        named = {line.values["user_id"]: line for line in reversed(lines) if line.values.get("source_code")}
        for line in lines:
            other = named.get(line.values["user_id"])
            if other and not line.values["source_code"]:
                source_code = files.quoted(other.values["source_code"])
                sentence = gettext("This is empty, but row %(row)s has source %(source_code)s for the same user_id.")
                yield Problem(line.row, "source_code", sentence % {"row": other.row, "source_code": source_code})

    def lock(self, lines: Sequence[Line]) -> None:
        self.flow.refresh_from_db(from_queryset=Flow.objects.select_for_update(no_key=True))

    def plan(self, lines: Sequence[Line]) -> Plan:
        """What the lines would change. Writes nothing.

        A person's first source takes the place of none. A line without a source speaks for all that the person has.
        """
        people = find_people(self.flow.flow_id)
        sources: dict[str, set[str]] = defaultdict(set)
        for user_id, source_code in people:
            sources[user_id].add(source_code)
        existing: dict[Key, Values] = dict(people)
        wanted = []
        followed: set[Key] = set()  # lines without a source, whose place a first source takes
        for line in lines:
            user_id, source_code = line.values["user_id"], line.values.get("source_code", "")
            named = sources[user_id] - {""}
            if source_code and "" in sources[user_id] and not named:
                existing[user_id, source_code] = people[user_id, ""]
                sources[user_id] = {source_code}
                followed.add((user_id, ""))
            if source_code or not named:
                wanted.append(line)
            else:
                wanted += [Line(line.row, {**line.values, "source_code": code}) for code in sorted(named)]
        found = compare(wanted, existing, self.key)
        refuse(self.find_moved(found))
        if not self.replaces:
            return found
        kept = followed | {(line.values["user_id"], line.values.get("source_code", "")) for line in wanted}
        off = [values for key, values in people.items() if values["on_roster"] and key not in kept]
        return replace(found, taken_off=list(self.removals(off, {line.values["user_id"] for line in lines})))

    def find_moved(self, plan: Plan) -> Iterator[Problem]:
        """Another Learn user of someone whose grade is in Learn: a retry would send it there, and the old place would
        be free for another student's grade. So it is locked with the mapping.
        """
        if not self.keeps_places or self.flow.mapping_unlocked_at:
            return
        changed = {change.line.values["user_id"]: change for change in plan.changed if MOVES in change.differences}
        graded = GradeInLearn.objects.current().filter(participant__flow__flow_id=self.flow.flow_id).order_by()
        for user_id in graded.filter(among("participant__user_id", changed)).values_list(
            "participant__user_id", flat=True
        ):
            sentence = gettext(
                "Locked: a grade of this student is in Learn. An administrator can request to unlock the mapping on "
                "the flow's page."
            )
            yield Problem(changed[user_id].line.row, MOVES, sentence)

    def removals(self, off: Iterable[Values], staying: Collection[str]) -> Iterator[Removal]:
        """What becomes of the lines that are taken off; first of those of whom something is kept."""
        people = Participant.objects.filter(flow__flow_id=self.flow.flow_id, on_roster=True).order_by()
        without_anything = set(people.without_anything().values_list("user_id", flat=True))
        by_effect: dict[Effect, list[Removal]] = {effect: [] for effect in Effect}
        for values in sorted(off, key=itemgetter("user_id", "source_code")):
            user_id = values["user_id"]
            effect = Effect.DELETED if user_id in without_anything else Effect.KEPT
            effect = Effect.OTHER_SOURCES if user_id in staying else effect
            name = f"{values['first_name']} {values['last_name']}".strip()
            by_effect[effect].append(Removal(values, effect, name))
        return chain.from_iterable(by_effect.values())

    def apply(self, plan: Plan, *, by: User | None = None) -> None:
        """Write what the plan adds, changes and takes off, one row a person. Marks and what is in Learn are not
        touched; a person who leads to another place now is failed until the grade is there.

        The people keep no history of their own: the flow's says who imported a roster, and how much it changed.
        """
        flow = self.flow
        flow.roster_imported_at = timezone.now()
        historical: Any = flow  # to django-simple-history
        if by:
            historical._history_user = by
        historical._change_reason = replaced(plan) if self.replaces else reason(plan)
        flow.save(update_fields=["roster_imported_at"])
        historical._change_reason = None  # of this change alone
        deleted = {line.values["user_id"] for line in plan.taken_off if line.effect == Effect.DELETED}
        rows = [row for row in people_after(flow, plan) if row["user_id"] not in deleted]
        if rows or deleted:
            delete_people(flow, deleted)
            places.follow_roster(flow, write_people(flow, rows))
            if self.keeps_places and any(MOVES in change.differences for change in plan.changed):
                locking.lock_again([flow.pk], by=by)
            Flow.objects.refresh([flow.pk])

    def rows(self) -> Iterator[Sequence[Any]]:
        people = sorted(find_people(self.flow.flow_id).items())
        return (tuple(values[name] for name in self.names) for _key, values in people if values["on_roster"])

    def notes(self, plan: Plan) -> list[str]:
        """What to know before the roster is imported."""
        found = []
        if not self.flow.roster_imported_at and (plan.to_write or plan.unchanged):
            found.append(
                gettext(
                    "This is the first roster of the flow. From now on grades are sent only for participants on the "
                    "roster who were added by the student system."
                )
            )
        found += replacement_notes(self.flow, plan)
        return found + places.roster_notes(self.flow, people_after(self.flow, plan))


def write_people(flow: Flow, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Insert or update these people. Returns the primary keys of those who are on the roster now."""
    if not rows:
        return set()
    blank = {field.attname: field.get_default() for field in Participant._meta.concrete_fields if not field.primary_key}
    blank |= {"flow_id": flow.pk, "api_client_id": None}
    written = insert(
        Participant,
        [{**blank, **row, "sources": json.dumps(row["sources"])} for row in rows],
        unique=("flow_id", "user_id"),
        update=WRITTEN,
        returning=("id", "on_roster"),
    )
    return {pk for pk, is_on_roster in written if is_on_roster}


OF_PERSON = ("learn_user_id", "first_name", "last_name")  # what all lines of a person agree on
WRITTEN = (*OF_PERSON, "sources", "added_by", "on_roster", "left_roster_at", "learn_user_is_unknown")


def delete_people(flow: Flow, user_ids: Collection[str]) -> None:
    """Of whom there is nothing but a line of the roster. With the flow's row locked nothing else comes of them."""
    people = Participant.objects.filter(among("user_id", list(user_ids)), flow=flow).order_by("pk")
    pks = list(people.without_anything().values_list("pk", flat=True)) if user_ids else []
    PersonInWiseflow.objects.filter(among("participant_id", pks)).delete()  # whom WISEflow lists no more
    delete(Participant, pks)


def import_from(
    flow_id: str,
    path: Path,
    *,
    replaces: bool = False,
    by: User | None = None,
    warn: Callable[[str], object] = lambda sentence: None,
) -> Plan:
    """Import a file as the flow's roster, all or nothing; returns what was done. Raises ImportRefused.

    `warn` is called with each thing to know about what the roster means.

    People who are not in the file stay as they are: a flow with several sources may have a file for each. With
    `replaces` they are taken off.
    """
    flow_id = flow_id_of(flow_id)
    sheet = RosterSheet(Flow(flow_id=flow_id), replaces=replaces)
    lines = sheet.read(path.name, files.load(path))
    with transaction.atomic():
        sheet.flow = Flow.objects.lock(flow_id)  # an export of the flow is recorded before this roster or after it
        done = sheet.plan(lines)
        warnings = sheet.notes(done)
        sheet.apply(done, by=by)
    for warning in warnings:
        warn(warning)
    return done


def flow_id_of(given: str) -> str:
    try:
        return read_flow_id(given)
    except ValueError as reason:
        raise files.ImportRefused(gettext("The flow id cannot be used: %(reason)s") % {"reason": reason}) from None


def find_people(flow_id: str) -> dict[Key, Values]:
    """The flow's participants as lines of a roster, by user id and source: one for each source of each."""
    people = Participant.objects.filter(flow__flow_id=flow_id).order_by()
    found: dict[Key, Values] = {}
    for person in people.values("user_id", "added_by", "on_roster", "sources", *OF_PERSON):
        sources = person.pop("sources")
        listed = {code: how for code, how in sources.items() if how is not None}  # else only a body has named it
        for source_code, how in (listed or {"": person["added_by"]}).items():
            found[person["user_id"], source_code] = {**person, "source_code": source_code, "added_by": how}
    return found


def people_after(flow: Flow, plan: Plan) -> list[dict[str, Any]]:
    """The rows of the people of whom the plan speaks, as they are to be. Who is deleted is off the roster."""
    before = {person["user_id"]: person for person in flow.participants.order_by().values("user_id", "state", *WRITTEN)}
    rows: dict[str, dict[str, Any]] = {}
    now = timezone.now()

    def row_of(user_id: str) -> dict[str, Any]:
        if user_id not in rows:
            blank = {**dict.fromkeys((*OF_PERSON, "added_by"), ""), "sources": {}, "learn_user_is_unknown": False}
            person = before.get(user_id) or blank
            rows[user_id] = {name: person.get(name) for name in WRITTEN} | {"user_id": user_id}
        return rows[user_id]

    for removal in plan.taken_off:
        row, source_code = row_of(removal.values["user_id"]), removal.values["source_code"]
        if removal.effect != Effect.OTHER_SOURCES:
            row |= {"on_roster": False, "left_roster_at": now}
        if source_code:  # what WISEflow has sent may be of this source: it is known, but no part of the roster
            row["sources"][source_code] = None
        if before[row["user_id"]]["state"] == ExportState.NOT_EXPORTED:
            row["sources"].pop(source_code, None)
        row["added_by"] = added_by(row["sources"], row["added_by"])
    for line in plan.to_write:
        values = line.values
        row = row_of(values["user_id"])
        row |= {"on_roster": True, "left_roster_at": None}
        row |= {name: values[name] for name in OF_PERSON if name in values}
        if source_code := values.get("source_code", ""):
            row["sources"][source_code] = values.get("added_by", row["sources"].get(source_code) or "")
        row["added_by"] = added_by(row["sources"], values.get("added_by", row["added_by"]))
    return list(rows.values())


def added_by(sources: Mapping[str, str | None], otherwise: str) -> str:
    """How a person was added to the flow: through the SIS, if by one source at least."""
    found = {how for how in sources.values() if how}
    return Participant.AddedBy.SIS.value if Participant.AddedBy.SIS in found else (found.pop() if found else otherwise)


def reason(plan: Plan) -> str:
    """`Roster imported: 3 added, 1 changed, 0 removed, 40 unchanged`. Who is not in a file stays on the roster; removed
    are people who are known to have been added by hand from now on, and so are never exported (R8).
    """
    off = [change for change in plan.changed if change.differences.get("added_by", ("", ""))[1] == MANUAL]
    return gettext(
        "Roster imported: %(added)s added, %(changed)s changed, %(removed)s removed, %(unchanged)s unchanged"
    ) % {
        "added": len(plan.added),
        "changed": len(plan.changed) - len(off),
        "removed": len(off),
        "unchanged": len(plan.unchanged),
    }


def replaced(plan: Plan) -> str:
    """`Roster replaced: 3 added, 1 changed, 2 taken off, 40 unchanged`."""
    return (
        gettext(
            "Roster replaced: %(added)s added, %(changed)s changed, %(taken_off)s taken off, %(unchanged)s unchanged"
        )
        % plan.counts
    )


def replacement_notes(flow: Flow, plan: Plan) -> list[str]:
    """What to know before people are taken off: whether it is nearly everyone, and of whom something is kept."""
    effects = {removal.values["user_id"]: removal.effect for removal in plan.taken_off}
    off = [user_id for user_id, effect in effects.items() if effect != Effect.OTHER_SOURCES]
    kept = [user_id for user_id in off if effects[user_id] == Effect.KEPT]
    found = []
    if off and 2 * len(off) > (before := flow.participants.filter(on_roster=True).count()):
        found.append(
            gettext(
                "The file takes %(off)s of %(all)s participants off the roster. Check that it is a file of this flow, "
                "and that no one is missing from it."
            )
            % {"off": intcomma(len(off)), "all": intcomma(before)}
        )
    if kept:
        found.append(
            ngettext(
                "Something has come of this participant, who is kept as not on the roster any more: %(people)s. "
                "What is in Learn stays there.",
                "Something has come of these participants, who are kept as not on the roster any more: %(people)s. "
                "What is in Learn stays there.",
                len(kept),
            )
            % {"people": shortlist(kept)}
        )
    return found
