"""The three sides of a place -> what there is to say of them. Pure: each rule looks at values alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from exports.grades.causes import Cause
from exports.grades.states import ExportState
from exports.grades.translating import same_grade
from exports.models import Proof
from exports.reconciling.kinds import MISSING, ORDER, Kind
from exports.reconciling.lines import InWiseflow, Person, Spot

Verdict = Proof.Verdict
NOT_EXPORTED, QUEUED, EXPORTED, FAILED = range(4)  # WISEflow's export states
NOT_YET = (Cause.ASSESSMENT_NOT_ENDED, Cause.ALTERNATIVE_GRADE_TOO_EARLY)
WAITS = (Cause.HELD, Cause.PAUSED)
LEFT_OUT = (Cause.NO_ASSESSMENT, Cause.NOT_ON_ROSTER, Cause.ADDED_BY_HAND, Cause.FORGOTTEN, *WAITS)


def kinds_of(
    person: Person, spot: Spot, wiseflow: InWiseflow | None, *, is_fetched: bool, is_over: bool
) -> Sequence[Kind]:
    """All that is to be said of one place, what is most urgent first.

    `is_fetched`: WISEflow has been asked about the flow. `is_over`: its assessment period has ended, as far as known.
    """
    found = {
        *of_wiseflow(person, spot, wiseflow, is_fetched=is_fetched),
        *of_delivery(person, spot, wiseflow, is_over=is_over),
        *of_learn(person, spot),
    }
    if found & SAYS_WHY_MISSING:
        found -= set(MISSING)
    if any(kind.is_problem for kind in found):
        found -= {Kind.NOTHING}
    return sorted(found or {agreement(spot)}, key=ORDER.__getitem__)


# Of someone who is missing, these say more.
SAYS_WHY_MISSING = {Kind.EXPORTED_THERE_ONLY, Kind.GRADED_NOT_EXPORTED, Kind.SKIPPED}


def agreement(spot: Spot) -> Kind:
    return Kind.AGREES if spot.written else Kind.NOTHING


# WISEflow against GradeBridge


def of_wiseflow(person: Person, spot: Spot, wiseflow: InWiseflow | None, *, is_fetched: bool) -> Iterator[Kind]:
    if not is_fetched:
        return
    if wiseflow is None or not wiseflow.is_listed:
        if spot.written or person.given or person.is_expected:
            yield Kind.NOT_LISTED
        return
    if not wiseflow.is_activated:
        yield Kind.DEACTIVATED
        return
    if not wiseflow.is_comparable:
        yield Kind.NOT_COMPARABLE
    else:
        yield from of_grade(person, spot, wiseflow)
    yield from of_export_state(person, spot, wiseflow)


def of_grade(person: Person, spot: Spot, wiseflow: InWiseflow) -> Iterator[Kind]:
    if person.state == ExportState.QUEUED or (spot.written and spot.written.is_left_behind):
        return
    written = spot.written
    if written is None and not person.given:
        yield from of_nothing_come(person, spot, wiseflow)
    elif is_other(person, spot, wiseflow):
        since = written.since if written else person.failed_at
        if since and since > wiseflow.fetched_at:
            yield Kind.READ_BEFORE
        elif written and is_corrected(person, spot):
            yield Kind.CORRECTED
        else:
            yield Kind.CHANGED_IN_WISEFLOW if wiseflow.given else Kind.GONE_IN_WISEFLOW
    elif written is None and person.state == ExportState.EXPORTED and spot.is_led_to and not spot.refusal:
        yield Kind.GRADED_NOT_EXPORTED  # to this place; to another it was


def of_nothing_come(person: Person, spot: Spot, wiseflow: InWiseflow) -> Iterator[Kind]:
    """Of a person of whom no grade has come."""
    if not wiseflow.given:
        return
    if spot.refusal in NOT_YET:
        yield Kind.NOT_DUE
    elif spot.refusal in LEFT_OUT:
        yield Kind.SKIPPED
    elif person.state == ExportState.FAILED and person.failed_at and person.failed_at > wiseflow.fetched_at:
        yield Kind.READ_BEFORE
    else:
        yield Kind.GRADED_NOT_EXPORTED


def is_other(person: Person, spot: Spot, wiseflow: InWiseflow) -> bool:
    """Whether WISEflow holds another grade than was written, or than came where nothing was written."""
    if spot.written:
        return not spot.is_same
    if not person.given:
        return False
    if wiseflow.alternative_grade or person.alternative_grade:
        return wiseflow.alternative_grade != person.alternative_grade
    return same_grade(wiseflow.mark) != same_grade(person.mark)


def is_corrected(person: Person, spot: Spot) -> bool:
    """Whether two people have agreed that this grade is to be there, and WISEflow still has the one before it."""
    assert spot.written is not None
    return bool(person.corrected_to) and spot.written.mark == person.corrected_to


def of_export_state(person: Person, spot: Spot, wiseflow: InWiseflow) -> Iterator[Kind]:
    """WISEflow's verdict against this one. What it said before the latest verdict here says nothing."""
    written, state = spot.written, wiseflow.export_state
    is_delivered = bool(written and written.is_certain and not written.is_left_behind)
    if written and is_delivered and person.state == ExportState.EXPORTED:
        if is_older(wiseflow, written.since):
            return
        if state == FAILED:
            yield Kind.DELIVERED_BUT_FAILED_THERE
        elif state == NOT_EXPORTED:
            yield Kind.PULLED if written.is_pulled else Kind.DELIVERED_BUT_NOT_THERE
    elif state == EXPORTED and not is_delivered and person.state != ExportState.QUEUED:
        is_on_purpose = bool(person.cause) and failure_of(person) in ON_PURPOSE
        if spot.is_led_to and not is_on_purpose and not is_older(wiseflow, person.failed_at):
            yield Kind.EXPORTED_THERE_ONLY


def is_older(wiseflow: InWiseflow, since: datetime | None) -> bool:
    return since is not None and wiseflow.fetched_at < since


# What GradeBridge did


def of_delivery(person: Person, spot: Spot, wiseflow: InWiseflow | None, *, is_over: bool) -> Iterator[Kind]:
    match person.state:
        case ExportState.QUEUED:
            yield Kind.IN_PROGRESS
        case ExportState.FAILED if spot.has_cause:
            yield failure_of(person)
        case ExportState.NOT_EXPORTED if person.is_expected and not spot.written:
            yield from of_missing(wiseflow, is_over=is_over)


def failure_of(person: Person) -> Kind:
    """What their cause means. Who was held and is not any more waits for someone to retry them."""
    if person.cause in WAITS:
        return Kind.SKIPPED if person.is_held else Kind.NOT_DELIVERED
    return BY_CAUSE.get(person.cause, Kind.NOT_DELIVERED)


BY_CAUSE: dict[str, Kind] = {
    Cause.CHANGED_IN_LEARN: Kind.DIFFERENT_IN_LEARN,
    Cause.LEARN_GRADE_KEPT: Kind.DECIDED,
    **dict.fromkeys(NOT_YET, Kind.NOT_DUE),
    **dict.fromkeys(LEFT_OUT, Kind.SKIPPED),
}
ON_PURPOSE = (Kind.SKIPPED, Kind.DECIDED)


def of_missing(wiseflow: InWiseflow | None, *, is_over: bool) -> Iterator[Kind]:
    if wiseflow and wiseflow.is_listed and not wiseflow.is_activated:
        return
    if not is_over:
        yield Kind.NOT_DUE
    elif wiseflow and wiseflow.is_listed and not wiseflow.given:
        yield Kind.NOT_GRADED
    else:
        yield Kind.MISSING


# What Learn shows


def of_learn(person: Person, spot: Spot) -> Iterator[Kind]:
    written = spot.written
    if written is None:
        return
    if written.is_left_behind:
        yield Kind.LEFT_BEHIND
    if written.learn is None:
        yield Kind.NOT_READ
    elif written.learn.verdict == Verdict.UNREADABLE:
        yield Kind.NOT_READABLE
    elif written.learn.verdict in (Verdict.DIFFERENT, Verdict.ABSENT) and not written.is_left_behind:
        if written.learn.is_kept:
            yield Kind.DECIDED
        else:
            is_different = written.learn.verdict == Verdict.DIFFERENT
            yield Kind.DIFFERENT_IN_LEARN if is_different else Kind.ABSENT_IN_LEARN
