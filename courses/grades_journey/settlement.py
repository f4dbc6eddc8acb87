"""From answers that name no user to an outcome for every item. Pure but for the `send` it is given.

What can be believed of an answer:

- it is matched to its items (see `match_results`), and no two of these share their names: each result is that of its
  item;
- matched, and every result is OK: all are stored, whatever the order;
- matched, and every result failed: all are rejected, whatever the order;
- matched, and some failed: those are sent once more. All fail again: they are the rejected ones, the rest is stored.
  Any of them succeeds: results are at other places than their items, so nothing is known;
- matched but for the spelling of a name (see `written_otherwise`): the items of that name are unconfirmed, for Learn
  may have stored them elsewhere, and no further call would say more. The rest is judged as above;
- anything else: nothing is known of any item in the call.

Setting a value twice is harmless, so where nothing is known the items are split and sent again. A success then is one;
a rejection is not: the call before it may have stored the item. That, and what is never decided, is unconfirmed. So is,
without any further call, an item that is not `repeatable`: it could be made a second time.

Before anything is split, who calls may look: a value that Learn shows is stored, and one that it does not show is not,
since the call was answered. Only what no look could tell is sent again.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from courses.grades_journey.items import Item
from courses.grades_journey.results import ItemRejected, Result, distinct, match_results, written_otherwise
from courses.learn_http.errors import (
    CredentialsRefused,
    Fault,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    Unconfirmed,
)

MAX_EXTRA_CALLS = 100  # one per cent of the 10,000 calls a day that a site has by default
ENDS_ALL = (QuotaUsedUp, CredentialsRefused, PermissionMissing, NotInstalled)  # the next call would end in the same


# Items by their places -> for those that a look could tell: None (stored) or what became of them instead
Look = Callable[[Sequence[int]], Mapping[int, LearnError | None]]
MayBegin = Callable[[], bool]  # whether a further call may begin, for a process that is to end soon


def always() -> bool:
    return True


class _NoMoreCalls(Exception):
    pass


class Settlement:
    """The finishing of one sequence of items of one service. `send` returns a call's results or raises a LearnError."""

    def __init__(
        self,
        items: Sequence[Item],
        send: Callable[[Sequence[Item]], list[Result]],
        *,
        until: float,
        look: Look | None = None,
        may_begin: MayBegin = always,
    ) -> None:
        self._items = items
        self._send = send
        self._until = until
        self._look = look
        self._may_begin = may_begin
        self._calls = 0

    def finish(self) -> list[LearnError | None]:
        """One outcome per item, at its place; None: stored."""
        outcomes: list[LearnError | None] = [of_item(Unconfirmed(Fault.RESULTS_NOT_MATCHED), self._items[0])] * len(
            self._items
        )
        pending = [list(range(len(self._items)))]
        while pending:
            batch = pending.pop()
            is_part = self._calls > 0  # of a batch that was sent before, and its answer not believed
            try:
                verdicts = self._verdicts(batch)
            except LearnError as error:
                if self._calls == 1:
                    return [error] * len(self._items)
                if isinstance(error, ENDS_ALL):
                    break
                if isinstance(error, Unconfirmed):  # Learn may still be at work on it
                    outcomes = [error if place in batch else outcome for place, outcome in enumerate(outcomes)]
                continue  # sent before in a call that was answered: unconfirmed, whatever became of this one
            except _NoMoreCalls:
                break
            if verdicts is None:
                told = self._looked(batch)
                for place, said in told.items():
                    outcomes[place] = said
                rest = [place for place in batch if place not in told]
                pending += [rest] if told and rest else reversed(self._split(rest))
            else:
                for place, verdict in zip(batch, verdicts, strict=True):
                    is_doubtful = is_part and isinstance(verdict, ItemRejected)
                    outcomes[place] = rejected_when_sent_again(verdict) if verdict and is_doubtful else verdict
        return outcomes

    def _verdicts(self, batch: list[int]) -> list[LearnError | None] | None:
        """A verdict on each of the batch, or None where the answers cannot be believed."""
        results = self._ask(batch)
        if results is None:
            return None
        judged = [place for place, result in enumerate(results) if not result.spelling]
        failed = [place for place in judged if not results[place].ok]
        if 0 < len(failed) < len(judged) and not distinct([self._items[place] for place in batch]):
            again = self._ask([batch[place] for place in failed])
            if again is None or any(result.ok or result.spelling for result in again):
                return None
            for place, result in zip(failed, again, strict=True):
                results[place] = result
        return [self._verdict(result) for result in results]

    def _verdict(self, result: Result) -> LearnError | None:
        if result.spelling:
            sent, answered = result.spelling
            return of_item(Unconfirmed(Fault.NAME_WRITTEN_OTHERWISE, sent=sent, answered=answered), self._items[0])
        return result.verdict()

    def _ask(self, batch: list[int]) -> list[Result] | None:
        """The results of one call in the order of its items, or None where they are not matched to them."""
        is_too_late = time.monotonic() >= self._until or not self._may_begin()
        if self._calls > MAX_EXTRA_CALLS or (self._calls and is_too_late):
            raise _NoMoreCalls
        self._calls += 1
        items = [self._items[place] for place in batch]
        results = self._send(items)
        matched = match_results(items, results)
        return match_results(items, written_otherwise(items, results)) if matched is None else matched

    def _looked(self, batch: list[int]) -> Mapping[int, LearnError | None]:
        """What a look says of these. Once: what it could not tell, it cannot tell of a part either."""
        look, self._look = self._look, None
        return look(batch) if look else {}

    def _split(self, batch: list[int]) -> list[list[int]]:
        """By course and column, so that the names in an answer say something; else in halves; one item, or what could
        be made a second time: no further.
        """
        if not self._items[0].repeatable:
            return []
        by_echo: dict[tuple[str, str], list[int]] = {}
        for place in batch:
            by_echo.setdefault(self._items[place].echo, []).append(place)
        if len(by_echo) > 1:
            return list(by_echo.values())
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]] if middle else []


def of_item(error: Unconfirmed, item: Item) -> Unconfirmed:
    """The same of an item in a call that has no results to be believed: with what Learn may have done."""
    return Unconfirmed(error.code, **error.params, effect=item.effect)


def rejected_when_sent_again(rejection: LearnError) -> Unconfirmed:
    """A rejection of what an earlier call may have stored."""
    said = rejection.params.get("message") or rejection.params.get("status", "")
    return Unconfirmed(Fault.REJECTED_WHEN_SENT_AGAIN, message=said)
