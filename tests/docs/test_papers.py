"""Every block of commands in the papers has a name, and a test that asks for it."""

import re
from pathlib import Path

import pytest

from tests.docs.papers import PAGES, ROOT, blocks

TESTS = "\n".join(path.read_text() for path in Path(ROOT / "tests").rglob("test_*.py"))
ASKED_FOR = set(re.findall(r'block\(\s*"([\w-]+\.md)",\s*"([\w-]+)"', TESTS))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_is_run_by_a_test(page: str):
    names = [name for name, _ in blocks(page)]
    assert len(names) == len(set(names)) > 0
    assert {(page, name) for name in names} <= ASKED_FOR
