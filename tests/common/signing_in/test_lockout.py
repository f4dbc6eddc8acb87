"""Who guesses passwords is locked out, unseen by no one, and keeps no one else out."""

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from tests.common.signing_in.signing import PASSWORD, enter, is_in, named
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return UserFactory(username="anna", manager=True)


@pytest.fixture
def hashed(monkeypatch):
    """The passwords that were hashed, which is what costs the processor."""
    passwords = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: passwords.append(password) or encode(self, password, salt),
    )
    return passwords


def fail(times, name="anna", **how):
    return [enter(name, "wrong", **how) for _number in range(times)]


def test_three_hundred_wrong_passwords_are_locked_after_ten_and_cost_ten(anna, hashed, caplog):
    answers = fail(300)

    assert [answer.status_code for answer in answers] == [200] * 9 + [429] * 291
    assert hashed.count("wrong") == 10
    assert len(named(caplog, "sign_in_failed")) == 9
    locked = named(caplog, "sign_in_locked")
    assert len(locked) == 291
    assert (locked[0]["user"], locked[0]["address"]) == ("anna", "192.0.2.7")
    assert AccessAttempt.objects.get().failures_since_start == 10


def test_the_right_password_is_refused_while_the_lock_lasts_and_the_page_says_what_to_do(anna):
    fail(10)

    refused = enter("anna")

    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "locked for 15 minutes" in refused.content.decode()
    assert not is_in(refused)


def test_nine_failures_lock_no_one_and_a_sign_in_starts_anew(anna):
    fail(9)
    assert is_in(enter("anna"))
    fail(9)
    assert is_in(enter("anna"))


def test_the_lock_ends_although_someone_goes_on_trying(anna):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        fail(10)
    for minute in range(1, 15):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            assert fail(1)[0].status_code == 429
    with time_machine.travel(start + timedelta(minutes=15, seconds=1), tick=False):
        assert is_in(enter("anna"))


def test_a_lock_at_one_address_keeps_no_one_out_elsewhere(anna):
    fail(20, address="198.51.100.1")
    assert is_in(enter("anna", address="192.0.2.7"))


def test_other_people_at_the_same_address_sign_in(anna):
    UserFactory(username="berta")
    fail(20)
    assert is_in(enter("berta"))


def test_an_address_that_tries_many_names_is_locked_for_all_of_them(anna):
    for number in range(100):
        enter(f"guess{number}", "wrong", address="198.51.100.1")
    assert enter("anna", address="198.51.100.1").status_code == 429
    assert is_in(enter("anna", address="192.0.2.7"))


def test_who_owns_an_account_does_not_clear_the_count_of_the_address(anna):
    for number in range(99):
        enter(f"guess{number}", "wrong")
    assert is_in(enter("anna"))
    assert enter("guess", "wrong").status_code == 429


def test_a_name_that_is_tried_from_everywhere_is_locked_but_not_in_a_browser_it_has_signed_in_with(anna):
    own = Client()
    assert is_in(enter("anna", client=own))
    own.post("/admin/logout/")
    for number in range(100):
        enter("anna", "wrong", address=f"198.51.100.{number}")

    assert enter("anna", address="203.0.113.9").status_code == 429
    assert is_in(enter("anna", client=own, address="203.0.113.9"))


def test_a_stranger_in_the_same_network_cannot_keep_a_person_out_of_their_own_browser(anna):
    own = Client()
    assert is_in(enter("anna", client=own))
    own.post("/admin/logout/")
    fail(20)
    assert is_in(enter("anna", client=own))


def test_a_known_browser_is_locked_as_well_after_ten_failures(anna):
    own = Client()
    enter("anna", client=own)
    own.post("/admin/logout/")
    assert fail(10, client=own)[-1].status_code == 429
    assert enter("anna", client=own).status_code == 429


@pytest.mark.parametrize("forged", ["", "x", "known", "anna", ":::", "a:b:c"])
def test_the_cookie_of_a_known_browser_cannot_be_made_up_or_lent_to_another_name(anna, forged):
    stranger = Client()
    stranger.cookies["known_browser"] = forged
    assert fail(10, client=stranger)[-1].status_code == 429

    lent = Client()
    UserFactory(username="berta")
    enter("berta", client=lent)
    lent.post("/admin/logout/")
    assert enter("anna", client=lent).status_code == 429


def test_addresses_of_one_ipv6_network_count_together(anna):
    for number in range(10):
        enter("anna", "wrong", address=f"2001:db8:1:2::{number:x}")
    assert enter("anna", address="2001:db8:1:2::ffff").status_code == 429
    assert is_in(enter("anna", address="2001:db8:1:3::1"))


def test_the_address_is_the_one_that_a_trusted_proxy_passes_on(anna, settings):
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    typed = {"username": "anna", "password": "wrong"}
    for _number in range(10):
        Client().post("/admin/login/", typed, REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "198.51.100.1"})

    right = {"username": "anna", "password": PASSWORD}
    forwarded = [("198.51.100.1", 429), ("198.51.100.1, 192.0.2.8", 302), ("not an address", 302)]
    for header, status in forwarded:
        answer = Client().post("/admin/login/", right, REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": header})
        assert answer.status_code == status


def test_a_stranger_behind_a_proxy_that_is_not_known_locks_no_one_else_out(anna):
    behind = {"REMOTE_ADDR": "127.0.0.1", "headers": {"X-Forwarded-For": "198.51.100.1"}}
    for number in range(100):
        Client().post("/admin/login/", {"username": f"nobody{number}", "password": "wrong"}, **behind)
    right = {"username": "anna", "password": PASSWORD}
    assert Client().post("/admin/login/", right, **behind).status_code == 302

    for _number in range(10):
        Client().post("/admin/login/", right | {"password": "wrong"}, **behind)
    assert Client().post("/admin/login/", right, **behind).status_code == 429


def test_a_name_that_is_no_account_is_not_logged(anna, caplog):
    enter("correct horse battery", "wrong")
    assert named(caplog, "sign_in_failed")[0]["user"] == ""


@pytest.mark.parametrize("name", ["anna\0", "a" * 5000, "\uff41\uff4e\uff4e\uff41", "", "anna\n[fake] line", "'; --"])
def test_odd_names_are_refused_without_an_error(anna, name, caplog):
    assert enter(name, "wrong").status_code == 200
