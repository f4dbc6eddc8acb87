"""Browsers of people who have signed in."""

from typing import Any

from django.test import Client

from tests.factories import UserFactory


def signed_in(**traits: Any) -> Client:
    """As somebody new: a `manager`, an `administrator`, a superuser (`is_superuser`), or nobody in particular."""
    client = Client()
    client.force_login(UserFactory(**traits))
    return client


def text_of(response: Any) -> str:
    """The page with its white space folded, as it is read."""
    return " ".join(response.content.decode().split())


def messages_of(response: Any) -> list[str]:
    """What the page after this answer will tell; `response` has not been followed."""
    return [str(message) for message in response.wsgi_request._messages]
