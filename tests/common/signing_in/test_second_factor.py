"""A code of the phone after the password, for who has set it up or where the site requires it."""

import re
import time
from base64 import b32decode
from binascii import unhexlify
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core import signing
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.signing_in import devices
from tests.common.signing_in.signing import enter, is_in, named
from tests.factories import UserFactory
from tests.pages import words_of
from tests.signed_in import signed_in

pytestmark = pytest.mark.django_db

PAGE, CODE_PAGE = "/admin/second-factor/", "/sign-in/code/"


@pytest.fixture
def anna():
    return UserFactory(username="anna", manager=True)


def code_of(key, *, steps=0):
    return f"{totp(unhexlify(key), t0=-30 * steps):06d}"


def set_up(user):
    """Key and recovery codes of a device that was set up some minutes ago."""
    key = "3132333435363738393031323334353637383930"
    return key, devices.confirm(user, key, code_of(key, steps=-1))


def test_it_is_set_up_with_a_code_and_asked_for_from_then_on(anna):
    client = Client()
    assert is_in(enter("anna", client=client))
    page = client.get(PAGE)
    offer = page.context["offer"]
    key = signing.loads(offer, salt=f"second factor of {anna.pk}")
    assert "<svg" in page.content.decode()

    wrong = client.post(PAGE, {"offer": offer, "code": "000000"})
    assert (wrong.status_code, wrong.context["offer"] != "") == (422, True)
    assert not TOTPDevice.objects.exists()
    codes = client.post(PAGE, {"offer": offer, "code": code_of(key, steps=-1)}).context["codes"]
    assert len(set(codes)) == 10

    second = Client()
    asked = enter("anna", client=second)
    assert asked["Location"] == CODE_PAGE
    assert not is_in(asked)
    assert second.get("/admin/").status_code == 302
    assert is_in(second.post(CODE_PAGE, {"code": code_of(key)}))


def test_a_code_counts_once(anna):
    key, _codes = set_up(anna)
    first, second = Client(), Client()
    enter("anna", client=first)
    enter("anna", client=second)
    assert is_in(first.post(CODE_PAGE, {"code": code_of(key)}))
    assert not is_in(second.post(CODE_PAGE, {"code": code_of(key)}))


def test_a_recovery_code_counts_once(anna):
    _key, codes = set_up(anna)
    client = Client()
    enter("anna", client=client)
    assert is_in(client.post(CODE_PAGE, {"code": f" {codes[0].upper()} "}))
    client.post("/admin/logout/")
    enter("anna", client=client)
    assert not is_in(client.post(CODE_PAGE, {"code": codes[0]}))


def test_guessing_codes_takes_longer_each_time_and_is_logged(anna, caplog):
    key, _codes = set_up(anna)
    client = Client()
    enter("anna", client=client)
    start = time.time()
    with time_machine.travel(start, tick=False):
        for number in range(50):
            client.post(CODE_PAGE, {"code": f"{number:06d}"})
        answer = client.post(CODE_PAGE, {"code": code_of(key)})
        assert "too many wrong codes" in words_of(answer)
    assert not is_in(answer)
    assert TOTPDevice.objects.get().throttling_failure_count == 1
    assert named(caplog, "second_factor_failed")[0]["user"] == "anna"


def test_wrong_codes_keep_the_owner_out_for_nine_minutes_and_the_recovery_codes_not_at_all(anna):
    key, codes = set_up(anna)
    start = timezone.now()
    for guess in range(20):
        with time_machine.travel(start + timedelta(minutes=10 * guess), tick=False):
            assert not devices.accepts(anna, "000000")
    with time_machine.travel(start + timedelta(minutes=191), tick=False):
        assert 440 < devices.seconds_to_wait(anna, "000000") <= 512
        assert devices.seconds_to_wait(anna, codes[0]) == 0
        assert devices.accepts(anna, codes[0])
    with time_machine.travel(start + timedelta(minutes=199), tick=False):
        assert devices.seconds_to_wait(anna, "000000") == 0
        assert devices.accepts(anna, code_of(key))


@pytest.mark.parametrize("code", ["", "12345", "-1", "٣٣٣٣٣٣", "0x12", "a" * 5000, "12\0", "1e5", "' or 1=1"])
def test_odd_codes_are_refused_without_an_error(anna, code):
    set_up(anna)
    client = Client()
    enter("anna", client=client)
    assert client.post(CODE_PAGE, {"code": code}).status_code == 200


def test_the_password_is_good_for_five_minutes_and_for_an_active_account(anna):
    key, _codes = set_up(anna)
    client = Client()
    enter("anna", client=client)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert client.post(CODE_PAGE, {"code": code_of(key)})["Location"] == "/admin/login/"
    enter("anna", client=client)
    anna.is_active = False
    anna.save()
    assert client.post(CODE_PAGE, {"code": code_of(key)})["Location"] == "/admin/login/"


def test_no_one_reaches_the_code_page_without_a_password(anna):
    set_up(anna)
    assert Client().post(CODE_PAGE, {"code": "000000"})["Location"] == "/admin/login/"


def test_a_key_that_another_person_was_shown_is_not_kept(anna):
    other = signed_in(manager=True).get(PAGE)
    client = Client()
    client.force_login(anna)
    [shown] = re.findall(r'class="gb-key">([A-Z2-7 ]+)<', other.content.decode())
    key = b32decode(shown.replace(" ", "")).hex()

    answer = client.post(PAGE, {"offer": other.context["offer"], "code": code_of(key)})

    assert "This page was too old." in words_of(answer)
    assert not TOTPDevice.objects.exists()


def test_where_it_is_required_there_is_nothing_to_see_before_it_is_set_up(anna, settings):
    settings.SECOND_FACTOR = "required"
    client = Client()
    enter("anna", client=client)
    assert client.get("/admin/exports/flow/")["Location"] == PAGE
    assert client.post("/admin/exports/flow/", {"action": "retry_failed"})["Location"] == PAGE
    page = client.get(PAGE)
    assert "requires a second factor" in words_of(page)
    key = signing.loads(page.context["offer"], salt=f"second factor of {anna.pk}")
    client.post(PAGE, {"offer": page.context["offer"], "code": code_of(key)})
    assert client.get("/admin/exports/flow/").status_code == 200


def test_who_signed_in_without_it_before_it_was_required_signs_in_again(anna, settings):
    set_up(anna)
    settings.SECOND_FACTOR = "off"
    client = Client()
    assert is_in(enter("anna", client=client))
    assert client.get(PAGE).status_code == 404
    settings.SECOND_FACTOR = "required"
    assert client.get("/admin/", follow=True).request["PATH_INFO"] == "/admin/login/"


def test_removing_it_needs_a_code(anna):
    key, _codes = set_up(anna)
    client = Client()
    client.force_login(anna)
    assert client.post(PAGE, {"code": "000000"}).status_code == 200
    assert devices.has_device(anna)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        client.post(PAGE, {"code": code_of(key)})
    assert not devices.has_device(anna)


def test_an_administrator_resets_it_with_a_line_in_the_history(anna):
    set_up(anna)
    admin = signed_in(is_superuser=True)
    page = f"/admin/auth/user/{anna.pk}/reset-second-factor/"
    assert "Reset the second factor of anna?" in words_of(admin.get(page))
    admin.post(page)
    assert not devices.has_device(anna)
    assert LogEntry.objects.get().change_message == "Second factor reset."
    assert "reset-second-factor" not in admin.get(f"/admin/auth/user/{anna.pk}/change/").content.decode()


def test_no_one_resets_it_for_who_may_do_more(anna):
    root = UserFactory(is_superuser=True)
    set_up(root)
    client = Client()
    client.force_login(anna)
    page = f"/admin/auth/user/{root.pk}/reset-second-factor/"
    assert client.post(page).status_code == 403
    assert devices.has_device(root)


def test_no_page_of_the_admin_shows_the_secrets_of_devices(anna):
    key, codes = set_up(anna)
    admin = signed_in(is_superuser=True)
    assert admin.get("/admin/otp_totp/totpdevice/").status_code == 404
    page = admin.get(f"/admin/auth/user/{anna.pk}/change/").content.decode()
    assert not re.search("|".join([key, *codes]), page)


def test_a_person_with_a_device_can_be_deleted(anna):
    set_up(anna)
    admin = signed_in(is_superuser=True)
    admin.post(f"/admin/auth/user/{anna.pk}/delete/", {"post": "yes"})
    assert not TOTPDevice.objects.exists()
