"""Every language that the site offers is complete, and compiled."""

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.test_words import ROOT

ROOMS = ("common", "courses", "exports", "gradebridge", "templates", "locale")
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]

needs_gettext = pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext is not installed")


def run(*command: str, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogues with all texts of today in them."""
    folder = tmp_path_factory.mktemp("texts")
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room)
    languages = [argument for code in LANGUAGES for argument in ("--locale", code)]
    run(sys.executable, "-m", "django", "makemessages", *languages, "--no-location", "--no-obsolete", cwd=folder)
    return folder


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("missing", ["--untranslated", "--only-fuzzy"])
def test_nothing_is_left_to_translate(language: str, missing: str, extracted: Path) -> None:
    catalogue = f"locale/{language}/LC_MESSAGES/django.po"
    left = run("msgattrib", missing, "--no-wrap", catalogue, cwd=extracted)

    assert re.findall(r'^msgid "(.+)"$', left, re.MULTILINE) == []


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_compiled_as_it_is_written(language: str, tmp_path: Path) -> None:
    folder = ROOT / "locale" / language / "LC_MESSAGES"
    run("msgfmt", "--check", "-o", str(tmp_path / "django.mo"), str(folder / "django.po"), cwd=tmp_path)

    assert texts(folder / "django.mo") == texts(tmp_path / "django.mo")


def texts(compiled: Path) -> dict[str | tuple[str, int], str]:
    with compiled.open("rb") as file:
        catalogue: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
    return {key: text for key, text in catalogue.items() if key}


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "heading"), [("da", "Log ind"), ("fr", "Se connecter"), ("en-gb", "Log in")])
def test_a_language_is_chosen_and_kept(language: str, heading: str) -> None:
    browser = Client()
    browser.post(reverse("set_language"), {"language": language, "next": reverse("admin:login")})

    page = browser.get(reverse("admin:login"))

    assert heading in page.content.decode()
    assert f'lang="{language}"' in page.content.decode()
