"""Mapping health from the command line: a line for each problem, and an exit code for a script."""

import pytest
from django.core.management import CommandError, call_command

from tests.factories import FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db


def test_without_an_error_it_ends_well_and_notes_are_told(capsys):
    FlowFactory(translated=True)
    FlowFactory(flow_id="77", title="Anatomy", translated=True, assessment_ends_at=None)

    call_command("check_mappings")

    note, summary = capsys.readouterr().out.splitlines()
    assert note.startswith("Note: flow 77 Anatomy: The end of its assessment period is not known")
    assert note.endswith("[PERIOD_NOT_KNOWN; Flow 77 Anatomy]")
    assert summary == "2 flows checked: 0 with errors, 1 with notes, 1 without."


def test_with_an_error_the_exit_code_is_1(capsys):
    FlowFactory(flow_id="77", title="Anatomy")

    with pytest.raises(CommandError) as error:
        call_command("check_mappings")

    assert error.value.returncode == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Error: flow 77 Anatomy: Its grades have no grade column")
    assert lines[-1] == "1 flow checked: 1 with errors, 0 with notes, 0 without."


def test_one_flow_can_be_checked_alone(capsys):
    FlowFactory(flow_id="77", translated=True)
    FlowFactory(flow_id="78")

    call_command("check_mappings", "--flow", "77")

    assert capsys.readouterr().out == "1 flow checked: 0 with errors, 0 with notes, 1 without.\n"


def test_a_flow_whose_grades_are_all_exported_is_left_out_and_that_is_said(capsys):
    ParticipantFactory(flow=FlowFactory(flow_id="77"), exported=True)

    call_command("check_mappings", "--flow", "77")

    assert capsys.readouterr().out.endswith("1 left out: all their grades are exported.\n")


def test_an_unknown_flow_is_an_error():
    with pytest.raises(CommandError, match="Flow 99 is not known"):
        call_command("check_mappings", "--flow", "99")
