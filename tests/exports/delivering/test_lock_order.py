"""Flows are locked before columns by everyone, so that no two wait for each other. Only PostgreSQL locks rows."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from courses.models import GradeColumn, ProvisioningStep
from courses.provisioning import outcomes
from exports.mapping import deleting, locking
from exports.models import ExportState, Flow, Participant
from tests.conftest import COLUMN, COURSE
from tests.factories import ParticipantFactory, ProvisioningStepFactory, UserFactory

State = ProvisioningStep.State

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def delete(column: GradeColumn) -> None:
    with suppress(deleting.DeletionRefused):
        deleting.delete_in_learn(column, typed_name=COLUMN, although_graded=True, by=UserFactory())


def rename(column: GradeColumn) -> None:
    locking.refuse_renaming([column])
    GradeColumn.objects.filter(pk=column.pk).update(name="Oral exam")


def mark_as_not_in_learn(column: GradeColumn) -> None:
    deleting.mark_as_not_in_learn(GradeColumn.objects.filter(pk=column.pk))


@pytest.mark.parametrize("act", [delete, rename, mark_as_not_in_learn])
@pytest.mark.parametrize("state", [State.DONE, State.UNCONFIRMED])
def test_a_deletion_is_recorded_beside_what_locks_its_flows_and_its_column(
    flow: Flow, act: Callable[[GradeColumn], None], state: Any
) -> None:
    column = GradeColumn.objects.get()
    ParticipantFactory(flow=flow, exported=True, grade__course_id=COURSE, grade__column_name=COLUMN)
    step = ProvisioningStepFactory(kind=ProvisioningStep.Kind.DELETION, column=column, status_before="PROVISIONED")
    failures: list[Exception] = []

    def record() -> None:
        try:
            with transaction.atomic():
                outcomes.record_outcomes(
                    [(step, state, "" if state == State.DONE else "Look in Learn.")], timezone.now()
                )
        except Exception as failure:  # noqa: BLE001  it is asserted below
            failures.append(failure)
        finally:
            connection.close()

    recording = threading.Thread(target=record)
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=flow.pk)
        recording.start()
        time.sleep(0.5)  # it waits for the flow
        act(column)
    recording.join(timeout=20)

    assert failures == []
    step.refresh_from_db()
    assert step.state == state
    if act is not rename:  # then the grade was delivered to a column of another name
        assert Participant.objects.get().state == ExportState.FAILED
