"""Attempts whose process died are finished."""

import pytest
from django.core.management import call_command

from exports.models import Delivery, ExportState
from tests.factories import DeliveryFactory

pytestmark = pytest.mark.django_db


def test_it_says_how_many_attempts_were_finished(capsys):
    dead = DeliveryFactory(queued=True, attempt__dead=True, participant__queued=True)
    DeliveryFactory(queued=True, attempt__running=True, participant__queued=True)

    call_command("sweep")

    assert capsys.readouterr().out == "1 attempt finished.\n"
    dead.refresh_from_db()
    assert dead.state == Delivery.State.FAILED
    assert dead.participant.__class__.objects.get(pk=dead.participant_id).state == ExportState.FAILED


def test_nothing_to_sweep(capsys):
    call_command("sweep")
    assert capsys.readouterr().out == "0 attempts finished.\n"
