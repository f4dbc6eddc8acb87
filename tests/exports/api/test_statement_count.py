"""What an export costs the database: so much a batch, nothing a participant."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from exports.delivering import workers
from exports.models import Flow
from tests.conftest import COLUMN, COURSE


class Statements:
    """The statements of every thread: of each connection that is opened meanwhile, and of the one of this thread."""

    def __init__(self) -> None:
        self._request = current_thread()
        self.here: list[str] = []  # those of the request
        self.elsewhere: list[str] = []  # those of the workers

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = "CLAIM" if "state = 'QUEUED'" in sql else sql.split()[0]
        (self.here if current_thread() is self._request else self.elsewhere).append(verb)
        return execute(sql, params, many, context)

    def watch(self, connection: Any, **signal: Any) -> None:
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)

    @property
    def by_workers(self) -> int:
        """What they write. How often they look for work is left to chance; it may not be often."""
        assert len(self.elsewhere) < 100
        return sum(verb in ("INSERT", "UPDATE", "DELETE") for verb in self.elsewhere)


@contextmanager
def counted() -> Iterator[Statements]:
    statements = Statements()
    connection_created.connect(statements.watch)
    statements.watch(connection)
    try:
        yield statements
        workers.workers.wait_until_idle(seconds=10)
    finally:
        connection_created.disconnect(statements.watch)
        connection.execute_wrappers.remove(statements)


@pytest.fixture
def many(learn):
    """A Learn where u0 to u999 are enrolled and nobody has a grade."""
    users = [f"u{number}" for number in range(1000)]
    learn.world.replace({"courses": {COURSE: {"users": users, "columns": {COLUMN: {"points": None}}}}})


@pytest.fixture
def cost(many, flow, wiseflow, settings):
    """What the first export of so many people takes, in batches of that size: the request's and the workers' share."""
    settings.LEARN_CONCURRENCY = 1
    settings.LEARN_TIMEOUT = 300  # no lease is renewed in the test
    settings.EXPORT_DEADLINE = 1000  # and nothing is near its end

    def export(people, batch_size):
        settings.LEARN_BATCH_SIZE = batch_size
        flow.participants.all().delete()
        Flow.objects.refresh([flow.pk])
        with counted() as statements:
            answer = wiseflow.export(*({"userId": f"u{number}", "mark": "A"} for number in range(people)))
        assert answer["numberOfSuccess"] == people
        return len(statements.here), statements.by_workers

    return export


def test_an_export_costs_so_much_a_batch_and_nothing_a_participant(cost):
    request, workers = cost(100, 100)
    assert request < 20

    same_request, two_batches = cost(100, 50)
    assert same_request == request
    a_batch = two_batches - workers
    assert 0 < a_batch <= 6  # and a claim

    assert cost(1000, 1000) == (request, workers)
    assert cost(1000, 500) == (request, workers + a_batch)
    assert cost(1000, 250) == (request, workers + 3 * a_batch)


def test_an_export_that_was_there_before_costs_the_same_for_1000_as_for_100(many, flow, wiseflow):
    body = [{"userId": f"u{number}", "mark": "A"} for number in range(1000)]
    wiseflow.export(*body)

    with counted() as for_100:
        assert wiseflow.export(*body[:100])["numberOfSuccess"] == 100
    with counted() as for_1000:
        assert wiseflow.export(*body)["numberOfSuccess"] == 1000

    assert len(for_100.here) == len(for_1000.here) < 20
    assert for_100.elsewhere == for_1000.elsewhere == []
