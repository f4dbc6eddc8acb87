"""One number says which GradeBridge this is, wherever it is asked for."""

import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import UserFactory
from tests.upgrading.fill import RELEASES

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
HEADINGS = re.findall(r"^## (.+) - (\d{4}-\d\d-\d\d|unreleased)$", CHANGELOG, re.MULTILINE)


def test_the_project_has_the_number_of_the_settings():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == settings.VERSION


@pytest.mark.django_db
def test_every_page_of_the_admin_says_it(client: Client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    assert f"GradeBridge {settings.VERSION}" in client.get("/admin/").content.decode()


def test_the_changelog_has_a_heading_for_every_release():
    numbers = [number for number, _ in HEADINGS]
    assert numbers == sorted(numbers, key=lambda number: [int(part) for part in number.split(".")], reverse=True)
    assert numbers[0] == settings.VERSION
    assert set(RELEASES) == set(numbers[1:])
    assert len(HEADINGS) == len(re.findall("^## ", CHANGELOG, re.MULTILINE))
