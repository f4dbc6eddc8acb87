"""People of a correction, and an exam with someone of each kind."""

from typing import Any

import pytest

from exports.delivering import workers
from exports.models import Flow, Participant
from tests.factories import FlowFactory, GradeInLearnFactory, ParticipantFactory, UserFactory


@pytest.fixture
def asker(db: None) -> Any:
    return UserFactory(manager=True)


@pytest.fixture
def approver(db: None) -> Any:
    return UserFactory(manager=True)


@pytest.fixture
def exported(learn: Any, flow: Any, wiseflow: Any) -> Participant:
    """u1, whose B stands in Learn."""
    wiseflow.export({"userId": "u1", "mark": "B"})
    workers.workers.wait_until_idle(seconds=20)  # a busy one would carry along what the test queues next
    return Participant.objects.get()


@pytest.fixture
def anna(db: None) -> Any:
    return UserFactory(username="anna", manager=True)


@pytest.fixture
def exam(db: None) -> Flow:
    """Ada has her grade, Ben has failed, Łukasz is missing, Dora was added by hand; 王's grade replaced Eva's."""
    flow = FlowFactory(flow_id="77", title="Anatomy", mapped=True, with_roster=True)
    ParticipantFactory(flow=flow, user_id="ada", on_sis_roster=True, exported=True)
    ParticipantFactory(flow=flow, user_id="ben", on_sis_roster=True, failed=True)
    ParticipantFactory(flow=flow, user_id="cleo", missing=True, first_name="Łukasz", last_name="Sørensen")
    ParticipantFactory(flow=flow, user_id="dora", added_by_hand=True, skipped=True)
    eva = ParticipantFactory(flow=flow, user_id="eva", on_sis_roster=True, replaced=True)
    other = ParticipantFactory(flow=FlowFactory(flow_id="78"), user_id="wang", first_name="王")
    lost = eva.grades.get()
    lost.ended_by = other
    lost.save()
    GradeInLearnFactory(
        participant=other,
        course_id=lost.course_id,
        column_name=lost.column_name,
        learn_user_id=lost.learn_user_id,
        value="C",
    )
    flow.refresh_from_db()
    return flow
