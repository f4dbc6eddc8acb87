"""What was fetched of a flow -> its row, its roster, and what WISEflow holds of each person. One transaction."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from common.database.bulk import among, insert
from exports.fetching.following import follows, follows_roster, row_after, there
from exports.fetching.reading import FetchedFlow, FetchedPerson
from exports.importing.rosters import WRITTEN, delete_people, write_people
from exports.mapping import places
from exports.models import ExportState, Flow, FlowInWiseflow, PersonInWiseflow

Row = dict[str, Any]
RECORD = ("is_listed", "is_activated", "sources", "learn_user_id", "first_name", "last_name")
BLANK: Row = {
    "learn_user_id": "",
    "first_name": "",
    "last_name": "",
    "sources": {},
    "added_by": "",
    "on_roster": False,
    "left_roster_at": None,
    "learn_user_is_unknown": False,
    "state": ExportState.NOT_EXPORTED.value,
}


class NoOneListed(Exception):
    """WISEflow lists no one in a flow in which it listed people before: nothing is concluded from that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChange:
    """What a fetch does to a flow's people. `kept`: on how many a roster of this site has another word."""

    rows: list[Row]
    added: int
    changed: int
    taken_off: int
    deleted: Collection[str]  # user ids
    kept: int

    @property
    def is_any(self) -> bool:
        return bool(self.rows or self.deleted)

    def reason(self) -> str:
        """Of the flow's history."""
        return gettext("Fetched from WISEflow: %(added)s added, %(changed)s changed, %(taken_off)s taken off") % {
            "added": self.added,
            "changed": self.changed,
            "taken_off": self.taken_off,
        }


@transaction.atomic
def store(flow_pk: int, found: FetchedFlow, *, by: User | None) -> FlowInWiseflow:
    """Write all of it, or raise and write nothing. Grades in Learn and what WISEflow has sent are not touched."""
    now = timezone.now()
    flow = Flow.objects.select_for_update(no_key=True).get(pk=flow_pk)  # before any export or roster, or after it
    known, _is_new = FlowInWiseflow.objects.select_for_update().get_or_create(flow=flow)
    people = {row["user_id"]: row for row in flow.participants.order_by().values("user_id", "pk", "state", *WRITTEN)}
    records = find_records(flow)
    if not found.people and any(record["is_listed"] for record in records.values()):
        raise NoOneListed
    roster = roster_change(found, people, records, now)
    follow_flow(flow, known, found, roster, now, by=by)
    listed = {person.user_id for person in found.people}
    gone = [
        people[user_id]["pk"] for user_id, record in records.items() if record["is_listed"] and user_id not in listed
    ]
    PersonInWiseflow.objects.filter(among("participant_id", gone)).update(
        is_listed=False, grade="", alternative_grade="", export_state=None, fetched_at=now
    )
    if roster.is_any:
        written = write_people(flow, [{name: row[name] for name in ("user_id", *WRITTEN)} for row in roster.rows])
        delete_people(flow, roster.deleted)
        places.follow_roster(flow, written)
        Flow.objects.refresh([flow.pk])
    write_records(flow, found.people, now)
    known.counts = {
        "listed": len(found.people),
        "by_hand": sum(not person.sources for person in found.people),
        "deactivated": sum(not person.is_activated for person in found.people),
        "unknown": sum(person.is_activated and not person.learn_user_id for person in found.people),
        "kept": roster.kept,
    }
    known.title, known.state, known.sources = found.title, found.state, list(found.sources)
    known.assessment_ends_at, known.modifier, known.fetched_at = found.assessment_ends_at, found.modifier, now
    known.requested_at, known.failed_at, known.failure = None, None, {}
    known.save()
    return known


def find_records(flow: Flow) -> dict[str, Row]:
    """What WISEflow said of each person at the last fetch, by user id."""
    rows = PersonInWiseflow.objects.filter(participant__flow=flow).order_by()
    return {user_id: dict(zip(RECORD, row, strict=True)) for user_id, *row in rows.values_list(*OF_RECORD)}


OF_RECORD = ("participant__user_id", *RECORD)


def follow_flow(
    flow: Flow,
    known: FlowInWiseflow,
    found: FetchedFlow,
    roster: RosterChange,
    now: datetime,
    *,
    by: User | None,
) -> None:
    """Set the flow's own fields, each where nobody here has entered another value. One line of history, if any."""
    before_it = {name: getattr(flow, name) for name in FIELDS}
    if follows(flow.title, known.title):
        flow.title = found.title
    if flow.assessment_ends_at == known.assessment_ends_at:  # emptied here is entered here, too
        flow.assessment_ends_at = found.assessment_ends_at
    if flow.synchronised_at == known.synchronised_at:
        inferred = known.synchronised_at or now.replace(microsecond=0)
        flow.synchronised_at = known.synchronised_at = inferred if found.is_synchronised else None
    if roster.is_any and found.people:
        flow.roster_imported_at = now
    changed = [name for name in FIELDS if getattr(flow, name) != before_it[name]]
    if not changed:
        return
    historical: Any = flow  # to django-simple-history
    if by:
        historical._history_user = by
    historical._change_reason = roster.reason()
    flow.save(update_fields=changed)
    historical._change_reason = None  # of this change alone


FIELDS = ("title", "assessment_ends_at", "synchronised_at", "roster_imported_at")


def roster_change(
    found: FetchedFlow, people: Mapping[str, Row], records: Mapping[str, Row], now: datetime
) -> RosterChange:
    """Pure but for the moment."""
    rows: list[Row] = []
    added = kept = taken_off = 0
    deleted: set[str] = set()
    listed = {person.user_id: person for person in found.people}
    for user_id in {**listed, **{user_id: None for user_id in records if user_id in people}}:
        person, row, record = listed.get(user_id), people.get(user_id, BLANK), records.get(user_id)
        after = row_after(person, row, record, now) | {"user_id": user_id}
        kept += not is_followed(person, row, record)
        if person is None and record and not record["is_listed"]:
            continue  # nothing is new
        if person is None and not after["on_roster"]:
            deleted.add(user_id)  # as far as nothing of theirs is here
        if user_id not in people or any(after[name] != row[name] for name in WRITTEN):
            rows.append(after)
            added += user_id not in people
            taken_off += bool(row["on_roster"]) and not after["on_roster"]
    return RosterChange(
        rows=rows,
        added=added,
        changed=len(rows) - added - taken_off,
        taken_off=taken_off,
        deleted=deleted,
        kept=kept,
    )


def is_followed(person: FetchedPerson | None, row: Row, record: Row | None) -> bool:
    wanted = there(person.sources if person else (), is_expected_to_be_on=person is not None and person.is_activated)
    return follows_roster(row, record, wanted)


def write_records(flow: Flow, people: Collection[FetchedPerson], now: datetime) -> None:
    pks = dict(flow.participants.order_by().values_list("user_id", "pk"))
    rows = [
        {
            "participant_id": pks[person.user_id],
            "number": person.number,
            "is_listed": True,
            "is_activated": person.is_activated,
            "learn_user_id": person.learn_user_id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "sources": json.dumps(person.sources),
            "grade": person.grade,
            "alternative_grade": person.alternative_grade,
            "graded_at": person.graded_at,
            "export_state": person.export_state,
            "exported_at": person.exported_at,
            "fetched_at": now,
        }
        for person in people
    ]
    if rows:
        insert(PersonInWiseflow, rows, unique=("participant_id",), update=[*rows[0]][1:])
