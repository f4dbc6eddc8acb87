"""How outcomes are found when answers name no user. No HTTP: `send` is a pretend Learn in memory."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.grades_journey import (
    CredentialsRefused,
    GradeValue,
    Item,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    Unavailable,
    Unconfirmed,
)
from courses.grades_journey.results import Result
from courses.grades_journey.settlement import MAX_EXTRA_CALLS, Settlement
from courses.learn_http.errors import Fault
from courses.sentences import reason_of
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, grade, grades, items_of

Answering = Callable[[list[Result]], list[Result] | LearnError]


def honest(results: list[Result]) -> list[Result]:
    return results


def shorter(results: list[Result]) -> list[Result]:
    return results[:-1]


def reverse(results: list[Result]) -> list[Result]:
    return results[::-1]


def shorter_unless_single(results: list[Result]) -> list[Result]:
    return results[:-1] if len(results) > 1 else results


def subject(item: Item) -> str:
    """The user, or what has none by its name."""
    return getattr(item, "user_id", item.echo[1])


class Memory:
    """Stores what `refused` allows. The n-th call is answered through the n-th of `answers`, later ones by the last."""

    def __init__(self, *answers: Answering | LearnError, refused: Sequence[str] = ()) -> None:
        self.answers = answers
        self.refused = set(refused)
        self.stored: set[str] = set()
        self.batches: list[list[str]] = []

    def send(self, items: Sequence[Item]) -> list[Result]:
        answering = self.answers[min(len(self.batches), len(self.answers) - 1)]
        self.batches.append([subject(item) for item in items])
        if isinstance(answering, LearnError):
            raise answering
        results = []
        for item in items:
            accepted = subject(item) not in self.refused
            self.stored |= {subject(item)} if accepted else set()
            results.append(Result(status="OK" if accepted else "ERROR", message=subject(item), echo=item.echo))
        answered = answering(results)
        if isinstance(answered, LearnError):
            raise answered
        return answered

    def finish(self, items: Sequence[Item], *, until: float = math.inf) -> list[LearnError | None]:
        return Settlement(items, self.send, until=until).finish()


class Fickle(Memory):
    """Answers in order and truly, but takes or refuses an item by the number of the call and its place, from 0."""

    def __init__(self, refuses: Callable[[int, int], bool]) -> None:
        super().__init__(honest)
        self.refuses = refuses

    def send(self, items: Sequence[GradeValue]) -> list[Result]:
        self.refused = {item.user_id for place, item in enumerate(items) if self.refuses(len(self.batches) + 1, place)}
        return super().send(items)

    def rejected(self, items: Sequence[GradeValue]) -> list[str]:
        outcomes = zip(items, self.finish(items), strict=True)
        return [item.user_id for item, outcome in outcomes if isinstance(outcome, ItemRejected)]


def kinds(outcomes: list[LearnError | None]) -> list[type | None]:
    return [type(outcome) if outcome else None for outcome in outcomes]


QUOTA = QuotaUsedUp(datetime(2026, 11, 22, tzinfo=UTC))
ENDING = [QUOTA, CredentialsRefused(Fault.KEY_REFUSED), PermissionMissing(), NotInstalled()]
PASSING = [
    Unavailable(Fault.NOT_REACHED),
    Unconfirmed(Fault.CONNECTION_BROKEN),
    RequestRefused(Fault.REFUSED, status=400, message="no"),
]


def test_all_ok_is_believed_in_one_call():
    learn = Memory(honest)
    assert learn.finish(grades(5)) == [None] * 5
    assert len(learn.batches) == 1


@pytest.mark.parametrize("count", [1, 4])
def test_all_failed_is_believed_in_one_call(count: int):
    learn = Memory(honest, refused=[f"u{number}" for number in range(1, count + 1)])
    assert kinds(learn.finish(grades(count))) == [ItemRejected] * count
    assert len(learn.batches) == 1


def test_some_failed_are_asked_again_together_and_then_believed():
    learn = Memory(honest, refused=["u2", "u4"])
    assert kinds(learn.finish(grades(5))) == [None, ItemRejected, None, ItemRejected, None]
    assert learn.batches[1:] == [["u2", "u4"]]


def test_results_at_foreign_places_reveal_themselves_and_are_asked_in_parts():
    learn = Memory(reverse, refused=["u1"])
    assert kinds(learn.finish(grades(4))) == [Unconfirmed, None, None, None]
    assert learn.batches[:2] == [["u1", "u2", "u3", "u4"], ["u4"]]


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("every", [2, 3])
def test_what_a_learn_that_refuses_by_place_stored_in_any_call_is_never_rejected(count: int, every: int):
    learn = Fickle(lambda call, place: place % every == 0)
    assert not set(learn.rejected(grades(count))) & learn.stored


def test_what_was_not_stored_when_first_sent_and_fails_again_is_rejected():
    learn = Fickle(lambda call, place: place == 1 or call == 2)
    assert learn.rejected(grades(4)) == ["u2"]
    assert learn.stored == {"u1", "u3", "u4"}


@pytest.mark.parametrize("unmatched", [shorter, lambda results: [*results, results[0]]])
def test_where_nothing_can_ever_be_matched_everybody_is_unconfirmed(unmatched: Answering):
    learn = Memory(unmatched)
    assert kinds(learn.finish(grades(3))) == [Unconfirmed] * 3
    assert learn.batches == [["u1", "u2", "u3"], ["u1"], ["u2", "u3"], ["u2"], ["u3"]]


def test_where_singles_can_be_matched_all_but_a_rejection_is_settled():
    learn = Memory(shorter_unless_single, refused=["u3"])
    outcomes = learn.finish(grades(5))
    assert kinds(outcomes) == [None, None, Unconfirmed, None, None]
    assert reason_of(outcomes[2]) == {"code": "REJECTED_WHEN_SENT_AGAIN", "message": "u3"}


def test_several_columns_are_split_by_column_first():
    learn = Memory(shorter, honest)
    items = [grade("u1"), grade("u2", column="Essay"), grade("u3"), grade("u4", course="c2")]
    assert learn.finish(items) == [None] * 4
    assert learn.batches[1:] == [["u1", "u3"], ["u2"], ["u4"]]


def test_a_second_answer_that_cannot_be_matched_is_no_proof():
    learn = Memory(honest, shorter, honest, refused=["u2"])
    assert kinds(learn.finish(grades(2))) == [None, Unconfirmed]
    assert learn.batches == [["u1", "u2"], ["u2"], ["u1"], ["u2"]]


@pytest.mark.parametrize("error", [*ENDING, *PASSING], ids=lambda error: type(error).__name__)
def test_the_error_of_the_first_call_is_everybodys(error: LearnError):
    learn = Memory(error)
    assert learn.finish(grades(3)) == [error] * 3
    assert len(learn.batches) == 1


@pytest.mark.parametrize("error", ENDING, ids=lambda error: type(error).__name__)
def test_an_error_that_ends_all_makes_no_further_calls_and_leaves_the_rest_unconfirmed(error: LearnError):
    learn = Memory(shorter, honest, error)
    assert kinds(learn.finish(grades(4))) == [None, None, Unconfirmed, Unconfirmed]
    assert len(learn.batches) == 3


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_an_error_of_one_part_leaves_the_others_to_be_settled(error: LearnError):
    learn = Memory(shorter, error, honest)
    assert kinds(learn.finish(grades(4))) == [Unconfirmed, Unconfirmed, None, None]


@pytest.mark.parametrize("error", [*ENDING, *PASSING], ids=lambda error: type(error).__name__)
def test_without_the_second_answer_nobody_is_known(error: LearnError):
    assert kinds(Memory(honest, error, refused=["u1"]).finish(grades(3))) == [Unconfirmed] * 3


def test_the_end_of_the_time_ends_the_asking():
    learn = Memory(shorter_unless_single)
    assert kinds(learn.finish(grades(3), until=time.monotonic())) == [Unconfirmed] * 3
    assert len(learn.batches) == 1


def test_the_extra_calls_are_bounded():
    learn = Memory(shorter_unless_single)
    outcomes = learn.finish(grades(500))
    assert len(learn.batches) == 1 + MAX_EXTRA_CALLS
    assert set(kinds(outcomes)) == {None, Unconfirmed}
    assert outcomes.count(None) >= MAX_EXTRA_CALLS / 3


def longer(results: list[Result]) -> list[Result]:
    return [*results, results[0]]


def foreign(results: list[Result]) -> list[Result]:
    return [replace(result, echo=("c9", "n9")) for result in results]


def without_status(results: list[Result]) -> list[Result]:
    return [replace(result, status="") for result in results]


def failing_second(results: list[Result]) -> list[Result]:
    return [results[0], replace(results[1], status="ERROR"), *results[2:]]


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("answering", [honest, reverse])
def test_names_of_their_own_tell_in_one_call_who_failed(kind: type[Item], answering: Answering):
    learn = Memory(lambda results: answering(failing_second(results)))
    assert kinds(learn.finish(items_of(kind, 3))) == [None, ItemRejected, None]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("unmatched", [shorter, longer, foreign, without_status])
@pytest.mark.parametrize("count", [1, 3])
def test_what_could_be_made_twice_is_sent_once_and_then_unconfirmed(kind: type[Item], unmatched: Answering, count: int):
    learn = Memory(unmatched)
    outcomes = learn.finish(items_of(kind, count))
    assert kinds(outcomes) == [Unconfirmed] * count
    assert len(learn.batches) == 1
    assert reason_of(outcomes[0]) == {"code": "RESULTS_NOT_MATCHED", "effect": kind.effect}


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize(
    ("answering", "outcome"), [(honest, None), (failing_second, Unconfirmed)], ids=["all stored", "one of them failed"]
)
def test_items_of_the_same_names_that_could_be_made_twice_are_not_told_apart_by_a_second_call(
    kind: type[Item], answering: Answering, outcome: type[LearnError] | None
):
    learn = Memory(answering)
    assert kinds(learn.finish(items_of(kind, 1) * 2)) == [outcome] * 2
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("error", [*ENDING, *PASSING], ids=lambda error: type(error).__name__)
def test_an_error_is_the_end_of_what_could_be_made_twice(kind: type[Item], error: LearnError):
    learn = Memory(error)
    assert learn.finish(items_of(kind, 3)) == [error] * 3
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", REPEATABLE)
def test_what_may_be_repeated_is_asked_for_in_parts_until_it_is_matched(kind: type[Item]):
    learn = Memory(shorter_unless_single)
    assert learn.finish(items_of(kind, 3)) == [None] * 3
    assert len(learn.batches) == 4


@settings(deadline=None)
@given(
    kind=st.sampled_from([*REPEATABLE, *NOT_REPEATABLE]),
    count=st.integers(1, 8),
    refused=st.sets(st.integers(1, 8)),
    seed=st.integers(0, 2**32),
    trouble=st.floats(0, 0.6),
)
def test_with_names_of_their_own_the_order_of_results_is_of_no_matter(
    kind: type[Item], count: int, refused: set[int], seed: int, trouble: float
):
    """Learn tells the truth in any order, and loses, cuts or garbles any answer."""
    chance = random.Random(seed)
    items = items_of(kind, count)

    def mangled(results: list[Result]) -> list[Result] | LearnError:
        chance.shuffle(results)
        if chance.random() < trouble:
            garble = chance.choice([shorter, longer, foreign, without_status])
            return chance.choice([garble(results), chance.choice([*ENDING, *PASSING])])
        return results

    learn = Memory(mangled, refused=[f"n{n}" for n in refused])
    outcomes = learn.finish(items)

    for item, outcome in zip(items, outcomes, strict=True):
        if outcome is None:
            assert subject(item) in learn.stored
        elif isinstance(outcome, ItemRejected):
            assert subject(item) not in learn.stored
    if not trouble:
        assert kinds(outcomes) == [ItemRejected if subject(item) in learn.refused else None for item in items]
    if not trouble or not kind.repeatable:
        assert len(learn.batches) == 1


COLUMNS = st.sampled_from([("c1", "Exam"), ("c1", "Essay"), ("c2", "Exam")])


@settings(deadline=None)
@given(
    columns=st.lists(COLUMNS, min_size=1, max_size=12),
    refused=st.sets(st.integers(0, 11)),
    seed=st.integers(0, 2**32),
    disorder=st.sampled_from(["none", "within a column", "anywhere"]),
    trouble=st.floats(0, 0.6),
)
def test_no_success_is_claimed_for_what_is_not_stored_and_no_rejection_for_what_is(
    columns: list[tuple[str, str]], refused: set[int], seed: int, disorder: str, trouble: float
):
    """Learn tells the truth in any order, and loses, cuts or garbles any answer."""
    chance = random.Random(seed)
    items = [grade(f"u{n}", course=course, column=name) for n, (course, name) in enumerate(columns)]

    def mangled(results: list[Result]) -> list[Result] | LearnError:
        if disorder != "none":
            chance.shuffle(results)
        if disorder == "within a column":
            results.sort(key=lambda result: result.echo)  # the order of the columns is kept below
        if chance.random() < trouble:
            return chance.choice([shorter(results), [*results, results[0]], chance.choice([*ENDING, *PASSING])])
        return results

    learn = Memory(mangled, refused=[f"u{n}" for n in refused])
    items.sort(key=lambda item: item.echo)
    outcomes = learn.finish(items)

    for item, outcome in zip(items, outcomes, strict=True):
        if outcome is None:
            assert item.user_id in learn.stored
        elif isinstance(outcome, ItemRejected):
            assert item.user_id not in learn.stored
    if not trouble and disorder == "none":
        assert kinds(outcomes) == [ItemRejected if item.user_id in learn.refused else None for item in items]


def test_no_further_call_begins_once_none_may():
    learn = Memory(shorter)

    outcomes = Settlement(grades(2), learn.send, until=math.inf, may_begin=lambda: False).finish()

    assert len(learn.batches) == 1
    assert all(isinstance(outcome, Unconfirmed) for outcome in outcomes)
