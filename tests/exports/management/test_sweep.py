"""Attempts whose process died are finished."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from exports.models import Delivery, ExportState
from tests.factories import DeliveryFactory, ProvisioningRunFactory

pytestmark = pytest.mark.django_db


def test_it_says_how_many_attempts_were_finished(capsys):
    dead = DeliveryFactory(queued=True, attempt__dead=True, participant__queued=True)

    call_command("sweep")

    assert capsys.readouterr().out == "1 attempt finished.\n"
    dead.refresh_from_db()
    assert dead.state == Delivery.State.FAILED
    assert dead.participant.__class__.objects.get(pk=dead.participant_id).state == ExportState.FAILED


def test_what_is_still_under_lease_is_said_with_its_end(capsys):
    lease = datetime(2100, 5, 31, 12, 3, tzinfo=UTC)  # 14:03 in Copenhagen
    for _ in range(2):
        DeliveryFactory(queued=True, attempt__running=True, attempt__lease_ends_at=lease, participant__queued=True)

    call_command("sweep")

    assert capsys.readouterr().out == (
        "0 attempts finished.\n2 attempts are still running; the last lease ends at 14:03.\n"
    )


def test_a_call_in_flight_can_outlive_the_lease_of_its_attempt(capsys):
    lease = datetime(2100, 5, 31, 12, 3, tzinfo=UTC)  # 14:03 in Copenhagen
    DeliveryFactory(sending=True, attempt__dead=True, lease_ends_at=lease, participant__queued=True)

    call_command("sweep")

    assert capsys.readouterr().out == "0 attempts finished.\n1 attempt is still running; its lease ends at 14:03.\n"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "1 provisioning run is still running; its lease ends at 14:03.\n"),
        (3, "3 provisioning runs are still running; the last lease ends at 14:03.\n"),
    ],
)
def test_provisioning_runs_under_lease_are_said_with_their_end(capsys, number, sentence):
    lease = datetime(2100, 5, 31, 12, 3, tzinfo=UTC)  # 14:03 in Copenhagen
    for _ in range(number):
        ProvisioningRunFactory(lease_ends_at=lease)

    call_command("sweep")

    assert capsys.readouterr().out == f"0 attempts finished.\n{sentence}"


def test_nothing_to_sweep(capsys):
    call_command("sweep")
    assert capsys.readouterr().out == "0 attempts finished.\n"
