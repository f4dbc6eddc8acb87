"""What a rule refused is counted of attempts that were finished before the counting began."""

from typing import Any

import pytest
from django.utils import timezone

from exports.models import ExportAttempt
from tests.migrating import migrate

pytestmark = pytest.mark.migrates

BEFORE = ("exports", "0017_completeness")


@pytest.fixture
def old(transactional_db: None) -> Any:
    try:
        yield migrate(BEFORE)
    finally:
        migrate()


def test_refused_entries_of_old_attempts_are_counted(old: Any) -> None:
    model = lambda name: old.get_model("exports", name)  # noqa: E731
    now = timezone.now()
    flow = model("Flow").objects.create(flow_id="77")
    times = dict.fromkeys(("started_at", "finished_at", "ends_by", "lease_ends_at"), now)
    counts = {"number_of_success": 1, "number_of_errors": 4}
    attempt = model("ExportAttempt").objects.create(flow=flow, state="FAILED", **counts, **times)
    states = [
        ("DELIVERED", "", 1),
        ("REFUSED", "NOT_MAPPED", 2),
        ("REFUSED", "NO_ASSESSMENT", 1),
        ("FAILED", "DEADLINE", 1),
    ]
    for number, (state, cause, entries) in enumerate(states):
        person = model("Participant").objects.create(flow=flow, user_id=f"u{number}")
        model("Delivery").objects.create(
            attempt=attempt,
            participant=person,
            state=state,
            cause=cause,
            entry_count=entries,
            value="B",
            finished_at=now,
        )

    migrate()

    found = ExportAttempt.objects.get()
    assert (found.number_of_errors, found.number_of_refused, found.number_of_failures) == (4, 3, 1)
