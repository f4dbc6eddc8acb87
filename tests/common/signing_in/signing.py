"""Signing in as a browser does, and the lines of the log about it."""

from typing import Any

from django.test import Client

PASSWORD = "a pass phrase of some length"
SIGN_IN = "/admin/login/"


def enter(name: str, password: str = PASSWORD, *, client: Client | None = None, address: str = "192.0.2.7") -> Any:
    """What the sign-in page answers."""
    typed = {"username": name, "password": password}
    return (client or Client()).post(SIGN_IN, typed, REMOTE_ADDR=address)


def is_in(response: Any) -> bool:
    """Whether this answer has signed someone in."""
    return response.status_code == 302 and "_auth_user_id" in response.client.session


def events(caplog: Any) -> list[dict[str, Any]]:
    """What the site has logged since then: the event and what belongs to it."""
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def named(caplog: Any, event: str) -> list[dict[str, Any]]:
    return [each for each in events(caplog) if each["event"] == event]
