"""No line of the log quotes a row of the database."""

import io
import logging
import sys
import threading

import pytest
import structlog
from django.db import IntegrityError, connection, transaction
from django.db.utils import DataError
from django.test import Client
from django.urls import path

from common.database.quoted_rows import CUT, without_rows
from exports.models import Participant
from gradebridge import logs
from gradebridge.urls import urlpatterns as site_addresses
from tests.factories import ParticipantFactory

SECRETS = ("S-ERASE-7720", "61.77", "two\nlines")
CHAINED = (
    "psycopg.errors.CheckViolation: new row violates\nDETAIL:  Failing row contains (1, S-7720, 2\n\nlines, 61).\n\n"
    "The above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  here"
)


@pytest.fixture
def lines():
    """What the site's own handlers write."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            **without_factory(logs.logging_config("json", "UTC")["formatters"]["event"])
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    yield written.getvalue
    root.removeHandler(handler)


def without_factory(formatter):
    return {name: value for name, value in formatter.items() if name != "()"}


def violate():
    """A broken constraint, with a row that holds an id and a grade."""
    person = ParticipantFactory(user_id=SECRETS[0], mark=SECRETS[1], first_name=SECRETS[2])
    with transaction.atomic():
        Participant.objects.filter(pk=person.pk).update(state="FAILED", cause="")


@pytest.mark.django_db
def test_a_broken_constraint_is_logged_without_its_row(lines):
    with pytest.raises(IntegrityError) as failed:
        violate()
    assert connection.vendor == "sqlite" or "Failing row contains" in str(failed.value)

    for log in (logging.getLogger("a.library"), structlog.get_logger("exports.any")):
        log.error("It failed", exc_info=failed.value)
        log.error("It failed: %s", failed.value)
        log.error("It failed: %r", failed.value)
    structlog.get_logger("exports.any").error("failed", error=failed.value, more=[{"text": str(failed.value)}])

    assert "participant_failed_has_cause" in lines()
    assert "Traceback" in lines()
    assert not [secret for secret in SECRETS if secret in lines() or secret.replace("\n", "\\n") in lines()]


@pytest.mark.django_db
def test_a_key_that_is_there_already_is_not_quoted(lines):
    person = ParticipantFactory(user_id=SECRETS[0])
    with pytest.raises(IntegrityError) as failed, transaction.atomic():
        Participant.objects.bulk_create([Participant(flow=person.flow, user_id=SECRETS[0])])

    logging.getLogger("any").exception("It failed", exc_info=failed.value)

    assert "IntegrityError" in lines()
    assert SECRETS[0] not in lines()


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_value_that_has_no_place_in_a_column_is_not_quoted(lines):
    with pytest.raises(DataError) as failed, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::integer", [SECRETS[0]])

    logging.getLogger("any").error("It failed", exc_info=failed.value)

    assert "invalid input syntax for type integer" in lines()
    assert SECRETS[0] not in lines()


def broken(_request):
    violate()


urlpatterns = [path("broken/", broken), *site_addresses]


@pytest.mark.django_db
def test_an_error_500_writes_no_row_and_sends_no_mail(lines, settings, mailoutbox):
    settings.ROOT_URLCONF = __name__
    settings.ADMINS = [("Ann", "ann@example.edu")]
    settings.DEBUG = False

    response = Client(raise_request_exception=False).post("/broken/", {"mark": SECRETS[1]})

    assert response.status_code == 500
    assert "request_failed" in lines()
    assert not [secret for secret in SECRETS if secret in lines()]
    assert mailoutbox == []


@pytest.mark.django_db
def test_what_a_command_or_a_thread_dies_of_quotes_no_row(capsys):
    with pytest.raises(IntegrityError) as failed:
        violate()

    logs.configure("UTC")
    sys.excepthook(failed.type, failed.value, failed.tb)
    threading.excepthook(threading.ExceptHookArgs((failed.type, failed.value, failed.tb, None)))

    written = capsys.readouterr().err
    assert written.count("IntegrityError") >= 2
    assert not [secret for secret in SECRETS if secret in written]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Nothing of a database", "Nothing of a database"),
        ("bad\nDETAIL:  Key (user_id)=(S-1) already exists.", f"bad\n{CUT}"),
        ("Key (user_id)=(S-1) already exists.", CUT),
        ('bad\nLINE 1: SELECT "S-1"\n   ^\nHINT: none', f"bad\n{CUT}"),
        ('invalid input syntax for type integer: "S-1"', f"invalid input syntax for type integer: {CUT}"),
        ("UNIQUE constraint failed: exports_participant.user_id",) * 2,
        ("A key (of a client) was made",) * 2,
    ],
)
def test_what_is_cut_and_what_stays(text, left):
    assert without_rows(text) == left


def test_the_next_exception_of_a_chain_stays():
    text = without_rows(CHAINED)

    assert "S-7720" not in text
    assert text.endswith("Traceback (most recent call last):\n  here")
