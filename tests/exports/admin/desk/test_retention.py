"""The page that shows how long what is kept."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from exports.models import PurgeRun
from tests.factories import RefusedRequestFactory
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db


def page(**traits):
    return signed_in(**traits).get(reverse("retention"))


def test_without_a_period_everything_is_kept_for_ever():
    said = text_of(page(administrator=True))

    assert "No period is set" in said
    assert "for ever" in said
    assert "No purge has run yet." in said


def test_it_shows_each_period_and_what_is_older(settings):
    settings.RETENTION_LOG_DAYS = 30
    RefusedRequestFactory(at=timezone.now() - timedelta(days=31))

    said = text_of(page(administrator=True))

    assert "The clock deletes every night" in said
    assert 'Refused requests</td> <td data-label="Kept">30 days</td> <td data-label="Older now">1</td>' in said


def test_it_shows_what_the_last_purges_have_deleted():
    now = timezone.now()
    PurgeRun.objects.create(started_at=now, finished_at=now, deleted={"attempts": 1234, "retries": 0, "other": 2})
    PurgeRun.objects.create(started_at=now, is_scheduled=True)

    said = text_of(page(administrator=True))

    assert "<li>Attempts: 1,234</li> <li>other: 2</li> </ul>" in said
    assert "In progress, or interrupted" in said


def test_refused_requests_are_kept_for_90_days_at_the_longest(settings):
    settings.RETENTION_LOG_DAYS = None

    assert "Refused requests 90 days" in " ".join(re.sub("<[^>]*>", " ", text_of(page(administrator=True))).split())


@pytest.mark.parametrize("traits", [{"manager": True}, {"is_staff": True}])
def test_it_is_for_administrators(traits):
    assert page(**traits).status_code == 403
