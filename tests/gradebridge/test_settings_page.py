"""docs/settings.md has every variable that the code reads, with the code's own defaults and limits."""

import re

import pytest

from docs import settings_page
from docs.settings_page import PAGE, ROOT, Setting, faults_in, filled_in, filled_row, settings

KNOWN = settings()
EXAMPLE = dict(re.findall(r"^([A-Z0-9_]+)(?<!_FILE)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_page_is_as_the_code_is():
    assert faults_in(PAGE.read_text(), KNOWN) == []
    assert filled_in(PAGE.read_text(), KNOWN) == PAGE.read_text(), "run `make settings`"


@pytest.mark.parametrize("variable", KNOWN)
def test_every_variable_is_in_the_example(variable):
    assert variable in EXAMPLE


@pytest.mark.parametrize("setting", [each for each in KNOWN.values() if each.is_number], ids=lambda each: each.name)
def test_the_example_shows_the_default_of_a_number(setting):
    assert f"`{EXAMPLE[setting.name]}`" == setting.default


def test_the_example_names_nothing_that_is_not_read():
    assert EXAMPLE.keys() - KNOWN.keys() == set()


def test_default_and_limits_come_from_the_code():
    assert KNOWN["LEARN_BATCH_SIZE"] == Setting(
        name="LEARN_BATCH_SIZE", default="`500`", values="1 to 10,000", is_number=True
    )
    assert KNOWN["SECRET_KEY"].default == "must be set"
    assert KNOWN["DATABASE_URL"].default is None  # computed: people say what it is
    assert KNOWN["DEBUG"].values == "`true`, `false`"
    assert KNOWN["PORT"].default == "`8000`"


def test_a_choice_is_listed(tmp_path):
    code = tmp_path / "settings.py"
    code.write_text('FORM = read("FORM", environment.one_of("json", "line"), default="json")\n')
    [form] = settings_page.read_in(code)
    assert (form.default, form.values) == ("`json`", "`json`, `line`")


def test_a_row_of_three_columns_is_completed_and_an_outdated_one_corrected():
    known = {"SECONDS": Setting(name="SECONDS", default="`20`", values="1 to 60", is_number=True)}
    for row in ("| `SECONDS` | `10` | How long. |", "| `SECONDS` | `20` | 1 to 30 | How long. |"):
        assert filled_row(row, known) == "| `SECONDS` | `20` | 1 to 60 | How long. |"


def test_what_people_say_of_an_empty_default_is_kept():
    known = {"ADDRESS": Setting(name="ADDRESS", default=None, values=None, is_number=False)}
    assert filled_row("| `ADDRESS` | empty: none | A `\\|` B |", known) == "| `ADDRESS` | empty: none | | A `\\|` B |"


def test_what_only_people_can_repair_is_named():
    known = {
        name: Setting(name=name, default=f"`{name}`", values=None, is_number=False) for name in ("ONE", "TWO", "OLD")
    }
    page = "| `ONE`, `TWO` | x | y | z |\n| `ONE` | x | y | z |\n| `GONE` | x | y | z |\n"
    assert faults_in(page, known) == [
        "OLD has no row. Add one with its meaning.",
        "ONE has more than one row.",
        "GONE is read nowhere.",
        "ONE and TWO differ: give each a row.",
    ]
