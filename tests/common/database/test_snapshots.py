"""A snapshot sees one moment, and holds up no one."""

from threading import Thread

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from common.database.snapshots import snapshot


def write_elsewhere() -> None:
    """Another process, as far as the database can see. Returns once it is done."""

    def write() -> None:
        User.objects.create(username="new")
        connection.close()

    writing = Thread(target=write)
    writing.start()
    writing.join(timeout=10)
    assert not writing.is_alive()


@pytest.mark.django_db(transaction=True)
def test_what_others_write_is_seen_after_the_snapshot_and_not_in_it() -> None:
    with snapshot():
        assert not User.objects.exists()
        write_elsewhere()
        assert not User.objects.exists()

    assert User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_transaction_after_a_snapshot_may_write_as_usual() -> None:
    with snapshot():
        assert not User.objects.exists()
    write_elsewhere()

    with transaction.atomic():
        User.objects.create(username="another")

    assert User.objects.count() == 2


@pytest.mark.django_db
def test_inside_a_transaction_it_is_part_of_that_one() -> None:
    User.objects.create(username="mine")

    with snapshot():
        assert User.objects.exists()
