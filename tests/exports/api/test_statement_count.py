"""What an export costs the database: so much a batch, nothing a participant."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from exports import delivering
from tests.conftest import COLUMN, COURSE


class Statements:
    """Counts the statements of every thread: each connection that is opened meanwhile, and the one of this thread."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with self._lock:
            self.count += 1
        return execute(sql, params, many, context)

    def watch(self, connection: Any, **signal: Any) -> None:
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)


@contextmanager
def counted() -> Iterator[Statements]:
    statements = Statements()
    connection_created.connect(statements.watch)
    statements.watch(connection)
    try:
        yield statements
        delivering.couriers.rest(seconds=10)
    finally:
        connection_created.disconnect(statements.watch)
        connection.execute_wrappers.remove(statements)


@pytest.fixture
def many(learn):
    """A Learn where u0 to u999 are enrolled and nobody has a grade."""
    users = [f"u{number}" for number in range(1000)]
    learn.world.replace({"courses": {COURSE: {"users": users, "columns": {COLUMN: {"points": None}}}}})


@pytest.fixture
def cost(many, learn, flow, wiseflow, settings):
    """How many statements the first export of so many people takes, in batches of that size.

    One courier: several would look for work as often as chance has it.
    """
    settings.LEARN_CONCURRENCY = 1

    def export(people, batch_size):
        settings.LEARN_BATCH_SIZE = batch_size
        flow.participants.all().delete()
        with counted() as statements:
            answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(people)))
        assert answer["numberOfSuccess"] == people
        return statements.count

    return export


def test_an_export_costs_so_much_a_batch_and_nothing_a_participant(cost):
    one_batch = cost(100, 100)
    two_batches = cost(100, 50)
    a_batch = two_batches - one_batch

    assert 0 < a_batch < one_batch < 60
    assert cost(1000, 1000) == one_batch
    assert cost(1000, 500) == two_batches
    assert cost(1000, 250) == one_batch + 3 * a_batch


def test_an_export_that_was_there_before_costs_the_same_for_1000_as_for_100(many, flow, wiseflow):
    body = [{"userId": f"u{number}", "mark": "A"} for number in range(1000)]
    wiseflow.export(*body)

    with counted() as for_100:
        assert wiseflow.export(*body[:100])["numberOfSuccess"] == 100
    with counted() as for_1000:
        assert wiseflow.export(*body)["numberOfSuccess"] == 1000

    assert for_100.count == for_1000.count < 25
