"""The call log, and the button that cancels a retry."""

import pytest
from django.urls import reverse

from exports import retrying
from exports.models import ExportAttempt, Participant
from tests.factories import ExportAttemptFactory, ParticipantFactory, ServiceCallFactory, UserFactory
from tests.signed_in import signed_in, text_of


def test_the_attempt_leads_to_its_calls(manager):
    attempt, other = ExportAttemptFactory.create_batch(2)
    attempt.calls.add(ServiceCallFactory(items=321))
    other.calls.add(ServiceCallFactory(items=654))

    page = text_of(manager.get(reverse("admin:exports_exportattempt_change", args=[attempt.pk])))
    log = reverse("admin:courses_servicecall_changelist") + f"?attempts__exact={attempt.pk}"

    assert f'href="{log}"' in page
    listed = text_of(manager.get(log))
    assert "321" in listed
    assert "654" not in listed


def test_nobody_changes_the_call_log(manager):
    call = ServiceCallFactory()

    assert manager.get(reverse("admin:courses_servicecall_change", args=[call.pk])).status_code == 200
    assert manager.post(reverse("admin:courses_servicecall_delete", args=[call.pk])).status_code == 403


@pytest.fixture
def retry(db):
    ParticipantFactory(failed=True)
    return retrying.retry(Participant.objects.all(), by=UserFactory()).attempts[0]


def test_a_manager_cancels_a_running_retry_by_its_button(manager, retry):
    page = text_of(manager.get(reverse("admin:exports_exportattempt_change", args=[retry.pk])))
    address = reverse("admin:exports_exportattempt_cancel", args=[retry.pk])
    assert f'action="{address}"' in page

    response = manager.post(address, follow=True)

    assert "1 grade will not be sent." in text_of(response)
    assert "cancelled by" in text_of(response)
    assert ExportAttempt.objects.get().cancelled_at


def test_without_the_right_nothing_is_cancelled(retry):
    address = reverse("admin:exports_exportattempt_cancel", args=[retry.pk])

    assert signed_in().post(address).status_code == 403
    assert ExportAttempt.objects.get().cancelled_at is None


def test_a_link_alone_cancels_nothing(manager, retry):
    assert manager.get(reverse("admin:exports_exportattempt_cancel", args=[retry.pk])).status_code == 405
