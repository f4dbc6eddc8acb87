"""A grade that was read back before its row had the verdict gets that of its last proof."""

from typing import Any

import pytest
from django.utils import timezone

from exports.models import GradeInLearn
from tests.migrating import migrate

pytestmark = pytest.mark.migrates

BEFORE = ("exports", "0026_check_with_learn")


@pytest.fixture
def old(transactional_db: None) -> Any:
    try:
        yield migrate(BEFORE)
    finally:
        migrate()


def test_the_verdict_of_the_last_proof_is_on_the_grade(old: Any) -> None:
    model = lambda name: old.get_model("exports", name)  # noqa: E731
    now = timezone.now()
    flow = model("Flow").objects.create(flow_id="77")
    person = model("Participant").objects.create(flow=flow, user_id="u1")
    place = {"course_id": "C", "column_name": "Exam", "participant": person, "value": "B", "since": now}
    read, unread = (model("GradeInLearn").objects.create(learn_user_id=user, **place) for user in ("u1", "u2"))
    model("Proof").objects.create(grade=read, verdict="PROVEN", read_at=now)
    read.proof = model("Proof").objects.create(grade=read, verdict="DIFFERENT", shown="12", read_at=now)
    read.save()

    migrate()

    assert GradeInLearn.objects.get(pk=read.pk).verdict == "DIFFERENT"
    assert GradeInLearn.objects.get(pk=unread.pk).verdict == ""
