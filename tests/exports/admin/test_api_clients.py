"""API clients: a key is shown once."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import ApiClient
from exports.models.api_client import hash_key
from tests.factories import ApiClientFactory
from tests.signed_in import text_of

FORM = {"name": "WISEflow", "is_active": "on", "may_export": "on", "allowed_networks": '["192.0.2.0/24"]'}
ADD = "/admin/exports/apiclient/add/"


def key_in(page: str) -> str:
    found = re.search(r"<code class=['\"]gb-key['\"]>([^<]+)</code>", html.unescape(page))
    assert found is not None
    return found[1]


def test_a_new_clients_key_is_shown_once_and_works(administrator: Client) -> None:
    page = text_of(administrator.post(ADD, FORM, follow=True))
    key = key_in(page)
    client = ApiClient.objects.get(name="WISEflow")
    assert client.key_hash == hash_key(key)
    assert client.key_hash not in page
    again = text_of(administrator.get(reverse("admin:exports_apiclient_change", args=[client.pk])))
    assert key not in again
    assert client.key_hash not in again


def test_saving_a_client_leaves_its_key_alone(administrator: Client) -> None:
    client = ApiClientFactory(name="Test")
    page = reverse("admin:exports_apiclient_change", args=[client.pk])
    assert administrator.post(page, FORM | {"key_hash": "0" * 64}).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.key_hash) == ("WISEflow", hash_key("key-Test"))


def test_a_network_that_is_none_is_refused(administrator: Client) -> None:
    page = text_of(administrator.post(ADD, FORM | {"allowed_networks": '["nowhere"]'}))
    assert "is no network such as 192.0.2.0/24." in page
    assert not ApiClient.objects.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WISE:flow", "cannot hold a colon"),
        ("WISE\tflow", "control characters"),
        ("WISE\u2028flow", "control characters"),
    ],
)
def test_a_name_that_http_basic_cannot_carry_is_refused(name: str, says: str, administrator: Client) -> None:
    assert says in text_of(administrator.post(ADD, FORM | {"name": name}))
    assert not ApiClient.objects.exists()


def test_a_new_key_is_asked_for_first_and_replaces_the_old_one(administrator: Client) -> None:
    client = ApiClientFactory(name="Test")
    page = reverse("admin:exports_apiclient_new_key", args=[client.pk])
    assert "stops working at once" in text_of(administrator.get(page))
    client.refresh_from_db()
    assert client.key_hash == hash_key("key-Test")

    key = key_in(text_of(administrator.post(page, follow=True)))
    client.refresh_from_db()
    assert client.key_hash == hash_key(key)


def test_there_is_no_key_for_a_client_nobody_made(administrator: Client) -> None:
    assert administrator.get(reverse("admin:exports_apiclient_new_key", args=[4711])).status_code == 404


@pytest.mark.parametrize("networks", ["", "null", "[]"])
def test_a_client_without_networks_may_call_from_anywhere(administrator: Client, networks: str) -> None:
    administrator.post(ADD, FORM | {"allowed_networks": networks})
    assert ApiClient.objects.get().allowed_networks == []


def test_a_number_is_no_network(administrator: Client) -> None:
    page = administrator.post(ADD, FORM | {"allowed_networks": "[1]"})
    assert "1 is no network such as 192.0.2.0/24." in text_of(page)
