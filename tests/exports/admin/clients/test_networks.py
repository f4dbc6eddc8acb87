"""The networks of an API client, as people type them."""

import pytest
from django.urls import reverse

from exports.models import ApiClient
from tests.signed_in import text_of

ADD = reverse("admin:exports_apiclient_add")
FORM = {"name": "WISEflow", "is_active": "on", "may_export": "on"}
TWO = ["192.0.2.0/24", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("192.0.2.0/24", TWO[:1]),
        ("192.0.2.0/24\r\n2001:db8::/32", TWO),
        ("192.0.2.0/24\n\n  2001:db8::/32  \n", TWO),
        ("192.0.2.0/24,\n2001:db8::/32,", TWO),
        ("192.0.2.0/24;\n2001:db8::/32", TWO),
        ('["192.0.2.0/24", "2001:db8::/32"]', TWO),
        ("192.0.2.7", ["192.0.2.7"]),
        ("", []),
        (" \n ", []),
        ("null", []),
        ("[]", []),
    ],
)
def test_networks_are_typed_one_a_line(typed, kept, integrator):
    assert integrator.post(ADD, FORM | {"allowed_networks": typed}).status_code == 200  # the page with the key
    client = ApiClient.objects.get()
    assert client.allowed_networks == kept

    address = reverse("admin:exports_apiclient_change", args=[client.pk])
    shown = integrator.get(address).context["adminform"].form["allowed_networks"].value()
    assert shown == "\n".join(kept)
    records = client.history.count()
    integrator.post(address, FORM | {"allowed_networks": shown})
    assert client.history.count() == records


@pytest.mark.parametrize("typed", ["nowhere", "192.0.2.1/24", "192.0.2.0/24 or 192.0.3.0/24", "[1]", '{"a": 1}', "["])
def test_what_is_no_network_is_refused_and_shown_again(typed, integrator):
    page = integrator.post(ADD, FORM | {"allowed_networks": typed})

    assert page.status_code == 200
    assert not ApiClient.objects.exists()
    assert "allowed_networks" in page.context["adminform"].form.errors
    assert "not a network" in text_of(page) or "list of networks" in text_of(page) or "JSON" in text_of(page)
