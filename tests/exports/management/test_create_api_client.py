"""A new caller's key is printed once, alone."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exports.models import ApiClient
from tests.factories import ApiClientFactory

pytestmark = pytest.mark.django_db


def test_the_key_alone_is_printed_and_lets_the_client_in(capsys, client):
    call_command("create_api_client", "wiseflow")
    key = capsys.readouterr().out.strip()

    response = client.get("/api/wiseflow/flows/nowhere/export", headers={"X-Api-Key": key})
    assert response.status_code == 404
    assert ApiClient.objects.get().allowed_networks == []


def test_networks_can_be_given_together_or_one_by_one():
    call_command("create_api_client", "wiseflow", "--allow", "192.0.2.0/24", "2001:db8::/32", "--allow", "198.51.100.7")
    assert ApiClient.objects.get().allowed_networks == ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]


def test_flows_and_a_date_can_be_given():
    call_command("create_api_client", "wiseflow", "--flows", "4711", "EX-*", "--expires", "2099-06-30")

    client = ApiClient.objects.get()
    assert client.flow_patterns == ["4711", "EX-*"]
    assert timezone.localtime(client.expires_at).isoformat().startswith("2099-06-30T23:59:59")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["known"], "An API client with the name known exists already."),
        ([" "], "NAME must not be empty"),
        (["a:b"], "The name cannot contain a colon, "),
        (["two\nlines"], r"control character U\+000A"),
        (["nothing\0"], "control character"),
        (["\x1b[31mred"], "control character"),
        (["x" * 101], "at most 100 characters"),
        (["new", "--allow", "192.0.2.1/24"], "'192.0.2.1/24' is not a network such as 192.0.2.0/24."),
        (["new", "--allow", "everywhere"], "'everywhere' is not a network"),
        (["new", "--flows", ""], "'' is not a flow pattern"),
        (["new", "--flows", "a\nb"], "control character"),
        (["new", "--expires", "soon"], "--expires: "),
        (["new", "--expires", "2001-01-01"], "--expires is in the past"),
    ],
)
def test_what_is_refused(capsys, arguments, sentence):
    ApiClientFactory(name="known")
    with pytest.raises(CommandError, match=sentence) as error:
        call_command("create_api_client", *arguments)
    assert error.value.returncode == 1
    assert capsys.readouterr().out == ""
    assert ApiClient.objects.count() == 1
