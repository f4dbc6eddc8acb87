"""The steps of a correction, for tests: ask, approve, deliver, retry."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django_tasks_db.models import DBTaskResult

from exports import correcting, retrying
from exports.correcting import NotCorrectable, Obstacle
from exports.models import Correction, Participant
from exports.retrying import Retry
from exports.tasks import deliver_attempt


@contextmanager
def refused_because(obstacle: Obstacle, match: str | None = None) -> Iterator[None]:
    """What happens inside is refused because of `obstacle`, with a sentence that says so."""
    with pytest.raises(NotCorrectable, match=match) as found:
        yield
    assert found.value.obstacle is obstacle
    assert str(found.value).endswith(".")


def run_tasks() -> None:
    """What a task worker does with the tasks that wait."""
    for task in DBTaskResult.objects.ready():
        deliver_attempt.func(*task.args_kwargs["args"])
    DBTaskResult.objects.all().delete()


def ask(
    person: Participant, mark: str = "A", *, by: Any, reason: str = "Added up wrongly", source_code: str = ""
) -> Correction:
    return correcting.ask(person, mark=mark, reason=reason, by=by, source_code=source_code)


def correct(person: Participant, mark: str = "A", *, asker: Any, approver: Any, source_code: str = "") -> Correction:
    """Ask, approve and deliver."""
    correction = correcting.approve(ask(person, mark, by=asker, source_code=source_code), by=approver)
    run_tasks()
    return Correction.objects.get(pk=correction.pk)


def retry() -> Retry:
    """Retry all that can be retried, and deliver it."""
    found = retrying.retry(Participant.objects.all(), by=None)
    run_tasks()
    return found
