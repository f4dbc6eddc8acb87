"""What is done once a caller has its answer, so that it makes no answer slower and none fail."""

from collections.abc import Callable
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.http import HttpResponse

from common.database.retrying import short_waits
from exports.delivering.queueing import commit_without_waiting_for_disk

log = structlog.get_logger(__name__)


def run_afterwards(response: HttpResponse, step: Callable[[], None]) -> None:
    """Run the step when the response was sent. One that fails keeps nothing else from being done."""
    close = response.close

    def run_and_close() -> None:
        try:
            step()
        except Exception:
            log.exception("step_after_answer_failed")
        finally:
            close()

    response.close = run_and_close  # type: ignore[method-assign]  # servers call it when all was sent


def write(event: str, step: Callable[..., None], *args: Any) -> None:
    """Run a step that writes what may be lost. Where the database fails there is a line in the log, `event`."""
    try:
        with short_waits():
            commit_without_waiting_for_disk()
            step(*args)
    except DatabaseError as error:
        log.warning(event, error=type(error).__name__)
