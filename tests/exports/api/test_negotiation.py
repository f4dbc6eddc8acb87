"""The API answers in JSON, whatever form the caller says it prefers."""

import http.client
import json

import pytest

from exports.models import ExportAttempt
from tests.exports.api.site import site

PATH = "/api/wiseflow/flows/77/export"
EMPTY = '{"participants": []}'
PREFERENCES = [
    "",
    "*",
    "*/*",
    "text/html",
    "application/xml",
    "text/html, application/xhtml+xml, application/xml;q=0.9",
    "application/json;q=0",
    "application/json; indent=4",
    "application/json; version=2",
    "application/vnd.api+json",
    "text/*;q=0.3, image/png;q=1",
    "nonsense",
    "/",
    ";;;",
    "application/json/json",
    "é",
    ",",
    "a" * 5000,
]


@pytest.mark.parametrize("accept", PREFERENCES)
def test_an_export_is_answered_in_json_whatever_is_accepted(wiseflow, accept):
    wiseflow.headers["Accept"] = accept

    response = wiseflow.post(EMPTY)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.content == b'{"numberOfSuccess":0,"numberOfErrors":0,"errors":[]}'
    assert ExportAttempt.objects.count() == 1


@pytest.mark.parametrize("accept", PREFERENCES)
@pytest.mark.parametrize(
    ("path", "with_key", "status"),
    [(PATH, False, 401), ("/api/nothing", False, 404), (PATH, True, 415), (f"{PATH}?rehearsal=x", True, 400)],
)
def test_a_refusal_is_json_too_whatever_is_accepted(wiseflow, accept, path, with_key, status):
    headers = {"Accept": accept, **(wiseflow.headers if with_key else {})}

    response = wiseflow.client.generic("POST", path, EMPTY, content_type="text/plain", headers=headers)

    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response.json()["detail"]


@pytest.mark.parametrize("form", ["xml", "json", "api", "html", "", "JSON", "csv", "é", "../x", "json&format=xml"])
def test_no_form_in_the_address_changes_the_answer(flow, wiseflow, form):
    for method in ("POST", "GET"):
        response = wiseflow.client.generic(
            method, f"{PATH}?format={form}", EMPTY, content_type="application/json", headers=wiseflow.headers
        )
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_an_accept_without_a_value_is_answered_over_a_real_connection(transactional_db, wiseflow):
    with site() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        headers = {**wiseflow.headers, "Content-Type": "application/json", "Accept": ""}
        connection.request("POST", PATH, EMPTY, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()

    assert (answer.status, content["numberOfErrors"]) == (200, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("accept", PREFERENCES)
@pytest.mark.parametrize(
    ("path", "begins"), [("/api/schema/", b"openapi: "), ("/api/schema/?format=xml", b"openapi: ")]
)
def test_the_description_is_there_whatever_is_accepted(client, monkeypatch, accept, path, begins):
    monkeypatch.setattr("drf_spectacular.generators.SchemaGenerator.get_schema", lambda *args, **kwargs: {"openapi": 3})

    response = client.get(path, headers={"Accept": accept})

    assert response.status_code == 200
    assert response.content.startswith(begins) or b'"openapi"' in response.content


@pytest.mark.django_db
def test_the_description_comes_as_json_to_whoever_asks_for_that(client):
    assert client.get("/api/schema/?format=json").json()["info"]["title"] == "GradeBridge"
    assert client.get("/api/schema/", headers={"Accept": "application/json"}).json()["info"]["title"] == "GradeBridge"
    assert "text/html" in client.get("/api/docs/", headers={"Accept": "application/xml"})["Content-Type"]
