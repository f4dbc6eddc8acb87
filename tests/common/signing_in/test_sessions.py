"""A session ends when nothing is done, and after a working day; a page that updates itself is no sign of life."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests.common.signing_in.signing import enter, named
from tests.factories import UserFactory
from tests.pages import words_of
from tests.signed_in import signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/exports/flow/"
POLL = {"HX-Request": "true"}


def after(**time):
    return time_machine.travel(timezone.now() + timedelta(**time))


@pytest.fixture
def manager():
    return signed_in(manager=True)


def is_open(client):
    return client.get(LIST).status_code == 200


def test_it_ends_after_half_an_hour_and_says_why_at_the_sign_in(manager, caplog):
    with after(minutes=29):
        assert is_open(manager)
    with after(minutes=29 + 31):
        page = manager.get(LIST, follow=True)
    assert page.request["PATH_INFO"] == "/admin/login/"
    assert "You were signed out because nothing was done for 30 minutes." in words_of(page)
    assert named(caplog, "session_ended")[0]["reason"] == "idle"
    assert not named(caplog, "signed_out")


def test_who_does_something_stays(manager):
    start = timezone.now()
    for minutes in range(0, 7 * 60, 25):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert is_open(manager)


def test_it_ends_after_eight_hours_whatever_is_done(manager):
    start = timezone.now()
    for minutes in range(0, 8 * 60, 20):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert is_open(manager)
    with time_machine.travel(start + timedelta(hours=8, seconds=5)):
        page = manager.get(LIST, follow=True)
    assert "a sign-in lasts 8 hours" in words_of(page)


def test_a_dashboard_that_asks_by_itself_keeps_no_session_alive(manager):
    start = timezone.now()
    for minute in range(1, 30):
        with time_machine.travel(start + timedelta(minutes=minute)):
            assert manager.get("/admin/dashboard/", headers=POLL).status_code == 200
    with time_machine.travel(start + timedelta(minutes=31)):
        asked = manager.get("/admin/dashboard/", headers=POLL)
        assert (asked.status_code, asked.content, asked["HX-Refresh"]) == (204, b"", "true")
        assert "nothing was done for 30 minutes" in words_of(manager.get("/admin/", follow=True))


@pytest.mark.parametrize("minutes", [1, 2, 10])
def test_a_short_limit_counts_every_click(manager, settings, minutes):
    settings.SESSION_IDLE_MINUTES = minutes
    start = timezone.now()
    for seconds in range(0, minutes * 60 * 4, minutes * 50):
        with time_machine.travel(start + timedelta(seconds=seconds)):
            assert is_open(manager)


def test_a_session_of_an_older_version_ends(manager):
    session = manager.session
    del session["signed_in_at"]
    session.save()
    assert not is_open(manager)


def test_what_is_sent_after_the_end_is_not_done_and_is_said(manager):
    with after(minutes=31):
        page = manager.post(LIST, {"action": "retry_failed"}, follow=True)
    assert page.request["PATH_INFO"] == "/admin/login/"


def test_a_sign_in_writes_one_line_and_a_sign_out_too(caplog):
    UserFactory(username="anna", manager=True)
    client = Client()
    enter("anna", client=client)
    client.post("/admin/logout/", REMOTE_ADDR="192.0.2.7")

    assert [
        (each["event"], each["user"], each["address"])
        for name in ("signed_in", "signed_out")
        for each in named(caplog, name)
    ] == [("signed_in", "anna", "192.0.2.7"), ("signed_out", "anna", "192.0.2.7")]
    assert not Session.objects.filter(session_key=client.session.session_key).exists()


def test_who_is_refused_a_page_is_logged_in_one_line_without_a_traceback(manager, caplog):
    assert manager.get("/admin/auth/user/?q=S-1", REMOTE_ADDR="192.0.2.7").status_code == 403

    [line] = named(caplog, "request_finished")
    assert (line["code"], line["request"]) == (403, "GET /admin/auth/user/")
    assert line["address"] == "192.0.2.7"
    assert line["user"].startswith("person")
    assert not [record for record in caplog.records if record.exc_info]
    assert "S-1" not in caplog.text
