"""`/oauth2/token/`: a bearer token for name and key, as RFC 6749 says."""

import http.client
from base64 import b64encode
from urllib.parse import quote, quote_plus, urlencode

import pytest

from tests.exports.api.site import site
from tests.factories import ApiClientFactory

FORM = "application/x-www-form-urlencoded"

pytestmark = pytest.mark.django_db


def basic(name, key):
    return {"Authorization": "Basic " + b64encode(f"{name}:{key}".encode()).decode()}


def ask(client, path="/oauth2/token/", headers=None, **form):
    body = urlencode({"grant_type": "client_credentials", **form})
    return client.post(path, body, content_type=FORM, headers=headers)


@pytest.mark.parametrize("path", ["/oauth2/token/", "/oauth2/token"])
def test_name_and_key_as_basic_give_a_token(client, path):
    ApiClientFactory(name="WISEflow")

    response = ask(client, path=path, headers=basic("WISEflow", "key-WISEflow"))

    answer = response.json()
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    read = client.get("/api/wiseflow/flows/77/export", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert read.status_code == 404  # known, and there is no such flow


def test_name_and_key_in_the_form_give_a_token(client):
    name = "WISEflow & co: ü"
    ApiClientFactory(name=name)

    response = ask(client, client_id=name, client_secret=f"key-{name}")

    assert response.status_code == 200
    assert response.json()["access_token"]


def test_a_token_says_nothing_of_the_key(client):
    ApiClientFactory(name="WISEflow")

    assert "key-WISEflow" not in ask(client, headers=basic("WISEflow", "key-WISEflow")).text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("WISEflow", "wrong"),
        basic("other", "key-WISEflow"),
        {"Authorization": "Basic ####"},
        {"Authorization": "Api-Key key-WISEflow"},
    ],
)
def test_whoever_cannot_show_name_and_key_gets_no_token(client, headers):
    ApiClientFactory(name="WISEflow")

    response = ask(client, headers=headers)

    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"
    assert response["WWW-Authenticate"] == 'Basic realm="GradeBridge", charset="UTF-8"'


def test_an_inactive_client_gets_no_token(client):
    ApiClientFactory(name="WISEflow", is_active=False)

    assert ask(client, headers=basic("WISEflow", "key-WISEflow")).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_request"),
        (b"{}", "invalid_request"),
        (b"\xff\xfe\x00", "invalid_request"),
        (b"grant_type=%G0", "invalid_request"),
        (b"grant_type=password", "unsupported_grant_type"),
        (b"grant_type=authorization_code", "unsupported_grant_type"),
        (b"grant_type=client_credentials&client_id=%ff&client_secret=%00", "invalid_client"),
    ],
)
def test_a_senseless_request_is_answered_with_the_error_that_the_standard_names(client, body, error):
    response = client.post("/oauth2/token/", body, content_type=FORM)

    assert response.status_code in (400, 401)
    assert response.json()["error"] == error


def test_credentials_in_the_address_are_not_taken(client):
    """Addresses are logged."""
    ApiClientFactory(name="WISEflow")
    query = "grant_type=client_credentials&client_id=WISEflow&client_secret=key-WISEflow"

    response = ask(client, f"/oauth2/token/?{query}&a[]=1")

    assert response.status_code == 401


@pytest.mark.parametrize(
    "name", ["WISEflow", "WISEflow prod", "UNI&C 100%", "a+b", "%41", "Åse", "成績", "a/b?c", "x=y", "100%25", "~*'()"]
)
@pytest.mark.parametrize("encode", [str, quote_plus, quote], ids=["raw", "form", "percent"])
def test_basic_may_be_form_encoded(client, name, encode):
    ApiClientFactory(name=name)

    assert ask(client, headers=basic(encode(name), encode(f"key-{name}"))).status_code == 200
    assert ask(client, headers=basic(encode(name), "wrong")).status_code == 401


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " ", "\n\n", "\t"])
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8", f"{FORM};charset=iso-8859-1"])
def test_a_form_may_end_with_a_line_break_and_name_its_charset(client, end, content_type):
    ApiClientFactory(name="WISEflow")
    headers = basic("WISEflow", "key-WISEflow")

    response = client.post(
        "/oauth2/token/", f"grant_type=client_credentials{end}", content_type=content_type, headers=headers
    )

    assert response.status_code == 200


def test_a_form_in_chunks_is_read(transactional_db):
    ApiClientFactory(name="WISEflow")
    headers = {**basic("WISEflow", "key-WISEflow"), "Content-Type": FORM}
    with site() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        connection.request("POST", "/oauth2/token/", iter([b"grant_type=", b"client_credentials\n"]), headers)
        status = connection.getresponse().status
        connection.close()

    assert status == 200


def test_a_repeated_parameter_is_refused(client):
    ApiClientFactory(name="WISEflow")
    body = "grant_type=client_credentials&grant_type=client_credentials"

    response = client.post("/oauth2/token/", body, content_type=FORM, headers=basic("WISEflow", "key-WISEflow"))

    assert response.json()["error"] == "invalid_request"


def test_only_post_gives_tokens(client):
    assert client.get("/oauth2/token/").status_code == 405
