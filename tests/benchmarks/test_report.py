"""The arithmetic of the benchmarks' page."""

import pytest

from benchmarks.report import Bar, Section, at_least, at_most, below, percentile, ratios, render, spread, verdict


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3], 50, 3), ([4, 1, 3, 2], 50, 2), (range(1, 101), 95, 95), (range(1, 21), 95, 19), ([1, 2, 3], 100, 3)],
)
def test_a_percentile_is_a_value_that_was_measured(values, percent, expected):
    assert percentile(values, percent) == expected


def test_a_spread_is_the_median_with_the_lowest_and_the_highest():
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    assert spread([1000, 3000, 1500, 2000], 0) == "1,750 (1,000 to 3,000)"


def test_ratios_are_taken_run_by_run():
    assert ratios([2, 9], [1, 3]) == [2, 3]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


@pytest.mark.parametrize(
    ("bar", "is_met"),
    [
        (at_most("x", 1.3, 1.3), True),
        (at_most("x", 1.31, 1.3), False),
        (below("x", 1.8, 1.8), False),
        (below("x", 1.79, 1.8), True),
        (at_least("x", 0.5, 0.5), True),
        (at_least("x", 0.49, 0.5), False),
    ],
)
def test_a_bar_is_met_up_to_its_bound(bar, is_met):
    assert bar.is_met is is_met


def section(*bars: Bar) -> Section:
    return Section(title="Speed", method="By hand.\n", header=["What", "Seconds"], rows=[["It", "1"]], bars=bars)


def test_a_missed_bar_is_named():
    met, missed = at_most("Seconds", 1, 2), at_most("Memory", 3, 2, unit=" MiB")

    assert verdict([section(met)]) == "1 of 1 bars are met."
    assert verdict([section(met), section(missed)]) == "1 of 2 bars are met. Not met: Memory."
    assert "| Memory  | at most 2 MiB | 3 MiB   | **no** |" in render(section(met, missed))
