"""A call waits for Learn's quota while its process is asked to stop."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from common import stopping
from courses.grades_journey import QuotaUsedUp
from exports.delivering import batches
from tests.factories import ServiceCallFactory


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    yield
    stopping.stop.at = None


def batch(seconds: float) -> batches.Batch:
    until = timezone.now() + timedelta(seconds=seconds)
    return batches.Batch(claim=batches.uuid4(), until=until, pks=[1], attempts={1}, items=[("C", "u", "Exam", "B")])


@pytest.mark.django_db
def test_nothing_is_sent_once_no_call_may_begin(learn, monkeypatch):
    lifts_at = timezone.now() + timedelta(seconds=30)
    ServiceCallFactory(lifts_at=lifts_at)
    monkeypatch.setattr(stopping, "BEGIN_SECONDS", 0)
    began = time.monotonic()
    threading.Timer(0.2, lambda: setattr(stopping.stop, "at", timezone.now())).start()

    sent = batches.send(batch(seconds=60))

    assert [type(outcome) for outcome in sent.outcomes] == [QuotaUsedUp]
    assert learn.calls.of("gradeValueAPI") == []
    assert time.monotonic() - began < 5
