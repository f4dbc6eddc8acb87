"""What is seen of a delivery."""

import pytest

from exports.models import Participant
from tests.factories import ColumnMappingFactory

People = Participant.objects


def status(user_id="u1"):
    participant = People.get(user_id=user_id)
    return participant.state, participant.cause


@pytest.fixture
def resit(flow):
    """Another flow whose grades go to the same column."""
    return ColumnMappingFactory(flow__flow_id="78", grade_column=flow.column_mappings.get().grade_column).flow
