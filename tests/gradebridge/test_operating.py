"""The papers leave no cause and no command out."""

import re
from pathlib import Path

import pytest

from exports.grades.causes import Cause

ROOT = Path(__file__).resolve().parents[2]
CAUSES = (ROOT / "docs/failed-grades.md").read_text()
COMMANDS_PAGE = (ROOT / "docs/commands.md").read_text()
COMMANDS = [path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")]


@pytest.mark.parametrize("cause", Cause.values)
def test_every_cause_is_explained_once(cause):
    assert CAUSES.count(f"\n| `{cause}` |") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command):
    assert re.search(rf"\*\*`{command}\b", COMMANDS_PAGE)
