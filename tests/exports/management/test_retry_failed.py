"""A retry from the command line delivers in its own process."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from exports.models import ExportAttempt, ExportState, Participant
from tests.conftest import COLUMN, COURSE
from tests.factories import DeliveryFactory, FlowFactory, ParticipantFactory


def states():
    return dict(Participant.objects.values_list("user_id", "state"))


def test_failed_grades_of_all_flows_are_delivered(learn, flow, capsys):
    other = FlowFactory(flow_id="78")
    other.column_mappings.create(grade_column=flow.column_mappings.get().grade_column)
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    ParticipantFactory(flow=flow, user_id="u2", exported=True)
    ParticipantFactory(flow=other, user_id="u3", failed=True)

    call_command("retry_failed")

    assert capsys.readouterr().out == "2 attempts, 2 delivered, 0 still failed\n"
    assert learn.world.values(COURSE, COLUMN) == {"u1": "B", "u3": "B"}
    assert set(states().values()) == {ExportState.EXPORTED}
    assert not ExportAttempt.objects.exclude(requested_by=None).exists()


def test_while_something_stays_failed_the_exit_code_is_1_and_causes_are_counted(learn, flow, capsys):
    for user_id in ("u1", "stranger", "unknown"):
        ParticipantFactory(flow=flow, user_id=user_id, failed=True)
    ParticipantFactory(flow=FlowFactory(flow_id="78"), user_id="u2", failed=True)

    with pytest.raises(CommandError, match="still failed") as error:
        call_command("retry_failed")

    assert error.value.returncode == 1
    assert capsys.readouterr().out.splitlines() == [
        "2 attempts, 1 delivered, 3 still failed",
        "1 NOT_MAPPED: No Learn column chosen",
        "2 REJECTED_BY_LEARN: Rejected by Learn",
    ]


def test_one_flow_alone(learn, flow, capsys):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    ParticipantFactory(flow=FlowFactory(flow_id="78"), user_id="u2", failed=True)

    call_command("retry_failed", "--flow", "77")

    assert capsys.readouterr().out == "1 attempt, 1 delivered, 0 still failed\n"
    assert states() == {"u1": ExportState.EXPORTED, "u2": ExportState.FAILED}


def test_what_a_dead_process_left_behind_is_retried_too(learn, flow, capsys):
    person = ParticipantFactory(flow=flow, user_id="u1", queued=True)
    DeliveryFactory(queued=True, attempt__dead=True, attempt__flow=flow, participant=person)

    call_command("retry_failed")

    assert capsys.readouterr().out == "1 attempt, 1 delivered, 0 still failed\n"
    assert learn.world.values(COURSE, COLUMN) == {"u1": "B"}


@pytest.mark.django_db
def test_nothing_failed_is_said_and_is_no_error(capsys):
    ParticipantFactory(flow__flow_id="77", exported=True)
    call_command("retry_failed", "--flow", "77")
    assert capsys.readouterr().out == "Nothing to retry: no grade has failed.\n"


def test_what_is_still_under_lease_is_said_and_left_alone(learn, flow, capsys):
    lease = datetime(2100, 5, 31, 12, 3, tzinfo=UTC)  # 14:03 in Copenhagen
    running = {"queued": True, "attempt__running": True, "attempt__lease_ends_at": lease}
    for of_flow in (flow, FlowFactory(flow_id="78")):
        person = ParticipantFactory(flow=of_flow, queued=True)
        DeliveryFactory(attempt__flow=of_flow, participant=person, **running)

    call_command("retry_failed", "--flow", "77")

    assert capsys.readouterr().out.splitlines() == [
        "1 attempt is still running; its lease ends at 14:03.",
        "Nothing to retry: no grade has failed.",
    ]
    assert learn.world.values(COURSE, COLUMN) == {}


@pytest.mark.django_db
def test_an_unknown_flow_is_a_sentence():
    with pytest.raises(CommandError, match=r"^Flow 79 is not known\.$") as error:
        call_command("retry_failed", "--flow", "79")
    assert error.value.returncode == 1
