"""Columns that are read back: each grade of the ledger gets a proof of what Learn shows in its place.

A proof is of the grade that was in the ledger before Learn was read. What is being replaced meanwhile gets none.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from common.database.bulk import among, insert, update
from courses.gradebook import compare
from courses.learn_http.errors import LearnError
from courses.models import NAME_LENGTH, ColumnReading, GradeColumn
from courses.reading_back import FEW, NoCallsLeft, Reader, Reading
from exports.delivering.doubts import Look, end_doubts
from exports.models import Delivery, GradeInLearn, Proof

Verdict = Proof.Verdict
ColumnName = tuple[str, str]  # course id, column name


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A grade of the ledger as it was before Learn was read."""

    pk: int
    learn_user_id: str
    value: str
    since: datetime
    verdict: str  # of its latest proof; empty: it has none
    shown: str
    detail: Mapping[str, Any]
    is_doubtful: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was read for a row of the ledger."""

    row: Row
    verdict: Proof.Verdict
    detail: dict[str, Any]
    read_at: datetime
    shown: str = ""
    user_id: str = ""  # Learn's own id of the person, where it was read


DIFFERS = (Verdict.DIFFERENT, Verdict.ABSENT)


def prove_column(
    reader: Reader, column: ColumnName, users: Collection[str], *, only_changes: bool
) -> tuple[Counter[str], Counter[tuple[int, str]]]:
    """Read one column: what is asked for where that is little, else all that the ledger has there.

    Returns how many grades have which verdict, and how many are newly different, by flow and verdict.
    """
    called = users_called(column)
    rows = find_rows(column)
    last = ColumnReading.objects.filter(course_id=column[0], column_name=column[1]).first() if only_changes else None
    if last and not any(is_to_be_read_again(row) for row in rows.values()):
        found = reader.look(last, list(rows))
    elif only_changes:
        found = reader.read_column(*column, list(rows))
    else:
        found = reader.read(*column, [user for user in users if user in rows] if len(users) <= FEW else list(rows))
    seen = compare_all(column, rows, found)
    changed = [one for one in seen if (one.verdict, one.shown) != (one.row.verdict, one.row.shown)]
    if differing := [one for one in changed if one.verdict in DIFFERS]:
        name_who_changed(differing, reader, column)
    called |= record(column, changed)
    end_doubts_of(column, seen, found)
    if not called:  # else what was read of these is not recorded, and is to be read once more
        reader.remember(*column)
    return Counter(one.verdict for one in seen), by_flow(differing)


def by_flow(differing: Sequence[Seen]) -> Counter[tuple[int, str]]:
    """How many of these grades each flow has, by the flow's primary key and the verdict."""
    if not differing:
        return Counter()
    verdicts = {one.row.pk: one.verdict.value for one in differing}
    grades = GradeInLearn.objects.filter(among("pk", list(verdicts))).order_by()
    return Counter((flow, verdicts[pk]) for pk, flow in grades.values_list("pk", "participant__flow_id"))


def end_doubts_of(column: ColumnName, seen: Sequence[Seen], found: Mapping[str, Reading]) -> None:
    """End the doubts among these; what is certain then has the proof of what was read."""
    rows = [one.row for one in seen if one.row.is_doubtful and one.verdict != Verdict.UNREADABLE]
    if not rows:
        return
    symbols = GradeColumn.objects.symbols_in(*column)
    looks = {(*column, row.learn_user_id): Look(grade=row.pk, reading=found[row.learn_user_id]) for row in rows}
    if places := end_doubts(looks, symbols, timezone.now()):
        record(column, compare_all(column, find_rows(column), {user: found[user] for *_, user in places}))


def find_rows(column: ColumnName) -> dict[str, Row]:
    """What the ledger has in the column, by Learn user, but for places to which a call is in progress."""
    grades = GradeInLearn.objects.in_learn().filter(course_id=column[0], column_name=column[1]).order_by()
    columns = ("pk", "learn_user_id", "value", "since", "certainty", "proof__verdict", "proof__shown", "proof__detail")
    rows = {
        user: Row(
            pk=pk,
            learn_user_id=user,
            value=value,
            since=since,
            verdict=verdict or "",
            shown=shown or "",
            detail=detail or {},
            is_doubtful=certainty == GradeInLearn.Certainty.DOUBTFUL,
        )
        for pk, user, value, since, certainty, verdict, shown, detail in grades.values_list(*columns)
    }
    for user in users_called(column):
        rows.pop(user, None)
    return rows


def users_called(column: ColumnName) -> set[str]:
    """Learn users to whose place in the column a call is in progress."""
    calls = Delivery.objects.filter(state=Delivery.State.SENDING, course_id=column[0], column_name=column[1])
    return set(calls.order_by().values_list("learn_user_id", flat=True))


def is_to_be_read_again(row: Row) -> bool:
    """Whether what has kept it from being proven may be over without a change in the column itself."""
    if row.is_doubtful:
        return True
    return not row.verdict or row.verdict == Verdict.UNREADABLE or (row.verdict == Verdict.ABSENT and bool(row.detail))


def compare_all(column: ColumnName, rows: Mapping[str, Row], found: Mapping[str, Reading]) -> list[Seen]:
    symbols = GradeColumn.objects.symbols_in(*column)
    return [see(rows[user], reading, symbols) for user, reading in found.items() if user in rows]


def see(row: Row, reading: Reading, symbols: Collection[str]) -> Seen:
    """The verdict on one grade by what was read at its place."""
    if reading.problem is not None:
        return Seen(row=row, verdict=Verdict.UNREADABLE, detail=dict(reading.problem), read_at=reading.read_at)
    if reading.grade is None:
        return Seen(row=row, verdict=Verdict.ABSENT, detail=dict(reading.absence or {}), read_at=reading.read_at)
    found = compare(row.value, reading.grade, points=reading.points, symbols=symbols)
    detail = found.detail()
    return Seen(
        row=row,
        verdict=Verdict(found.verdict),
        shown=detail.pop("shown")[:NAME_LENGTH],
        detail=detail,
        read_at=reading.read_at,
        user_id=reading.grade.user_id,
    )


def name_who_changed(differing: Sequence[Seen], reader: Reader, column: ColumnName) -> None:
    """Add to each difference who made it and when, where Learn's log says so, and says it now."""
    try:
        changes = reader.changes(*column, since=min(one.row.since for one in differing))
    except (NoCallsLeft, LearnError):  # the difference is known all the same
        return
    for one in differing:
        user_id = one.user_id or reader.user_id_of(column[0], one.row.learn_user_id)
        theirs = (change for change in changes if user_id and change.user_id == user_id)
        if (latest := next(theirs, None)) and latest.at and latest.at >= one.row.since:
            one.detail.update(by=latest.by, changed_at=latest.at.isoformat())


@transaction.atomic
def record(column: ColumnName, changed: Sequence[Seen]) -> set[str]:
    """Append a proof for each of these, but of what was replaced, or is being replaced, since it was read. Returns the
    Learn users to whose places a call is in progress.
    """
    if not changed:
        return set()
    in_learn = GradeInLearn.objects.in_learn().filter(among("pk", [one.row.pk for one in changed]))
    still = set(in_learn.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    proofs = {proof.grade_id: proof for proof in Proof.objects.filter(pk__in=in_learn.order_by().values("proof"))}
    called = users_called(column)
    rows = [
        {
            "grade_id": one.row.pk,
            "verdict": one.verdict.value,
            "shown": one.shown,
            "detail": json.dumps(one.detail),
            "read_at": one.read_at,
        }
        for one in changed
        if one.row.pk in still and one.row.learn_user_id not in called and is_news(one, proofs.get(one.row.pk))
    ]
    inserted = insert(Proof, rows, returning=("grade_id", "id", "verdict"))
    update(GradeInLearn, {grade: {"proof_id": proof, "verdict": verdict} for grade, proof, verdict in inserted})
    return called


def is_news(seen: Seen, last: Proof | None) -> bool:
    """Whether it says more than the last proof: another run may have read the same, or something newer, meanwhile."""
    if last is None:
        return True
    return seen.read_at > last.read_at and (seen.verdict, seen.shown) != (last.verdict, last.shown)
