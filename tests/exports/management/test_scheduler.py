"""The clock, as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exports.management.commands.scheduler import sweep
from exports.models import ExportAttempt, ExportState
from tests.factories import DeliveryFactory, ExportAttemptFactory


@pytest.mark.django_db(transaction=True)
def test_a_tick_finishes_the_attempts_of_dead_processes():
    DeliveryFactory(attempt=ExportAttemptFactory(dead=True), queued=True, participant__queued=True)

    sweep()

    assert ExportAttempt.objects.get().state == ExportState.FAILED


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(end, tmp_path):
    clock = subprocess.Popen(
        [sys.executable, "manage.py", "scheduler"],
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'clock.sqlite3'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert clock.stdout.readline().startswith("Sweeping every 5 seconds")

    clock.send_signal(end)

    assert clock.wait(timeout=10) == 0
    clock.stdout.close()
