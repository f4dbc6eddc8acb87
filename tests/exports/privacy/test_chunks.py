"""A purge goes through old rows once, in chunks, and says how many it has deleted."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from common import stopping
from exports.models import Heartbeat, PurgeRun
from exports.privacy import purge
from exports.privacy.retention import all_older_than
from tests.exports.privacy.exams import days_ago
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(monkeypatch):
    monkeypatch.setattr(purge, "CHUNK", 2)
    user = UserFactory()
    return [
        LogEntry.objects.create(
            user=user, object_repr="x", action_flag=CHANGE, change_message="", action_time=days_ago(31)
        )
        for _ in range(5)
    ]


def test_each_chunk_begins_after_the_last_one(entries, monkeypatch):
    asked = []
    monkeypatch.setattr(LogEntry.objects.all().__class__, "delete", lambda rows: asked.append(set(rows)) or (0, {}))

    assert purge.delete(LogEntry.objects.all()) == 0  # none of them could be deleted, and it ends all the same

    assert asked == [set(entries[:2]), set(entries[2:4]), {entries[4]}]


def test_rows_whose_keys_are_texts_go_too(monkeypatch):
    monkeypatch.setattr(purge, "CHUNK", 2)
    for _ in range(5):
        SessionStore().create()

    assert purge.delete(Session.objects.all()) == 5
    assert not Session.objects.exists()


def test_a_purge_that_is_to_stop_ends_after_its_chunk_and_the_next_one_goes_on(entries, monkeypatch):
    delete = LogEntry.objects.all().__class__.delete
    stop = pytest.MonkeyPatch()

    def be_stopped(rows):
        if rows.model is LogEntry:
            stop.setattr(stopping.stop, "at", timezone.now())
        return delete(rows)

    monkeypatch.setattr(LogEntry.objects.all().__class__, "delete", be_stopped)
    purge.purge(all_older_than(30, timezone.now()))
    stop.undo()

    assert LogEntry.objects.count() == 3
    assert PurgeRun.objects.get().finished_at is None
    assert not Heartbeat.objects.filter(name=Heartbeat.Name.PURGE).exists()
    monkeypatch.setattr(LogEntry.objects.all().__class__, "delete", delete)
    purge.purge(all_older_than(30, timezone.now()))
    assert not LogEntry.objects.exists()
