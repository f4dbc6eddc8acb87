"""`manage.py prove`: what Learn shows, flow by flow, and 1 where something is different."""

import json

import pytest
from django.core.management import CommandError, call_command

from exports import deciding
from exports.delivering import workers
from exports.models import GradeInLearn
from tests.conftest import COLUMN, COURSE
from tests.factories import UserFactory


@pytest.fixture
def exported(learn, flow, wiseflow):
    wiseflow.export({"userId": 1, "mark": "A", "learnUserId": "u1"}, {"userId": "u2", "mark": "B"})
    workers.workers.wait_until_idle(seconds=20)
    return flow


def prove(capsys, *options):
    """What it printed, and how it ended."""
    try:
        call_command("prove", *options)
    except SystemExit as end:
        return capsys.readouterr().out, end.code
    return capsys.readouterr().out, 0


@pytest.mark.parametrize("options", [(), ("--all",), ("--flow", "77")])
def test_what_is_proven_is_counted(exported, capsys, options):
    out, end = prove(capsys, *options, "--json")

    counts = {"PROVEN": 2, "DIFFERENT": 0, "ABSENT": 0, "UNREADABLE": 0}
    assert (json.loads(out), end) == ({"flows": [{"flowId": "77", "counts": counts, "differences": []}]}, 0)
    assert prove(capsys, *options) == ("77: 2 proven, 0 different, 0 not shown, 0 not readable\n", 0)


def test_what_is_different_is_listed(exported, learn, capsys):
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    learn.world.type_grade(COURSE, COLUMN, "u2", None, by="M. Hansen")

    out, end = prove(capsys, "--flow", "77", "--json")

    assert end == 1
    [flow] = json.loads(out)["flows"]
    assert flow["counts"] == {"PROVEN": 0, "DIFFERENT": 1, "ABSENT": 1, "UNREADABLE": 0}
    place = {"courseId": COURSE, "columnName": COLUMN}
    for row in flow["differences"]:
        assert "M. Hansen" in row.pop("sentence")
    assert flow["differences"] == [
        {"userId": "1", **place, "learnUserId": "u1", "value": "A", "shown": "12", "proof": "DIFFERENT"},
        {"userId": "u2", **place, "learnUserId": "u2", "value": "B", "shown": "", "proof": "ABSENT"},
    ]
    text, end = prove(capsys)
    assert end == 1
    assert "1: sent A to Written exam of BIO101-2026 for u1. Learn shows 12, set by M. Hansen" in text


def test_what_was_decided_to_be_kept_is_not_listed(exported, learn, capsys):
    learn.world.type_grade(COURSE, COLUMN, "u1", "12", by="M. Hansen")
    assert prove(capsys)[1] == 1
    deciding.keep(GradeInLearn.objects.get(learn_user_id="u1"), reason="Right", by=UserFactory())

    out, end = prove(capsys, "--json")

    [flow] = json.loads(out)["flows"]
    assert (end, flow["counts"]["DIFFERENT"], flow["differences"]) == (0, 1, [])


def test_a_flow_that_there_is_not_is_named(exported):
    with pytest.raises(CommandError, match=r"There is no flow 78\."):
        call_command("prove", "--flow", "78")


def test_it_says_why_it_stopped(exported, learn, capsys):
    learn.faults.add("maintenance", times=None)

    with pytest.raises(CommandError, match="Learn"):
        call_command("prove")

    assert capsys.readouterr().out == "77: 0 proven, 0 different, 0 not shown, 0 not readable\n"


def test_without_a_grade_there_is_nothing_to_prove(db, capsys):
    assert prove(capsys, "--all") == ("There is nothing to prove.\n", 0)
