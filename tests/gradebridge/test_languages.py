"""Every text of our own pages can be translated.

A pseudo-language puts each translated text in brackets: outside of them a page has only words that come from the data.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.translation import trans_real

from tests import factories
from tests.signed_in import signed_in
from tests.test_words import ROOT, texts

OPEN, CLOSE = "⟦", "⟧"
WORD = re.compile(r"[^\W\d_]{3,}")
NOT_READ = {"script", "style", "svg", "template", "code", "pre", "title"}
READ_ALOUD = ("title", "aria-label", "placeholder", "alt", "data-label")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Names and notations that are the same in every language
SAME = {
    *("GradeBridge", "WISEflow", "Learn", "Blackboard", "Ultra", "Original", "JMESPath", "JSON", "CSV", "XLSX", "API"),
    *("British", "English", "dansk", "français"),  # a language is named in itself
    *("Excel", "UTC", "SIS", "MANUAL", "Europe", "Copenhagen", "Ctrl", "Cmd", "xlsx", "csv", "UNIwise", "esc"),
}


class Texts(HTMLParser):
    """The texts of a page, and those that are read aloud; without what is hidden from readers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.unread: list[str] = []
        self.depth = 0  # of brackets that are open: a translated text may have a link in it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [value for name in READ_ALOUD if (value := given.get(name))]
        is_icon = "material-symbols-outlined" in (given.get("class") or "")
        if tag not in VOID and (self.unread or tag in NOT_READ or is_icon):
            self.unread.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.unread and tag not in VOID:
            self.unread.pop()

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.found.append(OPEN * self.depth + data)
            self.depth += data.count(OPEN) - data.count(CLOSE)


def untranslated(page: str, known: set[str]) -> list[str]:
    """Texts with a word that is neither in brackets nor known from the data."""
    parser = Texts()
    parser.feed(page)
    found = []
    for text in parser.found:
        rest = outside_brackets(text)
        if [word for word in WORD.findall(rest) if word not in known and word not in SAME]:
            found.append(" ".join(text.split()))
    return found


def outside_brackets(text: str) -> str:
    depth, rest = 0, []
    for character in text:
        depth += (character == OPEN) - (character == CLOSE)
        rest.append(" " if depth or character == CLOSE else character)
    return "".join(rest)


def words_of_data() -> set[str]:
    """All words that any row of any table holds, and the settings that pages show."""
    words = set(WORD.findall(settings.LEARN_URL))
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            words.update(word for value in row for word in WORD.findall(str(value)))
    return words


@pytest.fixture
def in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    def gettext(_self: Any, message: str) -> str:
        return f"{OPEN}{message.rpartition(chr(4))[2]}{CLOSE}" if message else ""

    def ngettext(_self: Any, singular: str, plural: str, number: int) -> str:
        return f"{OPEN}{singular if number == 1 else plural}{CLOSE}"

    monkeypatch.setattr(trans_real.DjangoTranslation, "gettext", gettext)
    monkeypatch.setattr(trans_real.DjangoTranslation, "ngettext", ngettext)


@pytest.fixture
def rows(db: None) -> None:
    """A row of every model, in the states that say most."""
    flow = factories.FlowFactory(mapped=True)
    for state in ({"exported": True}, {"failed": True}, {"queued": True}, {"skipped": True}, {"missing": True}):
        person = factories.ParticipantFactory(flow=flow, **state)
        factories.DeliveryFactory(participant=person)
    factories.ExportAttemptFactory(flow=flow, running=True, trigger="RETRY")
    factories.ParticipantFactory(missing=True)
    factories.CorrectionFactory()
    factories.TranslationFactory()
    factories.ApiClientFactory()
    factories.RequestProfileFactory()
    factories.DigestFactory(given_up=True)
    factories.WebhookMessageFactory(given_up=True)


OURS = [model for model in admin.site._registry if model._meta.app_label in ("exports", "courses")]
PAGES = ["admin:index", "changes", "connection", "mapping-health", "my-notifications", "rehearse"]


def pages_of(model: Any) -> Iterator[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{name}_changelist")
    yield reverse(f"{name}_add")
    if (row := model._default_manager.first()) is not None:
        yield reverse(f"{name}_change", args=[row.pk])
        yield reverse(f"{name}_history", args=[row.pk])


def shown(client: Client, address: str) -> list[str]:
    response = client.get(address)
    if response.status_code in (302, 403, 404):
        return []
    assert response.status_code == 200
    return untranslated(response.content.decode(), words_of_data())


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("who", ["administrator", "manager"])
def test_the_pages_of_a_model_can_be_translated(model, who, rows, in_brackets):
    client = signed_in(**{who: True})

    assert {address: found for address in pages_of(model) if (found := shown(client, address))} == {}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("who", ["administrator", "manager"])
def test_the_other_pages_can_be_translated(name, who, rows, in_brackets):
    assert shown(signed_in(**{who: True}), reverse(name)) == []


@pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext is not installed")
def test_makemessages_finds_every_text(tmp_path: Path) -> None:
    for room in ("common", "courses", "exports", "gradebridge", "templates"):
        shutil.copytree(ROOT / room, tmp_path / room)
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "ia", "--no-wrap", "--no-location"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    catalogue = (tmp_path / "locale" / "ia" / "LC_MESSAGES" / "django.po").read_text()
    said = "".join(re.findall(r'^(?:msgid(?:_plural)? )?"(.*)"$', catalogue, re.MULTILINE)).replace('\\"', '"')

    assert [text for text in texts() if "\n" not in text and "{" not in text and text not in said] == []
