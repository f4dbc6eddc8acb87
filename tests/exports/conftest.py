"""People of a correction."""

from typing import Any

import pytest

from exports.models import Participant
from tests.factories import UserFactory


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
    return Participant.objects.get()
