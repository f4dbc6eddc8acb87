"""What processes use, and for whom."""

import os
import time

import pytest

from benchmarks.cpu import PROC, Reading, used_between, used_by

OURS, OTHER, NEW = 11, 12, 13


def test_what_our_processes_used_counts_with_new_ones_and_without_those_of_others():
    before = Reading(running={OURS: 1.0, OTHER: 5.0}, ended=2.0)
    after = Reading(running={OURS: 1.5, OTHER: 9.0, NEW: 0.25}, ended=2.0)

    assert used_between(before, after, for_us={OURS, NEW}) == pytest.approx(0.75)


def test_a_process_that_has_ended_counts_only_for_what_it_used_in_between():
    before = Reading(running={OURS: 1.0}, ended=2.0)
    after = Reading(running={}, ended=3.5)  # the 1.0 of before are among them

    assert used_between(before, after, for_us=set()) == pytest.approx(0.5)


@pytest.mark.skipif(not (PROC / "self" / "stat").exists(), reason="there is no /proc here")
def test_the_time_of_a_process_grows_while_it_computes():
    before = used_by(os.getpid())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass

    assert used_by(os.getpid()) - before == pytest.approx(0.1, abs=0.03)
