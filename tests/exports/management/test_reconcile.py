"""`manage.py reconcile`: what differs and who is missing, for people and for programs."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exports.fetching.flows import fetch
from exports.models import Flow
from tests.exports.fetching.conftest import hold
from tests.exports.reconciling.conftest import given, learn, licence, person, prove_all  # noqa: F401  fixtures
from tests.factories import FlowFactory, ParticipantFactory


def run(*arguments: str) -> tuple[str, int]:
    """What it prints, and the code with which it ends."""
    printed = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=printed)
    except SystemExit as ended:
        return printed.getvalue(), int(ended.code or 0)
    return printed.getvalue(), 0


def test_json_names_the_missing_and_each_difference(flow, learn, licence, wiseflow):  # noqa: F811
    wiseflow.export(given(1, "B"), given(2, "C"))
    learn.world.type_grade("BIO101-2026", "Written exam", "1", "12", by="M. Hansen")
    hold(licence, person(1, grade="B", exportState=2), person(2, grade="A", exportState=2), person(3, grade="D"))
    fetch(flow)
    prove_all()

    printed, code = run("--json")

    [found] = json.loads(printed)["flows"]
    assert code == 1
    assert (found["flowId"], found["expected"], found["missing"]) == ("77", 3, ["3"])
    assert [
        {name: one[name] for name in ("userId", "kind", "wiseflow", "gradebridge", "learn")}
        for one in found["differences"]
    ] == [
        {"userId": "1", "kind": "DIFFERENT_IN_LEARN", "wiseflow": "B", "gradebridge": "B", "learn": "12"},
        {"userId": "2", "kind": "CHANGED_IN_WISEFLOW", "wiseflow": "A", "gradebridge": "C", "learn": "C"},
        {"userId": "3", "kind": "GRADED_NOT_EXPORTED", "wiseflow": "D", "gradebridge": "", "learn": ""},
    ]


def test_without_a_difference_it_ends_with_0(flow, learn, wiseflow):  # noqa: F811
    wiseflow.export(given(1, "B"))
    prove_all()

    assert run() == ("No differences.\n", 0)
    assert json.loads(run("--json", "--flow", "77")[0]) == {
        "flows": [{"flowId": "77", "expected": 0, "missing": [], "differences": []}]
    }


def test_for_people_it_says_what_to_do(flow, learn, wiseflow):  # noqa: F811
    wiseflow.export(given(30, "B"))  # whom Learn does not know
    FlowFactory(flow_id="78")

    printed, code = run()

    assert code == 1
    assert "77: 0 of 0 missing; NOT_DELIVERED 1" in printed
    assert "30: NOT_DELIVERED. WISEflow: -, GradeBridge: B, Learn: -." in printed
    assert "78" not in printed


def test_who_is_missing_while_the_period_runs_is_only_news_to_whoever_asks(db):
    who = ParticipantFactory(missing=True, user_id="s1")
    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=1))

    assert run()[1] == 0
    printed, code = run("--flow", who.flow.flow_id, "--json")
    assert (json.loads(printed)["flows"][0]["missing"], code) == (["s1"], 1)


def test_a_flow_that_is_not_there(db):
    with pytest.raises(CommandError, match="There is no flow 4711"):
        run("--flow", "4711")
