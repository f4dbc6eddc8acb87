"""Every command that the papers name is there, with the options that they name."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class

from exports.models import ApiClient, ColumnMapping, Participant
from tests.gradebridge.test_papers import CODE, ROOT, name_of, papers

# What was so in an earlier release, and why something was decided then.
HISTORY = ("CHANGELOG.md", "docs/adr/")
PAGES = [page for page in papers() if not name_of(page).startswith(HISTORY)]
COMMAND = re.compile(r"manage\.py ([a-z_]+)([^`\n#|;]*)")
OURS = sorted(path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py"))
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
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


@pytest.mark.parametrize("command", OURS)
def test_every_command_is_run_by_a_test(command):
    assert re.search(rf'"{command}"|manage\.py {command}\b', TESTS)


@pytest.mark.django_db
def test_the_import_files_of_the_papers_are_read_as_they_are(tmp_path):
    page = (ROOT / "docs/commands.md").read_text().split("## Import files")[1]
    for name, content in zip(
        ("mappings.csv", "roster.csv"), re.findall(r"^```\n(.*?)^```", page, re.M | re.S), strict=True
    ):
        (tmp_path / name).write_text(content)
    call_command("import_mappings", tmp_path / "mappings.csv")
    call_command("import_roster", "4711", tmp_path / "roster.csv")
    assert set(ColumnMapping.objects.values_list("flow__flow_id", "grade_column__name")) == {
        ("4711", "Written exam"),
        ("4712", "Essay"),
    }
    assert set(Participant.objects.values_list("user_id", flat=True)) == {"1001", "1002"}


@pytest.mark.django_db
def test_the_clients_of_the_papers_are_made(capsys):
    page = (ROOT / "docs/commands.md").read_text()
    given = [shlex.split(line) for line in re.findall(r"^manage\.py create_api_client (.*)$", page, re.MULTILINE)]
    for arguments in given:
        call_command("create_api_client", *arguments)
    keys = capsys.readouterr().out.split()
    assert [ApiClient.objects.get(name=arguments[0]).is_active for arguments in given] == [True] * len(keys)
