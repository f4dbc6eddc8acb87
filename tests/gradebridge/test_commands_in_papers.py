"""Every command that the papers name is there, with the options that they name."""

import re

import pytest
from django.core.management import get_commands, load_command_class

from tests.gradebridge.test_papers import CODE, ROOT, name_of, papers

# What was so in an earlier release, and why something was decided then.
HISTORY = ("CHANGELOG.md", "docs/adr/")
PAGES = [page for page in papers() if not name_of(page).startswith(HISTORY)]
COMMAND = re.compile(r"manage\.py ([a-z_]+)([^`\n#|;]*)")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def code_in(text: str) -> str:
    return "\n".join(match[0] for match in CODE.finditer(text))


def options_of(name: str) -> set[str]:
    command = load_command_class(get_commands()[name], name)
    return set(command.create_parser("manage.py", name)._option_string_actions)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_has_the_options_that_are_named(page):
    unknown = []
    for name, rest in COMMAND.findall(code_in(page.read_text())):
        given = set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest))
        if name not in get_commands() or given - options_of(name):
            unknown.append(f"{name} {rest}")
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_is_there(page):
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", code_in(page.read_text()), re.MULTILINE))
    assert named - TARGETS == set()
