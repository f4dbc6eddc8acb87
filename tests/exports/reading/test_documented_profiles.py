"""The examples of docs/request-profiles.md, read as they are there."""

import re
from pathlib import Path

import pytest

from exports.reading.body import read
from exports.reading.profiles import DOCUMENTED, Profile

PAGE = Path(__file__).parents[3] / "docs" / "request-profiles.md"
NAMES = {"list of participants": "participants", "source of an entry": "entry_source_code"}


def example(title):
    """The body of a section, and the profile of its table."""
    section = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| `(.+)` \|$", section, re.MULTILINE)
    fields = {NAMES.get(field.lower(), field.lower().replace(" ", "_")): text for field, text in rows}
    texts = {name: fields[name].replace("\\|", "|") for name in DOCUMENTED if name in fields}
    return re.search(r"```json\n(.*?)```", section, re.DOTALL)[1].encode(), Profile.compile(texts)


@pytest.mark.parametrize(
    ("title", "flow_id", "entries"),
    [
        ("A nested body", "4711", [("ann@north.example", "B")]),
        ("A list of rows", "9", [("1", "61.50"), ("2", "U")]),
        ("An object keyed by user id", "9", [("u1", "B"), ("u2", "U")]),
    ],
)
def test_an_example_is_read_as_the_page_says(title, flow_id, entries):
    body = read(*example(title))

    assert body.flow_id == flow_id
    assert [(line.user_id, line.given) for line in body.lines] == entries
