"""The audit of the requirements: a vulnerability fails the check, data that cannot be had does not."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from werkzeug import Request, Response

ROOT = Path(__file__).resolve().parents[1]


def audit(url, *options):
    return subprocess.run(
        [sys.executable, ".ci/audit.py", "--vulnerability-service", "osv", "--osv-url", url, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def osv(httpserver, tmp_path):
    """A service that knows all packages; `vulnerable`: those with a vulnerability."""
    vulnerable = set()

    def answer(request: Request) -> Response:
        name = json.loads(request.data)["package"]["name"]
        vulnerability = {"id": "PYSEC-2026-1", "summary": "It lets anyone in.", "details": "", "affected": []}
        found = {"vulns": [{**vulnerability, "published": "2026-01-01T00:00:00Z"}]} if name in vulnerable else {}
        return Response(json.dumps(found), content_type="application/json")

    httpserver.expect_request("/query").respond_with_handler(answer)
    httpserver.vulnerable = vulnerable
    return httpserver


def test_no_known_vulnerability_is_said_with_the_number_of_packages(osv):
    ended = audit(osv.url_for("/query"))

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("No known vulnerability in ")
    assert int(ended.stdout.split()[4]) > 100


def test_a_vulnerability_fails_the_check_and_is_named(osv):
    osv.vulnerable.add("whitenoise")

    ended = audit(osv.url_for("/query"))

    assert ended.returncode == 1
    assert "whitenoise 6." in ended.stdout
    assert "PYSEC-2026-1, fixed in no version yet" in ended.stdout


def test_a_service_that_cannot_be_reached_is_said_at_once_and_fails_nothing():
    began = time.monotonic()

    ended = audit("http://127.0.0.1:9/query")

    assert ended.returncode == 0
    assert ended.stdout.startswith("NOT AUDITED for known vulnerabilities: ")
    assert time.monotonic() - began < 15


def test_what_is_wrong_with_the_audit_itself_is_no_skip(osv):
    ended = audit(osv.url_for("/query"), "--no-such-option")

    assert ended.returncode == 2
    assert "pip-audit failed: " in ended.stderr


def test_an_answer_that_makes_no_sense_is_no_success(httpserver):
    httpserver.expect_request("/query").respond_with_data("<html>", content_type="text/html")

    ended = audit(httpserver.url_for("/query"))

    assert "No known vulnerability" not in ended.stdout
