"""What is left of Learn's quota, from the call log alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses import quota
from tests.factories import ServiceCallFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def daily_calls(settings):
    settings.LEARN_DAILY_CALLS = 100
    settings.LEARN_BATCH_SIZE = 10


@pytest.fixture
def now():
    return timezone.now()


def test_the_calls_of_the_last_24_hours_are_used_up(now):
    ServiceCallFactory.create_batch(3, started_at=now - timedelta(hours=23))
    ServiceCallFactory(started_at=now - timedelta(hours=25))

    assert quota.calls_left(now) == 97


def test_learn_may_know_of_fewer_calls_left_than_we_do(now):
    ServiceCallFactory(started_at=now - timedelta(minutes=5), rate_remaining=20)
    ServiceCallFactory.create_batch(2, started_at=now - timedelta(minutes=4))

    assert quota.calls_left(now) == 18


def test_calls_left_are_never_fewer_than_none(now, settings):
    settings.LEARN_DAILY_CALLS = 1
    ServiceCallFactory.create_batch(2, started_at=now)

    assert quota.calls_left(now) == 0


@pytest.mark.parametrize(
    ("grades", "calls", "is_enough"), [(0, 0, True), (1, 1, True), (1000, 100, True), (1001, 101, False)]
)
def test_the_forecast_counts_calls_by_batches(now, grades, calls, is_enough):
    forecast = quota.forecast(grades, now=now)

    assert (forecast.calls, forecast.calls_left, forecast.is_enough) == (calls, 100, is_enough)


def test_while_learn_takes_no_calls_none_are_left(now):
    ServiceCallFactory(started_at=now, lifts_at=now + timedelta(hours=2))

    forecast = quota.forecast(5, now=now)

    assert (forecast.calls_left, forecast.lifts_at) == (0, now + timedelta(hours=2))
    assert quota.lifts_at(now + timedelta(hours=3)) is None
