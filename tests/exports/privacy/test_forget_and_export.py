"""A forgotten student is exported by another flow, which leads to the column that their grade is in."""

import pytest
from django.utils import timezone

from exports.models import Flow, GradeInLearn, Participant
from exports.privacy.forget import forget
from exports.privacy.people import find
from tests.conftest import COLUMN, COURSE
from tests.factories import ColumnMappingFactory, FlowFactory, UserFactory


@pytest.fixture
def resit(flow):
    resit = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=resit, grade_column=flow.column_mappings.get().grade_column)
    return resit


@pytest.mark.parametrize("is_dealt_with", [False, True])
def test_another_flow_into_the_same_column_replaces_nothing_unseen(exported, resit, learn, wiseflow, is_dealt_with):
    elsewhere = FlowFactory(mapped=True)
    if is_dealt_with:
        GradeInLearn.objects.update(
            is_in_learn=None, until=timezone.now(), ended_as="DEALT_WITH", dealt_with_by=UserFactory()
        )
    forget(find(["u1"]), apply=True)

    wiseflow.export({"userId": "u1", "mark": "A"}, path="/api/wiseflow/flows/78/export")

    assert Participant.objects.get(flow=resit).cause == "CHANGED_IN_LEARN"
    assert learn.world.value(COURSE, COLUMN, "u1") == "B"
    assert not Flow.objects.get(pk=elsewhere.pk).protect_first_export
