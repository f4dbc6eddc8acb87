"""Every answer says what a browser may do with it; what holds grades is kept nowhere."""

import re
from pathlib import Path

import pytest

from tests.factories import ParticipantFactory
from tests.signed_in import signed_in

ROOT = Path(__file__).resolve().parents[2]

ADDRESSES = [
    *("/", "/admin/", "/admin/login/", "/admin/exports/flow/", "/admin/nowhere/", "/nowhere/", "/api/docs/"),
    *("/api/schema/", "/api/nowhere/", "/api/wiseflow/flows/1/export", "/health/live", "/metrics", "/oauth2/token/"),
]


def directives(response):
    return {name: values for name, *values in map(str.split, response["Content-Security-Policy"].split(";"))}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_bounds_what_runs_and_is_not_kept(client, address, method):
    response = client.generic(method, address)

    policy = directives(response)
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "camera=()" in response["Permissions-Policy"]
    assert "no-store" in response["Cache-Control"]


def test_a_foreign_host_is_answered_with_the_same_headers(client):
    response = client.get("/api/wiseflow/flows/1/export", headers={"Host": "elsewhere.example"})

    assert response.status_code == 400
    assert "no-store" in response["Cache-Control"]
    assert "Content-Security-Policy" in response


def test_grades_are_kept_nowhere_whatever_shows_the_key(wiseflow):
    ParticipantFactory(failed=True, flow__flow_id="77")

    for path in ("participants", "export"):
        response = wiseflow.get(f"/api/wiseflow/flows/77/{path}")
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_files_with_grades_are_kept_nowhere():
    participant = ParticipantFactory(failed=True)
    administrator = signed_in(is_superuser=True)

    response = administrator.post(
        "/admin/exports/participant/", {"action": "export_failed_csv", "_selected_action": participant.pk}
    )

    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db  # a response that is closed looks at the connection
def test_files_of_the_site_itself_may_be_kept(client):
    response = client.get("/static/gradebridge/admin.css")
    response.close()

    assert "no-store" not in response["Cache-Control"]


def test_the_page_about_the_api_evaluates_nothing(client):
    page = client.get("/api/docs/")

    assert directives(page)["script-src"] == ["'self'"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")


INLINE = re.compile(
    r"<script(?![^>]*(?:\bsrc=|application/json))|javascript:|<[^>]*\son(?:click|change|submit|load|input|key\w+|focus|blur|error)\s*=",
    re.IGNORECASE,
)


def test_no_template_has_a_script_in_place():
    templates = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("sandbox/templates/*.html")]

    assert len(templates) > 100
    assert [path.name for path in templates if INLINE.search(path.read_text())] == []
