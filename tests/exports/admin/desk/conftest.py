"""The dashboard as people see it."""

import html
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from exports.roles import MANAGERS
from tests.signed_in import signed_in


class Figure(NamedTuple):
    """A link that says how many rows are behind it."""

    rows: int
    text: str
    address: str


FIGURE = re.compile(r'<a\b[^>]*?href="([^"]*)"[^>]*?data-rows="(\d+)"[^>]*>(.*?)</a>', re.DOTALL)


def visit(client: Client) -> Any:
    response = client.get(reverse("admin:index"))
    assert response.status_code == 200
    return response


def figures(response: Any) -> Iterator[Figure]:
    for address, rows, content in FIGURE.findall(response.content.decode()):
        text = " ".join(re.sub(r"<span class=\"material.*?</span>|<[^>]+>", " ", content).split())
        yield Figure(int(rows), html.unescape(text), html.unescape(address))


def panel(response: Any, name: str) -> str:
    """What one panel of the page says, with its markup."""
    return " ".join(response.context["panels"][name].split())


def person_of(client: Client) -> Any:
    """Who has signed in there."""
    return get_user_model().objects.get(pk=client.session["_auth_user_id"])


def manager_without(*codenames: str) -> Client:
    """Who may do all that managers may, but for this."""
    client = signed_in()
    allowed = Permission.objects.filter(group=Group.objects.get(name=MANAGERS)).exclude(codename__in=codenames)
    person_of(client).user_permissions.set(allowed)
    return client
