"""Delivered and not delivered, day by day."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache

from exports.admin.desk.days import Day, last_days
from exports.models import ExportAttempt
from tests.factories import ExportAttemptFactory

NOW = datetime(2026, 6, 20, 10, 0, tzinfo=UTC)
TODAY, YESTERDAY = NOW.date(), (NOW - timedelta(days=1)).date()
RETRY, CORRECTION = ExportAttempt.Trigger.RETRY, ExportAttempt.Trigger.CORRECTION
LIST = "/admin/exports/exportattempt/"


def days_of(now: datetime) -> list[Day]:
    """As a page counts them that has seen another pulse than all before."""
    return last_days(now, uuid4().hex)


def finish(when: datetime, delivered: int = 1, failed: int = 0, **fields: object) -> ExportAttempt:
    return ExportAttemptFactory(
        started_at=when, finished_at=when, number_of_success=delivered, number_of_errors=failed, **fields
    )


def test_first_exports_and_what_was_repeated_are_counted_apart(db):
    finish(NOW, 10, 2)
    finish(NOW, 5, 0)
    finish(NOW, 3, 1, trigger=RETRY)
    finish(NOW, 1, 0, trigger=CORRECTION)
    finish(NOW - timedelta(days=1), 7, 7)
    ExportAttemptFactory(running=True)

    *_, yesterday, today = days_of(NOW)

    assert today == Day(day=TODAY, attempts=4, delivered=15, failed=2, again_delivered=4, again_failed=1)
    assert (today.all_delivered, today.all_failed) == (19, 3)
    assert yesterday == Day(day=YESTERDAY, attempts=1, delivered=7, failed=7)


def test_thirty_days_are_shown_and_empty_ones_too(db):
    finish(NOW - timedelta(days=29))
    finish(NOW - timedelta(days=30))

    days = days_of(NOW)

    assert len(days) == 30
    assert [day.attempts for day in days] == [1] + 29 * [0]


def test_a_day_is_that_of_the_site(db, settings):
    settings.TIME_ZONE = "Europe/Copenhagen"
    finish(datetime(2026, 6, 18, 22, 30, tzinfo=UTC))  # half past midnight there

    assert days_of(NOW)[-2].attempts == 1


def test_a_day_that_is_over_is_counted_once(db, django_assert_num_queries):
    finish(NOW - timedelta(days=1))
    days_of(NOW)
    ExportAttempt.objects.all().delete()  # as a purge does
    finish(NOW)

    with django_assert_num_queries(1):
        days = days_of(NOW)

    assert [day.attempts for day in days[-2:]] == [1, 1]


def test_a_day_is_not_over_until_an_hour_later(db):
    midnight = datetime(2026, 6, 19, 22, 0, tzinfo=UTC)
    days_of(midnight + timedelta(minutes=5))
    finish(midnight - timedelta(seconds=1))  # recorded after midnight

    assert days_of(midnight + timedelta(minutes=10))[-2].attempts == 1


def test_another_time_zone_counts_anew(db, settings):
    finish(datetime(2026, 6, 18, 22, 30, tzinfo=UTC))
    days_of(NOW)
    settings.TIME_ZONE = "UTC"

    assert [day.attempts for day in days_of(NOW)[-3:]] == [1, 0, 0]


def test_today_is_counted_once_as_long_as_nothing_has_changed(db, django_assert_num_queries):
    finish(NOW)
    last_days(NOW, "same")

    with django_assert_num_queries(0):
        assert last_days(NOW, "same")[-1].attempts == 1


class TestTheListOfADay:
    def test_shows_what_finished_on_it(self, manager):
        attempt = finish(NOW)
        finish(NOW - timedelta(days=1))

        shown = manager.get(LIST, {"finished_on": TODAY.isoformat()}).context["cl"].result_list

        assert list(shown) == [attempt]

    @pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "9999-12-31", "0001-01-01"])
    def test_a_day_that_cannot_be_is_refused_politely(self, value, manager):
        answer = manager.get(LIST, {"finished_on": value})

        assert (answer.status_code, answer.url) == (302, f"{LIST}?e=1")


def test_the_cache_is_emptied_between_tests():
    assert cache.get("dashboard-days") is None
