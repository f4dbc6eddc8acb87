"""Dates of a flow that cannot be meant, and those that are worth a second look."""

from datetime import UTC, datetime, timedelta

import pytest

from exports.grades.dates import doubts, refuse_synchronisation

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "is_refused"),
    [(None, False), (-9000, False), (-1, False), (0, False), (1, False), (366, False), (367, True), (20_000, True)],
)
def test_a_synchronisation_more_than_a_year_ahead_is_refused(days, is_refused):
    synchronised_at = None if days is None else NOW + timedelta(days=days)

    assert bool(refuse_synchronisation(synchronised_at, NOW)) is is_refused


def test_the_refusal_says_what_to_enter():
    assert refuse_synchronisation(datetime(2030, 1, 2, 12, tzinfo=UTC), NOW) == (
        "2 January 2030 is more than a year ahead, and no grades are sent until then. Enter when the flow was"
        " synchronised, or leave this empty until it is."
    )


@pytest.mark.parametrize(
    ("synchronised", "ends", "says"),
    [
        (None, None, []),
        (None, -5, []),
        (-10, None, []),
        (-10, -5, []),
        (-10, 30, []),
        (-10, -10, []),
        (1, None, ["when the flow counts as synchronised"]),
        (1, 5, ["when the flow counts as synchronised"]),
        (-5, -10, ["ends (21 April 2026, 14:00) before the flow is synchronised (26 April 2026, 14:00)"]),
        (5, 4, ["when the flow counts as synchronised", "ends"]),
        (-5, -9000, ["before the flow is synchronised"]),
    ],
)
def test_an_end_before_the_synchronisation_and_one_to_come_are_doubted(synchronised, ends, says):
    days = [None if number is None else NOW + timedelta(days=number) for number in (synchronised, ends)]

    found = list(doubts(*days, NOW))

    assert len(found) == len(says)
    assert all(part in sentence for part, sentence in zip(says, found, strict=True))
