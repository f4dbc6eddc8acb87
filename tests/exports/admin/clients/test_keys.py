"""The pages that give a client a new key, and end the old one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.models.api_client import hash_key
from tests.exports.admin.clients.test_api_clients import ADD, FORM, key_in
from tests.factories import ApiClientFactory
from tests.signed_in import messages_of, signed_in, text_of


@pytest.fixture
def client_(db: None) -> Any:
    return ApiClientFactory(name="Test")


def page(client: Any, name: str) -> str:
    return reverse(f"admin:exports_apiclient_{name}", args=[client.pk])


def new_key(integrator: Client, client: Any, **form: Any) -> str:
    key = key_in(text_of(integrator.post(page(client, "new_key"), form)))
    client.refresh_from_db()
    return key


def test_the_old_key_works_beside_the_new_one_for_the_days_that_were_chosen(integrator: Client, client_: Any) -> None:
    assert 'value="7"' in text_of(integrator.get(page(client_, "new_key")))

    key = new_key(integrator, client_, days="3")

    assert (client_.key_hash, client_.previous_key_hash) == (hash_key(key), hash_key("key-Test"))
    left = client_.previous_key_ends_at - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    assert "The old key works as well, until" in text_of(integrator.get(page(client_, "change")))


def test_with_no_days_it_ends_at_once(integrator: Client, client_: Any) -> None:
    new_key(integrator, client_, days="0")

    assert client_.previous_key_hash is None
    assert "The old key works as well" not in text_of(integrator.get(page(client_, "change")))


@pytest.mark.parametrize("days", ["-1", "91", "1e3", "seven", ""])
def test_days_that_cannot_be_meant_make_no_key(integrator: Client, client_: Any, days: str) -> None:
    answer = integrator.post(page(client_, "new_key"), {"days": days})

    client_.refresh_from_db()
    assert answer.status_code == 422
    assert client_.key_hash == hash_key("key-Test")


def test_whoever_makes_a_third_is_shown_that_the_first_ends(integrator: Client, client_: Any) -> None:
    assert "There are two keys already" not in text_of(integrator.get(page(client_, "new_key")))
    new_key(integrator, client_, days="7")

    assert "There are two keys already" in text_of(integrator.get(page(client_, "new_key")))


def test_the_old_key_can_be_ended_before(integrator: Client, client_: Any) -> None:
    new_key(integrator, client_, days="7")
    link = page(client_, "end_old_key")
    assert link in text_of(integrator.get(page(client_, "change")))
    integrator.get(link)  # asks, and changes nothing
    client_.refresh_from_db()
    assert client_.previous_key_hash

    answer = integrator.post(link)

    client_.refresh_from_db()
    assert (client_.previous_key_hash, client_.previous_key_ends_at) == (None, None)
    assert messages_of(answer) == ["The old key does not work any more."]
    assert link not in text_of(integrator.get(page(client_, "change")))
    assert "There is no old key" in messages_of(integrator.post(link))[0]
    assert client_.history.first().history_change_reason == "The old key was ended."


def test_managers_can_do_none_of_this(client_: Any) -> None:
    manager = signed_in(manager=True)

    assert manager.post(page(client_, "new_key"), {"days": "7"}).status_code == 403
    assert manager.post(page(client_, "end_old_key")).status_code == 403


class TestForm:
    def test_patterns_are_typed_one_a_line(self, integrator: Client, client_: Any) -> None:
        form = FORM | {"flow_patterns": "4711\n EX-* \n\n", "expires_at_0": "2099-06-30", "expires_at_1": "12:00"}
        assert integrator.post(page(client_, "change"), form).status_code == 302

        client_.refresh_from_db()
        assert client_.flow_patterns == ["4711", "EX-*"]
        assert client_.expires_at.year == 2099
        shown = text_of(integrator.get(page(client_, "change")))
        assert "EX-*" in shown
        assert "4711, EX-*" in text_of(integrator.get(reverse("admin:exports_apiclient_changelist")))

    @pytest.mark.parametrize("patterns", ['[""]', "[1]", '{"a": 1}', "x" * 300, "a\u200bb"])
    def test_what_is_no_pattern_is_refused(self, integrator: Client, patterns: str) -> None:
        assert integrator.post(ADD, FORM | {"flow_patterns": patterns}).status_code == 200

    def test_when_and_from_where_it_was_used_is_shown(self, integrator: Client, client_: Any) -> None:
        type(client_).objects.update(last_used_at=None)
        assert "It has not been used." in text_of(integrator.get(page(client_, "change")))
        type(client_).objects.update(last_used_at=timezone.now(), last_used_address="192.0.2.7")

        assert "from 192.0.2.7." in text_of(integrator.get(page(client_, "change")))
