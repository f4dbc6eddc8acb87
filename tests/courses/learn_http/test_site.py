"""Which address may be a site's."""

import os

import pytest

from courses.learn_http.site import Site


@pytest.mark.parametrize("url", ["http://learn.example.edu", "http://10.0.0.1", "ftp://127.0.0.1", "learn", "https://"])
def test_an_address_that_would_send_grades_in_the_clear_is_refused(url: str):
    with pytest.raises(ValueError, match="must begin with https://"):
        Site(url=url, key="key", secret="secret", timeout=5)


@pytest.mark.parametrize(
    "url", ["https://learn.example.edu/", "http://localhost:8001", "http://a.localhost", "http://[::1]:80"]
)
def test_https_and_this_machine_are_accepted(url: str):
    Site(url=url, key="key", secret="secret", timeout=5)


@pytest.mark.parametrize(("url", "allowed"), [("https://learn.example.edu", False), ("http://127.0.0.1:1", True)])
def test_plain_http_is_switched_on_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch, url: str, allowed: bool):
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    Site(url=url, key="key", secret="secret", timeout=5)
    assert ("OAUTHLIB_INSECURE_TRANSPORT" in os.environ) is allowed
