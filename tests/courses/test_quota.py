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


class TestLifting:
    """A time that Learn has named counts until it has served a call that was begun later."""

    @pytest.fixture
    def lifts_at(self, now):
        ServiceCallFactory(status=429, error="QuotaUsedUp", ok_count=0, started_at=now, lifts_at=in_hours(now, 2))

    @pytest.mark.parametrize(
        "answered",
        [
            {},  # all confirmed
            {"items": 0, "ok_count": 0},  # the test of the connection
            {"status": 412, "ok_count": 0, "error_count": 1},
            {"error": "Unconfirmed", "ok_count": 3},  # results that could not be tied to the items
        ],
    )
    def test_a_later_call_that_was_served_lifts_it(self, now, lifts_at, answered):
        ServiceCallFactory(started_at=in_hours(now, 0.1), **answered)

        assert quota.lifts_at(in_hours(now, 0.2)) is None

    @pytest.mark.parametrize(
        "answered",
        [
            {"status": None, "error": "Unavailable"},
            {"status": 503, "error": "Unavailable"},
            {"status": 200, "error": "Unconfirmed"},  # somebody's log-in page
            {"service": "version"},
            {"service": "token"},
        ],
    )
    def test_what_did_not_get_through_to_the_service_lifts_nothing(self, now, lifts_at, answered):
        ServiceCallFactory(started_at=in_hours(now, 0.1), **{"ok_count": 0, **answered})

        assert quota.lifts_at(in_hours(now, 0.2)) == in_hours(now, 2)

    def test_an_earlier_call_lifts_nothing(self, now, lifts_at):
        ServiceCallFactory(started_at=in_hours(now, -0.1))

        assert quota.lifts_at(now) == in_hours(now, 2)

    def test_who_is_turned_away_again_waits_again(self, now, lifts_at):
        ServiceCallFactory(started_at=in_hours(now, 0.1))
        ServiceCallFactory(
            started_at=in_hours(now, 0.2), status=429, error="QuotaUsedUp", ok_count=0, lifts_at=in_hours(now, 1)
        )

        assert quota.lifts_at(in_hours(now, 0.3)) == in_hours(now, 1)


def test_a_call_for_a_token_uses_up_none_of_the_quota(now):
    ServiceCallFactory(service="token", status=429, error="QuotaUsedUp", rate_remaining=0, started_at=now)

    assert quota.calls_left(now) == 100


def in_hours(now, hours):
    return now + timedelta(hours=hours)
