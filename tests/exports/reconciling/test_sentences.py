"""Every kind is in words, in the docs as on the pages."""

from pathlib import Path

import pytest

from exports.admin.pills import PILLS
from exports.reconciling.kinds import Kind
from exports.reconciling.sentences import kind_sentence, what_to_do

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "reconciliation.md").read_text()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_explained(kind):
    assert kind_sentence(kind).endswith(".")
    assert f"| `{kind}` |" in DOCS
    assert kind.value in PILLS


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_problem])
def test_every_problem_has_something_to_do(kind):
    assert what_to_do(kind).endswith(".")
    assert f"| `{kind}` | {kind.label} |" in DOCS or kind.is_missing


def test_differences_come_before_the_missing_and_all_else_after_them():
    order = list(Kind)

    assert [kind.is_problem for kind in order] == sorted((kind.is_problem for kind in order), reverse=True)
    assert not any(kind.is_difference for kind in order if kind.is_missing)
