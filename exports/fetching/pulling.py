"""A manager's export of what WISEflow's API holds: the grades of the last fetch, sent by the rules of any export.

WISEflow is not told of it: its own export states stay as they are. What is sent is exactly what was shown, or it is
shown again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction

from common.database.retrying import despite_conflicts
from exports.delivering import finishing
from exports.delivering.judging import judge_all
from exports.delivering.queueing import Queued, queue
from exports.fetching.reading import NUMBER
from exports.grades.facts import AlreadyExported, Column, Entry, Refused, Send, Verdict
from exports.grades.translating import Marks
from exports.models import ColumnMapping, ExportAttempt, Flow, FlowInWiseflow, PersonInWiseflow
from exports.reading.body import Body
from exports.tasks import deliver_attempt, new_attempt

MAX_AGE = timedelta(hours=1)  # of what is sent; older, it has to be fetched again


class NotPullable(Exception):
    """Nothing can be sent. `reason` says what to do first."""

    def __init__(self, reason: "Reason") -> None:
        super().__init__(reason)
        self.reason = reason


class Reason(StrEnum):
    NOT_FETCHED = "NOT_FETCHED"  # fetch it
    TOO_OLD = "TOO_OLD"  # fetch it again
    CHANGED = "CHANGED"  # look at what would be sent now
    NO_GRADES = "NO_GRADES"  # wait until WISEflow has some
    SCALE_UNKNOWN = "SCALE_UNKNOWN"  # UNIwise: the licence does not let the scale be read
    SCALE_UNCLEAR = "SCALE_UNCLEAR"  # an administrator: give every mapping the same divisor, or none


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What WISEflow holds, as a body: an entry for each person with a grade. The numbers are of people left out."""

    body: Body
    fetched_at: datetime
    without_grade: int
    deactivated: int

    @property
    def entries(self) -> list[Entry]:
        return [line for line in self.body.lines if isinstance(line, Entry)]


def read_pull(flow: Flow, *, now: datetime) -> Pull:
    """What a pull of the flow would send now. Reads the last fetch alone. Raises NotPullable."""
    known = FlowInWiseflow.objects.filter(flow=flow).first()
    if known is None or known.fetched_at is None:
        raise NotPullable(Reason.NOT_FETCHED)
    if now - known.fetched_at > MAX_AGE:
        raise NotPullable(Reason.TOO_OLD)
    people = list(
        PersonInWiseflow.objects.filter(participant__flow=flow, is_listed=True)
        .select_related("participant")
        .order_by("number")
    )
    graded = [person for person in people if person.given]
    active = [person for person in graded if person.is_activated]
    if not active:
        raise NotPullable(Reason.NO_GRADES)
    divisor = divisor_for(flow, known, active)
    entries = [entry_of(person, divisor) for person in active]
    return Pull(
        body=Body(flow_id=flow.flow_id, lines=[*entries], user_ids=[int(entry.user_id) for entry in entries]),
        fetched_at=known.fetched_at,
        without_grade=len(people) - len(graded),
        deactivated=len(graded) - len(active),
    )


def entry_of(person: PersonInWiseflow, divisor: Decimal) -> Entry:
    """As WISEflow would post it: the alternative grade beside the mark, which it overrides."""
    return Entry(
        user_id=person.participant.user_id,
        user_id_is_number=True,
        mark=in_words_of_people(person.grade, divisor),
        alternative_grade=person.alternative_grade,
    )


def in_words_of_people(grade: str, divisor: Decimal) -> str:
    """89.99 for 8999, where numbers are stored multiplied by 100. All digits are kept."""
    if divisor == 1 or not NUMBER.fullmatch(grade):
        return grade
    with localcontext(EXACT):
        try:
            return f"{(Decimal(grade.replace(',', '.')) / divisor).normalize():f}"
        except Inexact:
            raise NotPullable(Reason.SCALE_UNCLEAR) from None


EXACT = Context(prec=400, traps=[Inexact])


def divisor_for(flow: Flow, known: FlowInWiseflow, people: Sequence[PersonInWiseflow]) -> Decimal:
    """By what numbers are divided before the translation sees them. Raises NotPullable."""
    return divisor_by(known.modifier, [person.grade for person in people], divisors_of(flow))


def divisor_by(modifier: Decimal | None, grades: Iterable[str], divisors: Iterable[Decimal]) -> Decimal:
    """The same, of these grades as they are stored; `divisors`: of the translations of all mappings.

    WISEflow's API has numbers as they are stored. A mapping whose translation divides by the same number expects them
    so; one that does not divide expects them as people see them. Raises NotPullable where it can be neither.
    """
    if not any(NUMBER.fullmatch(grade) for grade in grades):
        return Decimal(1)
    if modifier is None:
        raise NotPullable(Reason.SCALE_UNKNOWN)
    if modifier == 1:
        return modifier
    found = set(divisors)
    if found == {modifier}:
        return Decimal(1)
    if found <= {Decimal(1)}:
        return modifier
    raise NotPullable(Reason.SCALE_UNCLEAR)


def divisors_of(flow: Flow) -> Iterator[Decimal]:
    for mapping in ColumnMapping.objects.filter(flow=flow).select_related("translation"):
        is_numeric = mapping.translation is not None and mapping.translation.marks == Marks.NUMERIC
        yield mapping.translation.divisor if is_numeric and mapping.translation else Decimal(1)


def divisors_in(columns: Iterable[Column]) -> Iterator[Decimal]:
    """The same, of columns that are known already."""
    for column in columns:
        translator = column.translator
        yield translator.divisor if translator and translator.marks is Marks.NUMERIC else Decimal(1)


def digest(flow: Flow, pull: Pull, *, now: datetime) -> str:
    """What would become of each entry now, as a checksum: of two that are the same, the same would be sent."""
    verdicts = judge_all(flow, pull.entries, now=now, client=None, is_by_person=True).verdicts
    lines = sorted((part.user_id, part.source_code, *outcome_of(verdict)) for part, verdict in verdicts.items())
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def outcome_of(verdict: Verdict) -> tuple[str, ...]:
    match verdict:
        case Send(value):
            return ("send", value, *verdict.place)
        case AlreadyExported(value):
            return ("exported", value)
        case Refused(cause):
            return ("refused", cause.value)


def pull(flow: Flow, *, shown: str, by: User, now: datetime) -> Queued:
    """Record an attempt of what was `shown`, by its digest, and have it delivered in the background.

    Raises NotPullable.
    """
    finishing.sweep(Flow.objects.filter(pk=flow.pk))
    return despite_conflicts(record, flow.pk, shown=shown, by=by, now=now)


@transaction.atomic
def record(flow_pk: int, *, shown: str, by: User, now: datetime) -> Queued:
    """With the flow's row locked, which a fetch takes before it stores."""
    flow = Flow.objects.select_for_update(no_key=True).get(pk=flow_pk)
    found = read_pull(flow, now=now)
    if digest(flow, found, now=now) != shown:
        raise NotPullable(Reason.CHANGED)
    queued = queue(flow, found.entries, new_attempt(flow, ExportAttempt.Trigger.PULL, by=by))
    if queued.in_progress:
        deliver_attempt.enqueue(queued.attempt.pk)
    return queued
