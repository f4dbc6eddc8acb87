"""Requests that are wrong as a whole: one clear answer in JSON, nothing stored, never a crash."""

import http.client
import json
import socket
from urllib.parse import unquote

import pytest
from django.db import InterfaceError, OperationalError
from gunicorn.config import Config
from gunicorn.http import RequestParser

from exports.models import ExportAttempt, Flow
from tests.exports.api.site import site

PATH = "/api/wiseflow/flows/77/export"
EMPTY = '{"participants": []}'


def refused(response, status):
    """What the answer says, once it is sure that it is JSON of that status, and that nothing was stored."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert not ExportAttempt.objects.exists()
    return response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b'{"participants": [\n  x]}', "Expecting value at line 2, column 3", id="not JSON"),
        pytest.param(b'{"participants": "\xff"}', "not UTF-8: byte 19", id="not UTF-8"),
        pytest.param(b'[{"userId": 1}]', "but it is a list", id="a list at the top"),
        pytest.param(b"{}", "no 'participants'", id="no participants"),
        pytest.param(b'{"participants": {}}', "must be a list, but it is an object", id="participants an object"),
        pytest.param(b'{"participants": [{"userId": 1, "mark": NaN}]}', "NaN", id="NaN"),
        pytest.param(b'{"participants": [{"userId": 1, "mark": -Infinity}]}', "-Infinity", id="Infinity"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="100,000 lists"),
        pytest.param(
            b'{"participants": [{"userId": ' + b"[" * 700 + b"]" * 700 + b"}]}", "nested too deeply", id="a deep userId"
        ),
        pytest.param(
            b'{"flowId": "78", "participants": []}', "flow '77', but the request body names flow '78'", id="two flows"
        ),
        pytest.param(b'{"flowId": [], "participants": []}', "'flowId' is a list", id="flowId a list"),
        pytest.param(b'{"flowId": "\\ud800", "participants": []}', "'flowId' contains", id="half a character"),
        pytest.param(b'{"flowId": "\\u0000", "participants": []}', "'flowId' contains", id="NUL"),
        pytest.param(
            b'{"flowId": ' + b"7" * 10_000 + b', "participants": []}',
            "has 10000 characters",
            id="flowId of 10,000 digits",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_that_cannot_be_read_is_a_400_that_says_what_and_where(wiseflow, method, body, says):
    response = wiseflow.client.generic(method, PATH, body, headers=wiseflow.headers, CONTENT_TYPE="application/json")

    assert says in refused(response, 400)
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/wiseflow/export", EMPTY, "No flow is named"),
        ("/api/wiseflow/export", '{"flowId": " ", "participants": []}', "No flow is named"),
        ("/api/wiseflow/flows/%20/export", EMPTY, "No flow is named"),
        ("/api/wiseflow/flows/a%00b/export", EMPTY, "The flow id in the address contains the"),
        (f"/api/wiseflow/flows/{'x' * 256}/export", EMPTY, "has 256 characters; 255 are allowed"),
        (f"/api/wiseflow/flows/{'7' * 10_000}/export", EMPTY, "has 10000 characters; 255 are allowed"),
    ],
)
def test_an_export_for_no_certain_flow_is_a_400(wiseflow, path, body, says):
    assert says in refused(wiseflow.post(body, path=path), 400)


@pytest.mark.parametrize(
    "in_address",
    ["a%2Fb", "a%2fb", "a%2Fb%2Fc", "%2Fa", "a%2F", "a%2Fexport", "a%2Fparticipants", "export", "1%2520", "%C3%A6%2F1"],
)
def test_a_flow_id_with_a_slash_has_an_address(wiseflow, in_address):
    path = f"/api/wiseflow/flows/{in_address}"
    assert wiseflow.post(EMPTY, path=f"{path}/export").status_code == 200

    for page in ("export", "participants"):
        assert wiseflow.client.get(f"{path}/{page}", headers=wiseflow.headers).status_code == 200
    assert Flow.objects.get().flow_id == unquote(in_address)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense", ""],
)
def test_another_media_type_is_a_415(wiseflow, content_type):
    assert "media type" in refused(wiseflow.post(EMPTY, content_type=content_type), 415)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON ; charset=utf-8"])
def test_json_is_taken_however_its_media_type_is_spelt(wiseflow, content_type):
    assert wiseflow.post(EMPTY, content_type=content_type).status_code == 200


def test_a_body_over_the_limit_is_a_413_and_one_of_just_the_limit_is_taken(wiseflow, settings):
    settings.EXPORT_MAX_BYTES = len(EMPTY)

    assert "larger than 20 bytes (EXPORT_MAX_BYTES)" in refused(wiseflow.post(EMPTY + " "), 413)
    assert wiseflow.post(EMPTY).status_code == 200


def test_more_participants_than_allowed_are_a_413_and_just_so_many_are_taken(wiseflow, settings):
    settings.EXPORT_MAX_PARTICIPANTS = 3

    detail = refused(wiseflow.post({"participants": [{}] * 4}), 413)

    assert detail == "The request body has 4 participants; 3 are allowed (EXPORT_MAX_PARTICIPANTS). Nothing was stored."
    assert not Flow.objects.exists()
    assert wiseflow.post({"participants": [{}] * 3}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/wiseflow/export"),
        ("PUT", PATH),
        ("DELETE", PATH),
        ("POST", "/api/wiseflow/flows/77/participants"),
    ],
)
def test_a_method_that_an_address_does_not_know_is_a_405(flow, wiseflow, method, path):
    response = wiseflow.client.generic(method, path, EMPTY, headers=wiseflow.headers, CONTENT_TYPE="application/json")

    assert method in refused(response, 405)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_again(wiseflow, monkeypatch, error):
    def away(*args, **kwargs):
        raise error("no answer")

    monkeypatch.setattr(Flow.objects.__class__, "lock", away)

    response = wiseflow.post(EMPTY)

    assert "database is not available" in refused(response, 503)
    assert response["Retry-After"] == "60"


def test_a_database_that_is_away_for_the_key_is_tried_once_and_is_the_same_503(wiseflow, monkeypatch):
    tried = []

    def away(*args, **kwargs):
        tried.append(args)
        raise OperationalError("no answer")

    monkeypatch.setattr("exports.api.authentication.find_client", away)

    response = wiseflow.post(EMPTY)

    assert "database is not available" in refused(response, 503)
    assert (response["Content-Type"], response["Retry-After"]) == ("application/json", "60")
    assert len(tried) == 1


# Over a real connection: what no test client can do


def chunks(body, size):
    return (body[start : start + size] for start in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_chunked_body_is_read_to_its_end(transactional_db, wiseflow, size):
    body = json.dumps({"participants": [{"userId": number, "mark": "A"} for number in range(20)]}).encode()

    with site() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        headers = {**wiseflow.headers, "Content-Type": "application/json"}
        connection.request("POST", PATH, chunks(body, size), headers, encode_chunked=True)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()

    assert answer.status == 200
    assert content["numberOfErrors"] == 20  # the flow is not mapped
    assert [error["userId"] for error in content["errors"]] == list(range(20))


def test_a_chunked_body_over_the_limit_is_a_413(transactional_db, wiseflow, settings):
    settings.EXPORT_MAX_BYTES = 1000

    with site() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        headers = {**wiseflow.headers, "Content-Type": "application/json"}
        connection.request("POST", PATH, chunks(b" " * 1001, 100), headers, encode_chunked=True)
        answer = connection.getresponse()
        detail = json.loads(answer.read())["detail"]
        connection.close()

    assert answer.status == 413
    assert "EXPORT_MAX_BYTES" in detail
    assert not ExportAttempt.objects.exists()


def test_a_body_that_breaks_off_is_stored_in_no_part(transactional_db, wiseflow):
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    head += f"X-Api-Key: {wiseflow.headers['X-Api-Key']}\r\n\r\n"

    with site() as address, socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head.encode() + b'{"participants": [{"userId": 1, "mark": "A"}')
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()

    assert b" 400 " in answer.splitlines()[0]
    assert not ExportAttempt.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"zz\r\n{}\r\n0\r\n\r\n", id="a size that is no number"),
        pytest.param(b"2\r\n{}zz0\r\n\r\n", id="a chunk longer than its size"),
        pytest.param(b"2 ;=\r\n{}\r\n0\r\n\r\n", id="a senseless extension"),
        pytest.param(b"2\r\n{}\r\n0\r\n:\r\n\r\n", id="a trailer without a name"),
        pytest.param(b"2\r\n{", id="an end within a chunk"),
    ],
)
def test_chunks_that_gunicorn_cannot_read_are_a_400(wiseflow, content):
    """Read by gunicorn's own parser, the request given to the application as gunicorn does."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = next(RequestParser(Config(), iter([head + content]), ("127.0.0.1", 1)))

    response = wiseflow.client.generic(
        "POST",
        PATH,
        headers={**wiseflow.headers, "Transfer-Encoding": "chunked"},
        CONTENT_TYPE="application/json",
        **{"wsgi.input": request.body},
    )

    assert refused(response, 400) == "The request body was cut off. Nothing was stored."


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/wiseflow", "/api/wiseflow/flows/a%2Fb/exports", "/api/nothing/"]
)
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete", "options"])
def test_an_unknown_address_is_told_in_the_apis_own_form(client, path, method):
    response = getattr(client, method)(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
    assert response.json() == {"detail": "This address does not exist. /api/docs/ lists all addresses."}
