"""From answers that name no user to an outcome for every item. Pure but for the `send` it is given.

What can be believed of an answer:

- it is tied to its items (see `tied`), and no two of these share their names: each result is that of its item;
- tied, and every result is OK: all are stored, whatever the order;
- tied, and every result failed: all are rejected, whatever the order;
- tied, and some failed: those are sent once more. All fail again: they are the rejected ones, the rest is stored. Any
  of them succeeds: results stand at other places than their items, so nothing is known;
- anything else: nothing is known of anybody in the call.

Setting a value twice is harmless, so where nothing is known the items are split and sent again. A success then is one;
a rejection is not: the call before it may have stored the item. That, and what is never settled, is unconfirmed. So is,
without any further call, an item that is not `repeatable`: it could be made a second time.
"""

import time
from collections.abc import Callable, Sequence

from courses.grades_journey.answers import Result, distinct, tied
from courses.grades_journey.errors import (
    CredentialsRefused,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    Unconfirmed,
)
from courses.grades_journey.items import Item

MOST_EXTRA_CALLS = 100  # one per cent of the 10,000 calls a day that a site has by default
ENDS_ALL = (QuotaUsedUp, CredentialsRefused, PermissionMissing, NotInstalled)  # the next call would end in the same


class _NoMoreCalls(Exception):
    pass


class Settlement:
    """The settling of one sequence of items of one service. `send` returns a call's results or raises a LearnError."""

    def __init__(self, items: Sequence[Item], send: Callable[[Sequence[Item]], list[Result]], *, until: float) -> None:
        self._items = items
        self._send = send
        self._until = until
        self._calls = 0

    def settle(self) -> list[LearnError | None]:
        """One outcome per item, at its place; None: stored."""
        outcomes: list[LearnError | None] = [
            in_want_of_proof("Learn's answer could not be tied to what was sent", self._items[0])
        ] * len(self._items)
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
                continue  # sent before in a call that was answered: unconfirmed, whatever became of this one
            except _NoMoreCalls:
                break
            if verdicts is None:
                pending += reversed(self._split(batch) if self._items[0].repeatable else [])
            else:
                for place, verdict in zip(batch, verdicts, strict=True):
                    outcomes[place] = in_doubt(verdict) if verdict and is_part else verdict
        return outcomes

    def _verdicts(self, batch: list[int]) -> list[LearnError | None] | None:
        """A verdict on each of the batch, or None where the answers cannot be believed."""
        results = self._ask(batch)
        if results is None:
            return None
        failed = [place for place, result in enumerate(results) if not result.ok]
        if 0 < len(failed) < len(batch) and not distinct([self._items[place] for place in batch]):
            again = self._ask([batch[place] for place in failed])
            if again is None or any(result.ok for result in again):
                return None
            for place, result in zip(failed, again, strict=True):
                results[place] = result
        return [result.verdict() for result in results]

    def _ask(self, batch: list[int]) -> list[Result] | None:
        """The results of one call in the order of its items, or None where they are not tied to them."""
        if self._calls > MOST_EXTRA_CALLS or (self._calls and time.monotonic() >= self._until):
            raise _NoMoreCalls
        self._calls += 1
        items = [self._items[place] for place in batch]
        return tied(items, self._send(items))

    def _split(self, batch: list[int]) -> list[list[int]]:
        """By course and column, so that the names in an answer say something; else in halves; one item: no further."""
        by_echo: dict[tuple[str, str], list[int]] = {}
        for place in batch:
            by_echo.setdefault(self._items[place].echo, []).append(place)
        if len(by_echo) > 1:
            return list(by_echo.values())
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]] if middle else []


def in_want_of_proof(what_happened: str, item: Item) -> Unconfirmed:
    """Of an item in a call that has no results to be believed."""
    return Unconfirmed(f"{what_happened.removesuffix('.')}; it may have {item.deed}.")


def in_doubt(rejection: LearnError) -> Unconfirmed:
    """A rejection of what an earlier call may have stored."""
    return Unconfirmed(f"Learn may have stored it when it was first sent. Sent again, it was rejected: {rejection}")
