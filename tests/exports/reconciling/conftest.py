"""What is said of the people of a flow whose WISEflow, GradeBridge and Learn a test has arranged."""

from typing import Any

import pytest
from django.utils import timezone

from exports.models import GradeInLearn
from exports.proving.runs import prove
from exports.reconciling.collecting import Reconciled, reconcile
from exports.reconciling.kinds import Kind
from tests.conftest import COLUMN, COURSE
from tests.exports.fetching import conftest as fetching
from tests.exports.fetching.conftest import licence  # noqa: F401  a fixture


def given(number: int, mark: str = "", code: str = "") -> dict[str, Any]:
    """As WISEflow posts it."""
    return {"userId": number, "mark": mark, "adminGrade": code}


def person(number: int, **changes: Any) -> dict[str, Any]:
    """As WISEflow's API has them. Their Learn user is their user id: whom the export alone names is the same person."""
    return fetching.person(number, **{"externalIds": {fetching.EXTERNAL_ID: str(number)}} | changes)


@pytest.fixture
def learn(learn: Any) -> Any:
    """People 1 to 9 are enrolled."""
    users = [str(number) for number in range(1, 10)]
    columns = {name: {"points": None} for name in (COLUMN, "Essay")}
    learn.world.replace({"courses": {COURSE: {"users": users, "columns": columns}}})
    return learn


def reconciled(flow: Any) -> Reconciled:
    flow.refresh_from_db()
    [found] = reconcile([flow], now=timezone.now())
    return found


def kinds(flow: Any) -> dict[str, list[Kind]]:
    """Of each person, by user id: all that is said of their lines, but what is only not read back."""
    found: dict[str, list[Kind]] = {}
    for line in reconciled(flow).lines:
        said = [kind for kind in line.kinds if kind != Kind.NOT_READ]
        found.setdefault(line.person.user_id, []).extend(said)
    return found


def prove_all() -> None:
    prove(GradeInLearn.objects.all())
