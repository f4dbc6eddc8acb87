"""A real provider of OpenID Connect on this machine, and the way of a browser through it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import requests
from django.test import Client
from oidc_provider_mock import run_server_in_thread
from oidc_provider_mock._storage import AuthorizationCode

ROLES = [("exam-office", "Managers"), ("it", "Administrators"), ("helpdesk", "Managers")]


class Provider:
    """What the provider says of its people, and when they last gave it their password: `authenticated_at`."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self.authenticated_at = int(time.time())

    def when(self) -> int:
        return self.authenticated_at

    def has(self, subject: str, **claims: Any) -> None:
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()

    def leave(self, client: Client, subject: str, start: str = "/sign-in/provider/") -> str:
        """From GradeBridge to the provider, where the person signs in. The address to which it leads back."""
        self.asked = client.get(start)["Location"]
        back = requests.post(self.asked, data={"sub": subject}, timeout=10, allow_redirects=False)
        return str(back.headers["Location"]).removeprefix("http://testserver")

    def sign_in(self, client: Client, subject: str, start: str = "/sign-in/provider/") -> Any:
        """GradeBridge's answer to the person who comes back."""
        return client.get(self.leave(client, subject, start))

    def asked_for(self) -> dict[str, str]:
        """The parameters with which the last person arrived."""
        return dict(parse_qsl(urlsplit(self.asked).query))


@contextmanager
def running_provider() -> Iterator[Provider]:
    with (
        mock.patch.dict(os.environ, AUTHLIB_INSECURE_TRANSPORT="1"),
        run_server_in_thread(require_nonce=True) as server,
    ):
        provider = Provider(server.server_port)
        with mock.patch.object(AuthorizationCode, "get_auth_time", provider.when):
            yield provider


def use(settings: Any, provider: Provider) -> None:
    """The settings of a site whose people sign in there."""
    settings.OIDC_ISSUER = provider.issuer
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = "gradebridge", "secret of the client"
    settings.OIDC_ROLES, settings.OIDC_GROUPS_CLAIM, settings.OIDC_NAME = ROLES, "groups", "Example University"
    settings.LOCAL_SIGN_IN = False
