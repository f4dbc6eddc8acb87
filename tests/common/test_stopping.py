"""SIGTERM, and what a process still begins after it."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from common import stopping
from exports.models import GradeInLearn
from exports.proving import runs
from tests.factories import GradeInLearnFactory


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    yield
    stopping.stop.at = None


def requested(*, seconds_ago: float) -> None:
    stopping.stop.at = datetime.now(UTC) - timedelta(seconds=seconds_ago)


def test_a_program_keeps_its_own_reaction():
    seen = []
    own = signal.signal(signal.SIGTERM, lambda *_: seen.append("its own"))
    try:
        with stopping.listening():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            first = stopping.stop.at
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert seen == ["its own", "its own"]
        assert stopping.stop.at == first is not None
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert len(seen) == 3
    finally:
        signal.signal(signal.SIGTERM, own)


def test_what_is_nearly_done_may_still_be_done():
    assert stopping.may_begin()
    requested(seconds_ago=1)
    assert stopping.may_begin()
    requested(seconds_ago=stopping.BEGIN_SECONDS)
    assert not stopping.may_begin()


def test_nobody_waits_longer_than_the_process_lives():
    moment = datetime.now(UTC) + timedelta(hours=4)
    assert stopping.no_later_than_the_end(moment) == moment
    requested(seconds_ago=0)
    assert stopping.no_later_than_the_end(moment) < datetime.now(UTC) + timedelta(seconds=stopping.KILLED_AFTER_SECONDS)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert stopping.no_later_than_the_end(soon) == soon


@pytest.mark.django_db
def test_reading_back_ends_between_two_columns():
    GradeInLearnFactory()
    requested(seconds_ago=0)

    proved = runs.prove(GradeInLearn.objects.in_learn())

    assert (proved.columns, dict(proved.stopped)) == (0, {"code": "INTERRUPTED"})
