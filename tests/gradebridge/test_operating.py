"""docs/operating.md leaves nothing out."""

import re
from pathlib import Path

import pytest

from exports.grades.causes import Cause

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/operating.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
VARIABLES = [
    name
    for file in ("gradebridge/settings.py", "gunicorn.conf.py")
    for name in re.findall(r'(?:read|environ\.get)\("(\w+)"', (ROOT / file).read_text())
]
COMMANDS = [path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")]


@pytest.mark.parametrize("cause", Cause.values)
def test_every_cause_is_explained_once(cause):
    assert GUIDE.count(f"\n| `{cause}` |") == 1


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_explained(variable):
    assert re.search(rf"^\| [^|]*`{variable}`", GUIDE, re.MULTILINE)


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_in_the_example(variable):
    assert re.search(rf"^{variable}=", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command):
    assert re.search(rf"\*\*`{command}\b", GUIDE)
