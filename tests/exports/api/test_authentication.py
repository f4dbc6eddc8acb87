"""Who may call: a key in one of four wrappings, from where it is allowed, for what it is allowed."""

from base64 import b64encode
from datetime import timedelta
from ipaddress import ip_network

import pytest
import time_machine
from django.utils import timezone

from exports.models import ExportAttempt
from tests.exports.api.test_challenges import SCHEMES, challenges
from tests.factories import ApiClientFactory

PATH = "/api/wiseflow/flows/77/export"
ADDRESSES = [
    ("POST", PATH),
    ("PATCH", PATH),
    ("GET", PATH),
    ("POST", "/api/wiseflow/export"),
    ("GET", "/api/wiseflow/export"),
    ("GET", "/api/wiseflow/flows/77/participants"),
    ("PUT", PATH),
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def api_client():
    return ApiClientFactory(name="WISEflow")


def basic(text):
    return {"Authorization": "Basic " + b64encode(text.encode()).decode()}


def call(client, method="POST", path=PATH, **options):
    return client.generic(method, path, '{"participants": []}', content_type="application/json", **options)


def bearer(client, name="WISEflow", key="key-WISEflow"):
    form = "application/x-www-form-urlencoded"
    body = "grant_type=client_credentials"
    answer = client.post("/oauth2/token/", body, content_type=form, headers=basic(f"{name}:{key}"))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Api-Key key-WISEflow"},
        {"Authorization": "api-key   key-WISEflow "},
        {"X-Api-Key": "key-WISEflow"},
        basic("WISEflow:key-WISEflow"),
    ],
)
def test_the_key_is_taken_in_every_wrapping(client, api_client, headers):
    assert call(client, headers=headers).status_code == 200
    assert ExportAttempt.objects.get().api_client == api_client


def test_a_bearer_token_is_taken(client, api_client):
    assert call(client, headers=bearer(client)).status_code == 200
    assert ExportAttempt.objects.get().api_client == api_client


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"X-Api-Key": "wrong"}, id="a wrong key"),
        pytest.param({"X-Api-Key": "é\0"}, id="a key of strange characters"),
        pytest.param({"Authorization": "Api-Key"}, id="no key after the scheme"),
        pytest.param({"Authorization": "key-WISEflow"}, id="no scheme"),
        pytest.param({"Authorization": "Digest key-WISEflow"}, id="another scheme"),
        pytest.param({"Authorization": "Basic ####"}, id="Basic without base64"),
        pytest.param({"Authorization": "Basic é"}, id="Basic beyond ASCII"),
        pytest.param({"Authorization": "Basic /w=="}, id="Basic that is not UTF-8"),
        pytest.param(basic("WISEflow"), id="Basic without a key"),
        pytest.param(basic("WISEflow:wrong"), id="Basic with a wrong key"),
        pytest.param(basic("other:key-WISEflow"), id="Basic with another's name"),
        pytest.param({"Authorization": "Bearer a:b:c"}, id="a made-up token"),
        pytest.param({"Authorization": "Bearer é"}, id="a token of strange characters"),
    ],
)
def test_whoever_cannot_show_a_key_is_turned_away_and_nothing_is_stored(client, api_client, headers, method, path):
    response = call(client, method, path, headers=headers)

    assert response.status_code == 401
    assert [challenge.split()[0] for challenge in challenges(response["WWW-Authenticate"])] == SCHEMES
    assert response["Content-Type"] == "application/json"
    assert response.json()["detail"]
    assert "key-WISEflow" not in response.text
    assert not ExportAttempt.objects.exists()


def test_an_inactive_client_is_not_known(client, api_client):
    token = bearer(client)
    api_client.is_active = False
    api_client.save()

    for headers in ({"X-Api-Key": "key-WISEflow"}, basic("WISEflow:key-WISEflow"), token):
        assert call(client, headers=headers).status_code == 401


def test_a_token_ends_with_the_key_it_was_made_for(client, api_client):
    token = bearer(client)
    key = api_client.set_new_key()
    api_client.save()

    assert call(client, headers=token).status_code == 401
    assert call(client, headers={"X-Api-Key": "key-WISEflow"}).status_code == 401
    assert call(client, headers={"X-Api-Key": key}).status_code == 200


def test_a_token_ends_after_an_hour(client, api_client):
    token = bearer(client)

    with time_machine.travel(timezone.now() + timedelta(minutes=59)):
        assert call(client, headers=token).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        response = call(client, headers=token)

    assert response.status_code == 401
    assert "expired" in response.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_without_the_right_to_export_a_client_reads_and_no_more(client, flow, method):
    ApiClientFactory(name="dashboard", may_export=False)
    headers = {"X-Api-Key": "key-dashboard"}

    refused = call(client, method, headers=headers)

    assert refused.status_code == 403
    assert refused.json() == {"detail": "This API client may read states but not export."}
    assert call(client, "GET", headers=headers).status_code == 200
    assert call(client, "GET", "/api/wiseflow/flows/77/participants", headers=headers).status_code == 200
    assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["192.0.2.0/24"], "192.0.2.7", 200),
        (["192.0.2.0/24", "198.51.100.7"], "198.51.100.7", 200),
        (["192.0.2.0/24"], "192.0.3.1", 403),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", 200),
        (["192.0.2.0/24"], "2001:db8::1", 403),
        (["2001:db8::/32"], "2001:db8::1", 200),
        (["192.0.2.0/24"], "", 403),
    ],
)
def test_a_client_calls_from_its_own_networks_only(client, networks, address, status):
    ApiClientFactory(name="WISEflow", allowed_networks=networks)

    response = call(client, headers={"X-Api-Key": "key-WISEflow"}, REMOTE_ADDR=address)

    assert response.status_code == status
    if status == 403:
        assert response.json() == {"detail": f"This API client may not call from {address}."}
        assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize(
    ("remote", "forwarded", "status"),
    [
        pytest.param("10.0.0.1", "192.0.2.7", 200, id="through the proxy"),
        pytest.param("::ffff:10.0.0.1", "192.0.2.7", 200, id="through the proxy, on a socket for IPv6 too"),
        pytest.param("10.0.0.1", "192.0.2.7, 10.0.0.2", 200, id="through two proxies"),
        pytest.param("10.0.0.1", "192.0.2.7, 203.0.113.9", 403, id="an address that the caller made up"),
        pytest.param("203.0.113.9", "192.0.2.7", 403, id="around the proxy"),
        pytest.param("10.0.0.1", "", 403, id="the proxy itself"),
        pytest.param("10.0.0.1", "192.0.2.7, nonsense", 403, id="nonsense"),
    ],
)
def test_behind_a_trusted_proxy_the_callers_address_is_the_forwarded_one(client, settings, remote, forwarded, status):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]
    ApiClientFactory(name="WISEflow", allowed_networks=["192.0.2.0/24"])

    response = call(client, headers={"X-Api-Key": "key-WISEflow", "X-Forwarded-For": forwarded}, REMOTE_ADDR=remote)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("192.0.2.7:44321", 200),
        ("192.0.2.7:1", 200),
        ("2001:db8::1", 200),
        ("[2001:db8::1]", 200),
        ("[2001:db8::1]:44321", 200),
        ("[2001:db8::1%eth0]:44321", 200),
        ("2001:db8::1%25eth0", 200),
        ("[::ffff:192.0.2.7]:443", 200),
        ("192.0.2.7:44321, 10.0.0.2:80", 200),
        ("203.0.113.9, 192.0.2.7:44321,[::ffff:10.0.0.2]:80", 200),
        ("192.0.2.7:44321, 203.0.113.9:80", 403),
        ("203.0.113.9:44321", 403),
        ("[2001:db9::1]:44321", 403),
        ("192.0.2.7:", 403),
        ("192.0.2.7:http", 403),
        ("192.0.2.7:123456", 403),
        ("[2001:db8::1", 403),
        ("2001:db8::1]:80", 403),
        ("[[2001:db8::1]]", 403),
        ("[]:80", 403),
        (":80", 403),
        ("192.0.2:80", 403),
        ("unknown", 403),
        ("_hidden:80", 403),
    ],
)
def test_a_forwarded_address_is_read_as_proxies_write_it(client, settings, forwarded, status):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]
    ApiClientFactory(name="WISEflow", allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    headers = {"X-Api-Key": "key-WISEflow", "X-Forwarded-For": forwarded}

    response = call(client, headers=headers, REMOTE_ADDR="10.0.0.1")

    assert response.status_code == status
    around = call(client, headers=headers, REMOTE_ADDR="203.0.113.9")  # whom nobody trusts to forward
    assert around.status_code == 403


def test_without_trusted_proxies_nobody_can_forward_an_address(client):
    ApiClientFactory(name="WISEflow", allowed_networks=["192.0.2.0/24"])

    response = call(client, headers={"X-Api-Key": "key-WISEflow", "X-Forwarded-For": "192.0.2.7"})

    assert response.status_code == 403
