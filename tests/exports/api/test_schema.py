"""The API describes itself: a schema without warnings, and pages about it that ask no other site for anything."""

import io
import re

import pytest
import yaml
from django.core.management import call_command


@pytest.fixture(scope="module")
def schema():
    """As the address serves it."""
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_the_schema_is_valid_and_made_without_a_warning(schema):
    assert schema["info"]["title"] == "GradeBridge"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/wiseflow/export/", {"post", "patch"}),
        ("/api/wiseflow/flows/{flow_id}/export/", {"get", "post", "patch"}),
        ("/api/wiseflow/flows/{flow_id}/participants/", {"get"}),
    ],
)
def test_every_address_is_described_with_its_methods(schema, path, methods):
    assert set(schema["paths"][path]) == methods


@pytest.mark.parametrize("method", ["post", "patch"])
def test_an_export_is_json_in_and_json_out(schema, method):
    described = schema["paths"]["/api/wiseflow/export/"][method]

    assert list(described["requestBody"]["content"]) == ["application/json"]
    assert list(described["responses"]["200"]["content"]) == ["application/json"]


def test_what_comes_in_and_goes_out_has_the_fields_of_the_documents(schema):
    parts = schema["components"]["schemas"]

    assert set(parts["Receipt"]["properties"]) == {"numberOfSuccess", "numberOfErrors", "errors"}
    assert set(parts["Error"]["properties"]) == {"userId", "errorInfo"}
    assert {"userId", "mark", "adminGrade"} <= set(parts["Entry"]["properties"])
    assert parts["Participant"]["properties"]["userId"]["oneOf"] == [{"type": "integer"}, {"type": "string"}]
    assert "type" not in parts["Error"]["properties"]["userId"]  # it is what the entry had, of whatever kind


def test_the_schema_names_the_ways_to_show_a_key(schema):
    schemes = schema["components"]["securitySchemes"].values()

    assert {(scheme["type"], scheme.get("scheme") or scheme.get("name")) for scheme in schemes} >= {
        ("apiKey", "X-Api-Key"),
        ("http", "basic"),
        ("oauth2", None),
    }


def test_the_schema_says_where_a_bearer_token_comes_from(schema):
    [address] = {
        scheme["flows"]["clientCredentials"]["tokenUrl"]
        for scheme in schema["components"]["securitySchemes"].values()
        if scheme["type"] == "oauth2"
    }
    asked = schema["paths"][address]["post"]

    assert list(asked["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert asked["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Token")


REFUSALS = {"400", "401", "403", "405", "414", "429", "431", "503"}


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/api/wiseflow/export/", "post", {"200", "413", "415"} | REFUSALS),
        ("/api/wiseflow/flows/{flow_id}/export/", "patch", {"200", "413", "415"} | REFUSALS),
        ("/api/wiseflow/flows/{flow_id}/export/", "get", {"200", "404"} | REFUSALS),
        ("/api/wiseflow/flows/{flow_id}/participants/", "get", {"200", "404"} | REFUSALS),
        ("/oauth2/token/", "post", {"200", "415"} | REFUSALS),
    ],
)
def test_every_answer_that_is_given_is_described(schema, path, method, statuses):
    answers = schema["paths"][path][method]["responses"]

    assert set(answers) == statuses
    assert "Retry-After" in answers["429"]["headers"]
    assert "Retry-After" in answers["503"]["headers"]
    assert "WWW-Authenticate" in answers["401"]["headers"]


def test_what_an_export_needs_is_the_same_by_every_method(schema):
    bodies = [schema["paths"]["/api/wiseflow/export/"][method]["requestBody"] for method in ("post", "patch")]

    assert bodies[0] == bodies[1]
    assert schema["components"]["schemas"]["Export"]["required"] == ["participants"]


def test_an_answer_that_fits_both_is_a_rehearsal_first(schema):
    answer = schema["components"]["schemas"]["ReceiptOrRehearsal"]

    assert [part["$ref"].rpartition("/")[2] for part in answer["anyOf"]] == ["Rehearsal", "Receipt"]
    assert "oneOf" not in answer


@pytest.mark.parametrize(("part", "field"), [("Participant", "exportedAt"), ("Attempt", "finishedAt")])
def test_what_has_not_happened_yet_may_be_null(schema, part, field):
    assert schema["components"]["schemas"][part]["properties"][field]["nullable"] is True


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema"])
def test_the_schema_is_served_to_everybody(client, path):
    response = client.get(path)

    assert response.status_code == 200
    assert b"/api/wiseflow/export" in response.content


@pytest.mark.parametrize("path", ["/api/docs/", "/api/docs"])
@pytest.mark.django_db  # a response that is closed looks at the connection that an earlier test may have left
def test_the_pages_about_the_api_load_nothing_from_another_site(client, path):
    page = client.get(path)
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)

    assert page.status_code == 200
    assert not re.search(r"(?:https?:)?//(?!localhost)[a-z0-9.-]+\.[a-z]", page.text)
    assert len(loaded) >= 3  # style, script, icon
    for address in loaded:
        response = client.get(address)
        response.close()
        assert response.status_code == 200, address


@pytest.mark.parametrize("path", ["/api/docs/", "/api/docs", "/api/schema/", "/api/schema", "/api/docs/?x=1"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_the_description_of_the_api_is_only_read(client, path, method):
    assert client.generic(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_the_description_of_the_api_has_a_head(client, path):
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/api/wiseflow/export/", "/api/wiseflow/flows/{flow_id}/export/"])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_the_schema_says_how_a_body_may_be_compressed(schema, path, method):
    described = {parameter["name"]: parameter for parameter in schema["paths"][path][method]["parameters"]}

    assert described["Content-Encoding"]["in"] == "header"
    assert described["Content-Encoding"]["schema"]["enum"] == ["gzip", "identity"]
