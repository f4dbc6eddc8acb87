"""What opens access is said to all who configure the site, whatever they have chosen."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from exports.models import ApiClient, Event
from exports.notifying.digests import make_digests, send_digests
from exports.notifying.sentences import sentences_of
from exports.roles import ADMINISTRATORS, MANAGERS
from tests.factories import ApiClientFactory, UserFactory
from tests.signed_in import signed_in, text_of

CLIENT = {"name": "helper", "is_active": "on", "may_export": "on"}


def said() -> list[str]:
    return [sentences_of([event]) for event in Event.objects.order_by("pk")]


def change(client: ApiClient, **fields: str) -> None:
    address = reverse("admin:exports_apiclient_change", args=[client.pk])
    answer = signed_in(integrator=True, username="ina").post(address, {"name": client.name, **fields})
    assert answer.status_code == 302


@pytest.mark.django_db
class TestWhatIsSaid:
    def test_a_new_client(self) -> None:
        signed_in(integrator=True, username="ina").post(reverse("admin:exports_apiclient_add"), CLIENT)
        assert said() == ["ina made the API client helper."]

    def test_a_client_of_the_command_line(self) -> None:
        call_command("create_api_client", "WISEflow")
        assert said() == ["The API client WISEflow was made on the command line."]

    def test_a_new_key(self) -> None:
        client = ApiClientFactory(name="helper")
        signed_in(integrator=True, username="ina").post(reverse("admin:exports_apiclient_new_key", args=[client.pk]))
        assert said() == ["ina made a new key of the API client helper."]

    @pytest.mark.parametrize(
        "fields",
        [
            {"is_active": "on"},  # it was inactive
            {"may_export": "on"},
            {"allowed_networks": ""},
            {"allowed_networks": "192.0.2.0/24"},
        ],
    )
    def test_more_rights_or_other_networks(self, fields: dict[str, str]) -> None:
        client = ApiClientFactory(
            name="helper", is_active=False, may_export=False, allowed_networks=["198.51.100.7/32"]
        )
        change(client, **{"allowed_networks": "198.51.100.7/32", **fields})
        assert said() == ["ina changed what the API client helper may do."]

    def test_what_narrows_is_not_said(self) -> None:
        change(ApiClientFactory(name="helper"), name="other")
        assert said() == []

    def test_an_account_with_its_role(self) -> None:
        signed_in(is_superuser=True, username="root").post(
            reverse("admin:auth_user_invite"),
            {"first_name": "A", "last_name": "B", "email": "a@example.edu", "role": MANAGERS},
        )
        assert said() == ["root made the account a@example.edu.", "root gave a@example.edu more roles or permissions."]

    def test_a_password_that_someone_sets(self) -> None:
        other = UserFactory(username="anna")
        password = "another pass phrase of some length"
        signed_in(is_superuser=True, username="root").post(
            reverse("admin:auth_user_password_change", args=[other.pk]),
            {"password1": password, "password2": password, "usable_password": "true", "set-password": ""},
        )
        assert "root set the password of the account anna." in said()

    def test_what_a_shell_does_is_not_said(self) -> None:
        UserFactory(administrator=True).groups.add(Group.objects.get(name=ADMINISTRATORS))
        assert said() == []


@pytest.mark.django_db
def test_all_administrators_and_integrators_read_it_by_mail_and_on_the_dashboard(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    UserFactory(administrator=True, email="admin@example.edu")
    UserFactory(integrator=True, email="ina@example.edu")
    UserFactory(manager=True, email="manager@example.edu")
    UserFactory(administrator=True, email="gone@example.edu", is_active=False)
    call_command("create_api_client", "WISEflow")

    Event.objects.update(at=timezone.now() - timedelta(minutes=10))
    make_digests(timezone.now())
    send_digests()

    assert sorted(message.to[0] for message in mail.outbox) == ["admin@example.edu", "ina@example.edu"]
    assert "The API client WISEflow was made" in str(mail.outbox[0].body)
    for traits, is_shown in (({"administrator": True}, True), ({"integrator": True}, True), ({"manager": True}, False)):
        page = text_of(signed_in(**traits).get(reverse("admin:index")))
        assert ("The API client WISEflow was made" in page) is is_shown
