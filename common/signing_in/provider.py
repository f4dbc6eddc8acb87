"""The client of the university's sign-in provider (OpenID Connect): where its addresses are, and what they answer."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

SECONDS = 10  # of silence
MAX_BYTES = 1_000_000
KEPT_SECONDS = 60 * 60

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

kept: dict[str, tuple[float, dict[str, Any]]] = {}  # what each issuer has said of itself, and when


class ProviderFailed(Exception):
    """The provider did not answer, or not as the standard says. Trying again later may help."""


def described() -> dict[str, Any]:
    """What the provider says of itself, read when it is first needed and again after an hour: the site starts without
    it. Raises ProviderFailed.
    """
    issuer: str = settings.OIDC_ISSUER
    read_at, found = kept.get(issuer, (0.0, {}))
    if not found or time.monotonic() - read_at > KEPT_SECONDS:
        found = ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        refuse_odd(issuer, found)
        kept[issuer] = (time.monotonic(), found)
    return found


def refuse_odd(issuer: str, found: dict[str, Any]) -> None:
    if found.get("issuer") != issuer:
        raise ProviderFailed("its document names another issuer")
    optional = ["userinfo_endpoint"] if "userinfo_endpoint" in found else []
    for name in (*ENDPOINTS, *optional):
        parts = urlsplit(str(found.get(name, "")))
        if parts.scheme != urlsplit(issuer).scheme or not parts.hostname:
            raise ProviderFailed(f"its document has no usable {name}")


def ask(method: str, address: str, **sent: Any) -> dict[str, Any]:
    """The JSON object that `address` answers with. No redirect is followed: the client's secret may be in the body."""
    try:
        with requests.request(method, address, timeout=SECONDS, allow_redirects=False, stream=True, **sent) as response:
            if response.status_code != requests.codes.ok:
                raise ProviderFailed(f"status {response.status_code}")
            body = response.raw.read(MAX_BYTES + 1, decode_content=True)
    except (requests.RequestException, OSError, ValueError) as error:
        raise ProviderFailed(type(error).__name__) from error
    try:
        found = json.loads(body[: MAX_BYTES + 1])
    except ValueError as error:
        raise ProviderFailed("no JSON") from error
    if len(body) > MAX_BYTES or not isinstance(found, dict):
        raise ProviderFailed("no JSON object")
    return found
