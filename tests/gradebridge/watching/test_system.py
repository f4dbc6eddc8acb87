"""The page System."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from exports.management.commands import scheduler
from exports.tasks import give_sign_of_life
from tests.factories import DeliveryFactory, ExportAttemptFactory, FlowFactory, HoldFactory, ServiceCallFactory
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db


def page():
    return text_of(signed_in(administrator=True).get(reverse("system")))


def test_it_says_of_each_part_that_is_missing_what_to_do():
    text = page()

    assert "Start manage.py scheduler." in text
    assert "Start the clock, which asks them." in text
    assert "Learn has not been called yet." in text
    assert "2 parts need attention" in text


@pytest.mark.django_db(transaction=True)
def test_where_all_works_it_says_so():
    scheduler.give_sign_of_life()
    give_sign_of_life.func()
    ServiceCallFactory()

    text = page()

    assert "Everything works" in text
    assert "9,999 of 10,000 calls are left today." in text


def test_what_has_waited_for_long_what_is_paused_and_what_is_late_is_said():
    began = timezone.now() - timedelta(hours=1)
    DeliveryFactory(attempt=ExportAttemptFactory(running=True, started_at=began), queued=True)
    HoldFactory(pause=True)
    FlowFactory(assessment_ends_at=timezone.now() - timedelta(days=3))
    ServiceCallFactory(error="QuotaUsedUp", status=429, lifts_at=timezone.now() + timedelta(hours=1))

    text = page()

    assert "1 is waiting, since" in text
    assert "has paused all sending since" in text
    assert "The dashboard lists them among the exams that need you." in text
    assert "Learn accepts no calls before" in text
    assert "The last one failed, on" in text


def test_it_is_for_administrators():
    assert signed_in(manager=True).get(reverse("system")).status_code == 403
    assert 'href="/admin/system/"' in text_of(signed_in(administrator=True).get("/admin/"))
    assert 'href="/admin/system/"' not in text_of(signed_in(manager=True).get("/admin/"))
