"""A 401 asks for every scheme that the API takes, so that callers who wait to be asked get in."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from exports.models import ExportAttempt
from tests.exports.api.site import site
from tests.factories import ApiClientFactory

PATH = "/api/wiseflow/flows/77/export"
SCHEMES = ["Api-Key", "Basic", "Bearer"]
NAMES = ["WISEflow", "WISEflow prod", "UNI&C 100%", "a+b", "Åse", "成績", '"quoted"', "a,b;c=d", "a/b@c", "%41"]

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PARAMETER = rf'{TOKEN}=(?:{TOKEN}|"[^"\\]*")'
CHALLENGE = re.compile(rf"({TOKEN} {PARAMETER}(?:, {PARAMETER})*)(?:, |$)")


def challenges(header):
    """The challenges of a WWW-Authenticate by the grammar of RFC 9110, each with its parameters."""
    found = [match.group(1) for match in CHALLENGE.finditer(header)]
    assert ", ".join(found) == header
    return found


def test_every_scheme_is_asked_for_once_with_a_realm(db, client):
    header = client.post(PATH)["WWW-Authenticate"]

    assert [challenge.split()[0] for challenge in challenges(header)] == SCHEMES
    assert all('realm="GradeBridge"' in challenge for challenge in challenges(header))


def requested_by_urllib(address, name, key, *, path, body, content_type):
    """The status that Python's own client ends with, which shows its password only when asked for Basic."""
    url = f"http://{address[0]}:{address[1]}{path}"
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, name, key)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        (PATH, b'{"participants": []}', "application/json"),
        ("/oauth2/token/", b"grant_type=client_credentials", "application/x-www-form-urlencoded"),
    ],
    ids=["export", "token"],
)
def test_a_client_that_waits_to_be_asked_gets_in(transactional_db, name, path, body, content_type):
    ApiClientFactory(name=name)
    asked = {"path": path, "body": body, "content_type": content_type}

    with site(threaded=True) as address:
        assert requested_by_urllib(address, name, f"key-{name}", **asked) == 200
        assert requested_by_urllib(address, name, "wrong", **asked) == 401  # and no error of the client's own


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
@pytest.mark.parametrize("name", ["WISEflow", "WISEflow prod", "UNI&C 100%"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_curl_that_takes_any_scheme_gets_in(transactional_db, name, method):
    ApiClientFactory(name=name)
    with site(threaded=True) as (host, port):
        told = subprocess.run(
            [
                *("curl", "-sS", "--noproxy", "*", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}"),
                *("--anyauth", "-u", f"{name}:key-{name}", "-X", method, "-H", "Content-Type: application/json"),
                *("--data", '{"participants": []}', f"http://{host}:{port}{PATH}"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert told == "200"
    assert ExportAttempt.objects.count() == 1
