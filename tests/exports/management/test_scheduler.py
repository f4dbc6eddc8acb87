"""The clock, as a process."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.db import OperationalError
from django.utils import timezone

from courses.models import ServiceCall
from exports.management.commands import scheduler
from exports.management.commands.scheduler import (
    check_mappings,
    check_with_learn,
    forget_refusals,
    notify_people,
    notify_systems,
    sweep,
)
from exports.models import Event, ExportAttempt, ExportState, LearnCheck, RefusedRequest, WebhookMessage
from exports.notifying import watching
from tests.factories import (
    DeliveryFactory,
    EventFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeInLearnFactory,
    RefusedRequestFactory,
    SubscriptionFactory,
    WebhookFactory,
)


@pytest.mark.django_db(transaction=True)
def test_a_tick_finishes_the_attempts_of_dead_processes():
    DeliveryFactory(attempt=ExportAttemptFactory(dead=True), queued=True, participant__queued=True)

    sweep()

    assert ExportAttempt.objects.get().state == ExportState.FAILED


@pytest.mark.django_db(transaction=True)
def test_refused_requests_are_deleted_after_90_days():
    now = timezone.now()
    RefusedRequestFactory(at=now - timedelta(days=91))
    young = RefusedRequestFactory(at=now - timedelta(days=89))

    forget_refusals()

    assert list(RefusedRequest.objects.all()) == [young]


@pytest.mark.django_db(transaction=True)
def test_a_tick_sends_what_has_happened():
    person = SubscriptionFactory().user
    WebhookFactory()  # where no one listens
    EventFactory()

    notify_people()
    notify_systems()

    assert [message.to for message in mail.outbox] == [[person.email]]
    assert WebhookMessage.objects.get().tries == 1


@pytest.mark.django_db(transaction=True)
def test_a_look_at_the_mappings_is_recorded():
    FlowFactory(running=True)  # without a column

    check_mappings()

    assert Event.objects.get().kind == Event.Kind.MAPPING_FAULTS


def test_every_night_the_next_exams_are_checked_with_learn(learn, flow):
    flow.assessment_ends_at = timezone.now() + timedelta(days=13)
    flow.save()
    FlowFactory(mapped=True, assessment_ends_at=timezone.now() + timedelta(days=15))

    check_with_learn()

    assert LearnCheck.objects.get().flow == flow


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tick", [notify_people, check_mappings])
def test_a_failure_of_the_database_ends_one_tick_and_not_the_clock(tick, monkeypatch):
    def fail(now):
        raise OperationalError("away")

    for look in ("watch", "watch_mappings"):
        monkeypatch.setattr(watching, look, fail)

    tick()
    assert scheduler.watching is watching


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

    clock.communicate(timeout=30)  # reads what it logs: a full pipe would stop it
    assert clock.returncode == 0


@pytest.mark.django_db(transaction=True)
def test_without_prove_after_nothing_is_proven_by_itself(learn, settings):
    GradeInLearnFactory(since=timezone.now())
    settings.PROVE_AFTER = None

    scheduler.prove_due()
    scheduler.prove_again()
    assert not ServiceCall.objects.exists()

    settings.PROVE_AFTER = 10
    scheduler.prove_again()
    assert ServiceCall.objects.exists()
