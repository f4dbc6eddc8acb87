"""API clients: a key is shown once."""

import html
import re

import pytest
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from exports.models import ApiClient, ExportAttempt
from exports.models.api_client import hash_key
from tests.factories import ApiClientFactory, ExportAttemptFactory, ParticipantFactory
from tests.signed_in import signed_in, text_of

FORM = {"name": "WISEflow", "is_active": "on", "may_export": "on", "allowed_networks": '["192.0.2.0/24"]'}
ADD = "/admin/exports/apiclient/add/"


def key_in(page: str) -> str:
    found = re.search(r"<code class=['\"]gb-key['\"]>([^<]+)</code>", html.unescape(page))
    assert found is not None
    return found[1]


def test_a_new_clients_key_is_shown_once_and_works(integrator: Client) -> None:
    answer = integrator.post(ADD, FORM)
    page = text_of(answer)
    key = key_in(page)
    assert "no-store" in answer["Cache-Control"]
    client = ApiClient.objects.get(name="WISEflow")
    assert client.key_hash == hash_key(key)
    assert client.key_hash not in page
    again = text_of(integrator.get(reverse("admin:exports_apiclient_change", args=[client.pk])))
    assert key not in again
    assert client.key_hash not in again


def test_saving_a_client_leaves_its_key_alone(integrator: Client) -> None:
    client = ApiClientFactory(name="Test")
    page = reverse("admin:exports_apiclient_change", args=[client.pk])
    assert integrator.post(page, FORM | {"key_hash": "0" * 64}).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.key_hash) == ("WISEflow", hash_key("key-Test"))


def test_a_network_that_is_none_is_refused(integrator: Client) -> None:
    page = text_of(integrator.post(ADD, FORM | {"allowed_networks": '["nowhere"]'}))
    assert "is not a network such as 192.0.2.0/24." in page
    assert not ApiClient.objects.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WISE:flow", "cannot contain a colon"),
        ("WISE\tflow", "It contains the control character U+0009."),
        ("WISE\u2028flow", "It contains the line break U+2028."),
    ],
)
def test_a_name_that_http_basic_cannot_carry_is_refused(name: str, says: str, integrator: Client) -> None:
    assert says in text_of(integrator.post(ADD, FORM | {"name": name}))
    assert not ApiClient.objects.exists()


def test_a_new_key_is_asked_for_first_and_replaces_the_old_one(integrator: Client) -> None:
    client = ApiClientFactory(name="Test")
    page = reverse("admin:exports_apiclient_new_key", args=[client.pk])
    assert "can use both keys for a while" in text_of(integrator.get(page))
    client.refresh_from_db()
    assert client.key_hash == hash_key("key-Test")

    key = key_in(text_of(integrator.post(page)))
    client.refresh_from_db()
    assert client.key_hash == hash_key(key)


def test_there_is_no_key_for_a_client_nobody_made(integrator: Client) -> None:
    assert integrator.get(reverse("admin:exports_apiclient_new_key", args=[4711])).status_code == 404


@pytest.mark.parametrize("networks", ["", "null", "[]"])
def test_a_client_without_networks_may_call_from_anywhere(integrator: Client, networks: str) -> None:
    integrator.post(ADD, FORM | {"allowed_networks": networks})
    assert ApiClient.objects.get().allowed_networks == []


def test_a_number_is_no_network(integrator: Client) -> None:
    page = integrator.post(ADD, FORM | {"allowed_networks": "[1]"})
    assert "1&#x27; is not a network such as 192.0.2.0/24." in text_of(page)


@pytest.mark.parametrize("button", ["_save", "_addanother", "_continue"])
def test_no_cookie_and_no_session_holds_a_new_key(integrator: Client, button: str) -> None:
    made = integrator.post(ADD, FORM | {button: "1"})
    client = ApiClient.objects.get()
    again = integrator.post(reverse("admin:exports_apiclient_new_key", args=[client.pk]))

    for answer in (made, again):
        key = key_in(text_of(answer))
        assert answer.cookies.keys().isdisjoint({"messages"})
        shown = [str(message) for message in answer.wsgi_request._messages]
        assert key not in "".join([*shown, str(dict(integrator.session)), str(answer.headers)])
    assert "Copy it now" not in text_of(integrator.get(reverse("admin:exports_apiclient_changelist")))


class TestDeleting:
    def page(self, client: ApiClient, name: str) -> str:
        return reverse(f"admin:exports_apiclient_{name}", args=[client.pk])

    @pytest.mark.parametrize("last", [True, False])
    def test_a_client_that_has_exported_is_kept_with_its_attempts(self, integrator: Client, last: bool) -> None:
        """Also one that has exported no one last, or only people who were refused."""
        client = ApiClientFactory(name="Test")
        attempt = ExportAttemptFactory(api_client=client)
        ParticipantFactory(flow=attempt.flow, api_client=client if last else ApiClientFactory())

        answer = integrator.post(self.page(client, "delete"), {"post": "yes"}, follow=True)

        assert "was not deleted" in text_of(answer)
        assert "Switch it off instead" in text_of(answer)
        attempt.refresh_from_db()
        assert attempt.api_client == client
        page = text_of(integrator.get(self.page(client, "change")))
        assert "This client cannot be deleted." in page
        assert self.page(client, "delete") not in page

    def test_the_database_keeps_it_too(self, db: None) -> None:
        client = ApiClientFactory()
        ExportAttemptFactory(api_client=client)

        with pytest.raises(ProtectedError):
            client.delete()

    def test_one_that_has_exported_after_its_attempts_were_purged_is_kept(self, integrator: Client) -> None:
        client = ApiClientFactory()
        ParticipantFactory(api_client=client)

        integrator.post(self.page(client, "delete"), {"post": "yes"})

        assert ApiClient.objects.filter(pk=client.pk).exists()

    def test_one_that_has_done_nothing_can_be_deleted(self, integrator: Client) -> None:
        client = ApiClientFactory()

        integrator.post(self.page(client, "delete"), {"post": "yes"})

        assert not ApiClient.objects.exists()

    def test_managers_learn_nothing_of_it(self, db: None) -> None:
        client = ApiClientFactory()
        ExportAttemptFactory(api_client=client)

        assert signed_in(manager=True).post(self.page(client, "delete"), {"post": "yes"}).status_code == 403

    def test_an_export_whose_client_is_gone_is_not_said_to_be_the_command_lines(self, administrator: Client) -> None:
        attempt = ExportAttemptFactory(api_client=None, trigger=ExportAttempt.Trigger.EXPORT)

        page = text_of(administrator.get(reverse("admin:exports_exportattempt_change", args=[attempt.pk])))

        assert "A deleted API client" in page
