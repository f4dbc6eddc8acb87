"""Looking at Learn's gradebook around a call: before it, so that a grade is only replaced where GradeBridge wrote it or
two people agreed; after it, so that an unknown outcome becomes a known one.

Learn has no way to set a value only if nothing has changed: what is typed between our look and our call is replaced.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from courses.gradebook import Comparison, Verdict, compare
from courses.grades_journey import Call, LearnError, Unavailable, Unconfirmed
from courses.learn_http.errors import Fault
from courses.models import NAME_LENGTH, GradeColumn
from courses.reading_back import FEW, Reader, Reading
from courses.sentences import reason_of
from exports.delivering.outcomes import NotInLearn
from exports.delivering.recording import Outcome
from exports.grades.causes import Cause, Detail
from exports.grades.facts import Place
from exports.models import Decision, Delivery, GradeInLearn, Proof

log = structlog.get_logger(__name__)

State = Delivery.State
ColumnName = tuple[str, str]  # course id, column name
Item = tuple[str, str, str, str]  # course id, Learn user, column name, value
Observe = Callable[[Call], None]

# What does not pass: reading is not possible there, and sending goes on as on a site that cannot be read at all.
# NOT_READABLE is different in a column that could be read the last time: that is an accident, and not a site's choice.
LASTING = (
    *(Fault.NO_SUCH_COURSE, Fault.NO_SUCH_COLUMN, Fault.COLUMN_GONE, Fault.COLUMN_TWICE, Fault.COLUMN_ANONYMOUS),
    *(Fault.NOT_READABLE, Fault.SERVICE_UNKNOWN, "USER_HIDDEN", "MEMBER_DISABLED"),
)
# Learn has answered, and works on the call no more
IS_OVER = (Fault.RESULTS_NOT_MATCHED, Fault.NAME_WRITTEN_OTHERWISE, Fault.REJECTED_WHEN_SENT_AGAIN)
OF_A_GATEWAY = (502, 503, 504)  # Learn itself may still be at work behind it
LONG_BEFORE = timedelta(days=365)  # of a place that GradeBridge never wrote to: how far back its log is asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What GradeBridge knows of a place before it looks."""

    values: Sequence[str] = ()  # what it wrote there last, and what may have arrived since
    since: datetime | None = None  # when the last of these was written
    replaceable: str | None = None  # what was shown there when two people agreed to replace it
    kept: str | None = None  # what was shown there when it was decided to keep it


@dataclass(kw_only=True)
class Looks:
    """The looks around one call. `until`: a time.monotonic() moment; no read goes beyond it.

    What was found is kept by the item's place in `items`: `outcomes` has what the call need not say any more.
    """

    items: Sequence[Item]
    until: float
    observe: Observe
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    _looked_after: set[int] = field(default_factory=set)
    _reader: Reader | None = None

    def before(self, numbers: Collection[int]) -> None:
        """Read the places of these items, and decide those that are not to be sent.

        It takes half of the time at most: the rest is for sending what need not be read.
        """
        now, judged = time.monotonic(), set[int]()
        with logged_crash():  # nothing was sent, and nothing is sent unseen
            known = find_known({place_of(self.items[number]) for number in numbers})
            symbols = self._symbols(numbers)
            readable = {column for column in symbols if could_be_read(column)}
            few = few_of(symbols)
            for number, reading in self._read(numbers, few, until=now + (self.until - now) / 2):
                item = self.items[number]
                about = known[place_of(item)]
                column = item[0], item[2]
                outcome = judge_before(reading, item[3], about, symbols[column], was_readable=column in readable)
                if outcome and outcome[1] == Cause.CHANGED_IN_LEARN and isinstance(reading, Reading):
                    outcome = (*outcome[:2], self._who_changed(item, reading, about, outcome[2]))
                if outcome:
                    self.outcomes[number] = outcome
                judged.add(number)
        self.outcomes |= {number: not_read({"code": "READING_CRASHED"}) for number in numbers if number not in judged}

    def after(self, numbers: Sequence[int], errors: Mapping[int, LearnError]) -> dict[int, LearnError | None]:
        """Read whether these unconfirmed items have arrived: None where Learn shows them, an error where it does not
        and works on the call no more. What stays unknown is left out.

        `errors`: why they are unconfirmed; those of an item that is not there were answered and not matched.
        """
        numbers = [number for number in numbers if number not in self._looked_after]
        self._looked_after.update(numbers)
        told: dict[int, LearnError | None] = {}
        with logged_crash():  # they stay unconfirmed
            symbols = self._symbols(numbers)
            few = few_of(symbols)
            for number, reading in self._read(numbers, few, until=self.until):
                found = judge_after(reading, self.items[number], symbols, errors.get(number))
                if found:
                    self.outcomes[number] = found
                    told[number] = None if found[0] == State.DELIVERED else NotInLearn()
        return told

    def _symbols(self, numbers: Iterable[int]) -> dict[ColumnName, frozenset[str]]:
        columns = {(self.items[number][0], self.items[number][2]) for number in numbers}
        return {column: GradeColumn.objects.symbols_in(*column) for column in columns}

    def _read(
        self, numbers: Iterable[int], few: Mapping[ColumnName, int], *, until: float
    ) -> Iterable[tuple[int, Reading | LearnError]]:
        """A reading an item, or why Learn could not say it now: then it is not asked any more."""
        columns: dict[ColumnName, dict[str, int]] = defaultdict(dict)
        for number in numbers:
            course_id, user, name, _value = self.items[number]
            columns[course_id, name][user] = number
        if self._reader is None:
            self._reader = Reader(until=until)
        self._reader.until = until
        connection.close()
        failure: LearnError | None = None
        for column, users in columns.items():
            readings: Mapping[str, Reading | LearnError] = {}
            try:
                if failure is None:
                    readings = self._reader.read(*column, list(users), few=few[column])
            except LearnError as error:
                failure = error
            finally:
                self._tell_of_calls()
            for user, number in users.items():
                yield number, readings.get(user) or failure or Unavailable(Fault.NO_TIME_LEFT)

    def _tell_of_calls(self) -> None:
        reader = self._reader
        assert reader is not None
        calls, reader.calls = reader.calls, []
        for call in calls:
            self.observe(call)

    def _who_changed(self, item: Item, reading: Reading, known: Known, detail: Detail) -> Detail:
        """The same with who made the change and when, where Learn's log says so."""
        reader = self._reader
        assert reader is not None
        since = known.since or timezone.now() - LONG_BEFORE
        user_id = reading.grade.user_id if reading.grade else None
        try:
            changes = reader.changes(item[0], item[2], since=since)
        except LearnError:
            return detail
        finally:
            self._tell_of_calls()
        latest = next((change for change in changes if change.user_id == user_id), None)
        if latest is None or latest.at is None or latest.at < since:
            return detail
        told = {"reason": "SET_BY", "by": latest.by} if latest.by else {"reason": "SET_ON"}
        return {**detail, **told, "changed_at": latest.at.isoformat()}


def few_of(columns: Iterable[ColumnName]) -> dict[ColumnName, int]:
    """How many people of each column cost no more calls one by one than the lists of its grades and members. By what
    the ledger has there, so rather too few.
    """
    in_learn = GradeInLearn.objects.in_learn()
    known = {column: in_learn.filter(course_id=column[0], column_name=column[1]).count() for column in columns}
    return {column: max(FEW, -(-number // 100) + -(-number // 200)) for column, number in known.items()}


def place_of(item: Item) -> Place:
    course_id, user, name, _value = item
    return course_id, name, user


@contextmanager
def logged_crash() -> Iterator[None]:
    """Go on after whatever goes wrong here. The connection to the database goes back to the pool."""
    try:
        yield
    except DatabaseError as error:
        log.warning("learn_not_read", error=type(error).__name__)
    except Exception:
        log.exception("reading_learn_crashed")
    finally:
        connection.close()


def find_known(places: Collection[Place]) -> dict[Place, Known]:
    """What is known of these places, in two statements.

    Of the ledger that is what came last for certain, and what may have come since: an older grade of ours is not there
    any more, so that whoever shows it there has typed it.
    """
    grades: dict[Place, list[GradeInLearn]] = defaultdict(list)
    # What someone has said to be gone is not ours any more: if it is shown all the same, two people replace it.
    ours = GradeInLearn.objects.at_places(places).exclude(ended_as=GradeInLearn.Ending.DEALT_WITH)
    for grade in ours.order_by("-pk"):
        if not any(later.is_certain for later in grades[grade.place]):
            grades[grade.place].append(grade)
    decisions: dict[Place, Decision] = {}
    for decision in Decision.objects.in_force().at_places(places).order_by("-decided_at", "-pk"):
        decisions.setdefault(decision.place, decision)
    return {place: known_of(grades.get(place, []), decisions.get(place)) for place in places}


def known_of(grades: Sequence[GradeInLearn], decision: Decision | None) -> Known:
    """By the newest decision about the place. What was agreed to be replaced is replaced once."""
    values, since = [grade.value for grade in grades], max((grade.since for grade in grades), default=None)
    if decision is None:
        return Known(values=values, since=since)
    if decision.kind == Decision.Kind.KEEP:
        return Known(values=values, since=since, kept=decision.shown)
    assert decision.decided_at is not None  # a constraint holds them together
    is_done = any(grade.is_certain and grade.since > decision.decided_at for grade in grades)
    return Known(values=values, since=since, replaceable=None if is_done else decision.shown)


def judge_before(
    reading: Reading | LearnError, value: str, known: Known, symbols: Collection[str], *, was_readable: bool = False
) -> Outcome | None:
    """What becomes of a grade by what Learn shows at its place. None: it is sent.

    `was_readable`: the column could be read the last time.
    """
    if isinstance(reading, LearnError) or reading.problem is not None:
        problem = reason_of(reading) if isinstance(reading, LearnError) else reading.problem or {}
        return unless_lasting(problem, was_readable=was_readable)
    found = compare(value, reading.grade, points=reading.points, symbols=symbols)
    if found.verdict is Verdict.PROVEN:
        return found_in_learn(reading, found)
    if found.verdict is Verdict.ABSENT:
        return None
    if any(
        compare(ours, reading.grade, points=reading.points, symbols=symbols).verdict is Verdict.PROVEN
        for ours in known.values
    ):
        return None
    detail = found.detail()
    detail["shown"] = found.shown[:NAME_LENGTH]
    if detail["shown"] == known.replaceable:
        return None
    is_kept = detail["shown"] == known.kept
    return State.REFUSED, (Cause.LEARN_GRADE_KEPT if is_kept else Cause.CHANGED_IN_LEARN).value, detail


def could_be_read(column: ColumnName) -> bool:
    """Whether the newest proof of a grade in the column says what Learn showed."""
    proven = GradeInLearn.objects.in_learn().filter(course_id=column[0], column_name=column[1]).exclude(verdict="")
    newest = proven.order_by("-proof_id").values_list("verdict", flat=True).first()
    return newest is not None and newest != Proof.Verdict.UNREADABLE


def unless_lasting(problem: Mapping[str, Any], *, was_readable: bool) -> Outcome | None:
    code = problem.get("code")
    passes = code not in LASTING or (was_readable and code == Fault.NOT_READABLE)
    return not_read(problem) if passes else None


def judge_after(
    reading: Reading | LearnError,
    item: Item,
    symbols: Mapping[ColumnName, Collection[str]],
    error: LearnError | None,
) -> Outcome | None:
    """What a look after the call says of an unconfirmed item. None: it stays unknown."""
    if isinstance(reading, LearnError) or reading.problem is not None:
        return None
    course_id, _user, name, value = item
    found = compare(value, reading.grade, points=reading.points, symbols=symbols[course_id, name])
    if found.verdict is Verdict.PROVEN:
        return found_in_learn(reading, found)
    return not_in_learn(found) if error is None or is_over(error) else None


def is_over(error: LearnError) -> bool:
    """Whether Learn has answered the call, and so works on it no more. After silence it may."""
    if not isinstance(error, Unconfirmed):
        return False
    if error.code == Fault.NO_RESULTS:
        return error.params.get("status") not in OF_A_GATEWAY
    return error.code in IS_OVER


def found_in_learn(reading: Reading, found: Comparison) -> Outcome:
    detail = {"code": "FOUND_IN_LEARN", **found.detail(), "read_at": reading.read_at.isoformat()}
    return State.DELIVERED, "", detail


def not_in_learn(found: Comparison) -> Outcome:
    """It can be sent again: where Learn shows another grade, that one is looked at first."""
    detail: dict[str, Any] = {}
    if found.verdict is Verdict.DIFFERENT:
        detail = {"reason": "ANOTHER_SHOWN", **found.detail()}
    return State.FAILED, Cause.NOT_IN_LEARN.value, detail


def not_read(problem: Mapping[str, Any]) -> Outcome:
    return State.FAILED, Cause.NOT_READ.value, {"problem": dict(problem)}
