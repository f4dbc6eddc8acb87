"""The permission matrix: who gets what from every address. An address that is not in the table fails.

The table is `permission_matrix.txt`: an address a line, by its name, then what GET and what POST (with nothing in it)
answer to each caller, in the order of its head. Other methods never change anything, and are not in it.

    -  sent to sign in      x  forbidden (403)       k  no key (401)
    y  an answer            n  not there (404)       m  no such method (405)
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.gradebridge.matrix import CALLERS, caller, patterns, rows

TABLE = Path(__file__).with_name("permission_matrix.txt")
LETTERS = {401: "k", 403: "x", 404: "n", 405: "m"}
OTHER_ADDRESSES = {  # of what has no name, or needs more than a row's key
    "/": "/",
    "^admin$": "/admin",
    "^api(?:/|$)": "/api/nothing",
    "^health/live/?$": "/health/live",
    "^health/ready/?$": "/health/ready",
    "^metrics/?$": "/metrics",
    "admin/^(?P<app_label>auth|django_tasks_database|courses|exports)/$": "/admin/exports/",
    "admin/(?P<url>.*)$": "/admin/nothing/",
    "admin:app_list": "/admin/exports/",
    "admin:view_on_site": "/admin/r/1/1/",
    "welcome": "/welcome/MQ/nothing/",
    "export": "/api/wiseflow/export",
    "flow-export": "/api/wiseflow/flows/77/export",
    "participants": "/api/wiseflow/flows/77/participants",
    "token": "/oauth2/token/",
    "schema": "/api/schema/",
    "docs": "/api/docs/",
}


def table() -> dict[str, tuple[str, str]]:
    lines = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {name: (got, posted) for name, got, posted in lines}


def names() -> list[str]:
    """Each address once; Django's redirects from a row's old address are left out."""
    return sorted({name for name, _route in patterns() if not name.endswith("/<path:object_id>/")})


def test_every_address_is_in_the_table_and_no_other() -> None:
    assert set(names()) == set(table())


def address(name: str, world: dict[str, Any]) -> str:
    if name in OTHER_ADDRESSES:
        return OTHER_ADDRESSES[name]
    try:
        return reverse(name)
    except NoReverseMatch:
        pass
    model = "_".join(name.removeprefix("admin:").split("_")[:2])
    model = "django_tasks_database_dbtaskresult" if "dbtaskresult" in name else model
    row = world.get(model)
    key = row.pk if row is not None else 1
    return reverse(name, args=[world["exports_flow"].pk if name == "rehearse-flow" else key])


def letter(response: Any) -> str:
    if response.status_code == 302 and response.url.startswith("/admin/login/"):
        return "-"
    return LETTERS.get(response.status_code, "y")


def answers(client: Client, url: str) -> tuple[str, str]:
    """What was posted is undone."""
    got = letter(client.get(url))
    with transaction.atomic():
        posted = letter(client.post(url))
        transaction.set_rollback(True)
    return got, posted


@pytest.mark.parametrize("name", CALLERS)
def test_each_caller_gets_what_the_table_says(name: str, db: None) -> None:
    world, client, place = rows(), caller(name), CALLERS.index(name)
    expected = {each: (got[place], posted[place]) for each, (got, posted) in table().items()}
    found = {each: answers(client, address(each, world)) for each in expected if each not in SIGNS_OUT}
    assert found == {each: letters for each, letters in expected.items() if each not in SIGNS_OUT}


@pytest.fixture(autouse=True)
def _nothing_logged() -> Iterator[None]:
    """Thousands of refusals, each with its traceback, take longer than the answers."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


SIGNS_OUT = ("admin:logout",)  # later addresses would be asked by no one
