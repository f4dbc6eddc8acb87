"""A purge goes through old rows once, in chunks, and says how many it has deleted."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from exports.privacy import purge
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
