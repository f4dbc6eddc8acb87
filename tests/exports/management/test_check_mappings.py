"""Mapping health from the command line: a line for each problem, and an exit code for a script."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from courses.models import ServiceCall
from exports.models import Flow
from tests.conftest import COLUMN, COURSE
from tests.factories import FlowFactory, ParticipantFactory, TranslationFactory

pytestmark = pytest.mark.django_db


def test_without_an_error_it_ends_well_and_notes_are_told(capsys):
    FlowFactory(translated=True)
    FlowFactory(flow_id="77", title="Anatomy", translated=True, assessment_ends_at=None)

    call_command("check_mappings")

    note, summary = capsys.readouterr().out.splitlines()
    assert note.startswith("Note: flow 77 Anatomy: No assessment end date is entered")
    assert note.endswith("[PERIOD_NOT_KNOWN; Flow 77 Anatomy]")
    assert summary == "2 flows checked: 0 with errors, 1 with notes, 1 without problems."


def test_with_an_error_the_exit_code_is_1(capsys):
    FlowFactory(flow_id="77", title="Anatomy")

    with pytest.raises(CommandError) as error:
        call_command("check_mappings")

    assert error.value.returncode == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Error: flow 77 Anatomy: No grade column in Learn")
    assert lines[-1] == "1 flow checked: 1 with errors, 0 with notes, 0 without problems."


def test_one_flow_can_be_checked_alone(capsys):
    FlowFactory(flow_id="77", translated=True)
    FlowFactory(flow_id="78")

    call_command("check_mappings", "--flow", "77")

    assert capsys.readouterr().out == "1 flow checked: 0 with errors, 0 with notes, 1 without problems.\n"


def test_a_flow_whose_grades_are_all_exported_is_left_out_and_that_is_said(capsys):
    ParticipantFactory(flow=FlowFactory(flow_id="77"), exported=True)

    call_command("check_mappings", "--flow", "77")

    assert capsys.readouterr().out.endswith("1 flow is finished and was not checked.\n")


def test_an_unknown_flow_is_an_error():
    with pytest.raises(CommandError, match="Flow 99 is not known"):
        call_command("check_mappings", "--flow", "99")


@pytest.fixture
def expecting(learn, flow):
    """A flow with u1, u2 and u99, whom Learn does not have; its column is as in Learn."""
    learn.world.replace({"courses": {COURSE: {"users": ["u1", "u2"], "columns": {COLUMN: {"points": 100.0}}}}})
    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=3))
    flow.column_mappings.update(translation=TranslationFactory(alternatives={"U": "0"}))
    for user in ("u1", "u2", "u99"):
        ParticipantFactory(flow=flow, user_id=user)
    return flow


def test_with_learn_a_line_for_each_finding(expecting, capsys):
    with pytest.raises(CommandError, match="Grades of flows with errors will be refused"):
        call_command("check_mappings", "--learn")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Error: flow 77 Written exam in biology: 1 expected student is not enrolled")
    assert "u99" in lines[0]
    assert lines[0].endswith("[NOT_ENROLLED; Learn]")
    assert lines[1] == "Looked up in Learn: 1 of 1 flows."


def test_without_learn_no_call_is_made(expecting, learn):
    call_command("check_mappings")

    assert not ServiceCall.objects.exists()


def test_one_flow_is_looked_up_whenever_it_ends(expecting):
    Flow.objects.update(assessment_ends_at=timezone.now() + timedelta(days=300))

    call_command("check_mappings", "--learn")
    assert not ServiceCall.objects.exists()

    with pytest.raises(CommandError):
        call_command("check_mappings", "--learn", "--flow", "77")


def test_as_json(expecting, capsys):
    with pytest.raises(CommandError):
        call_command("check_mappings", "--learn", "--json")

    [flow] = json.loads(capsys.readouterr().out)["flows"]
    [finding] = flow["learn"]["findings"]
    assert (flow["flowId"], flow["problems"]) == ("77", [])
    assert (finding["code"], finding["severity"], finding["people"]) == ("NOT_ENROLLED", "ERROR", ["u99"])


def test_as_json_without_learn(capsys):
    FlowFactory(flow_id="77")

    with pytest.raises(CommandError):
        call_command("check_mappings", "--json")

    [flow] = json.loads(capsys.readouterr().out)["flows"]
    assert "learn" not in flow
    assert flow["problems"][0]["code"] == "NOT_MAPPED"


def test_where_learn_is_away_nothing_is_claimed(expecting, learn, capsys):
    learn.faults.add("maintenance", times=None)

    with pytest.raises(CommandError, match="Learn is not available"):
        call_command("check_mappings", "--learn", "--json")

    assert json.loads(capsys.readouterr().out)["flows"] == [{"flowId": "77", "problems": [], "learn": None}]


def test_what_could_not_be_read_is_no_success(expecting, learn):
    learn.privileges.take_away("system.courseuserlist.VIEW", "system.user.course.enrollment.VIEW")

    with pytest.raises(CommandError, match="Not everything could be read"):
        call_command("check_mappings", "--learn")
