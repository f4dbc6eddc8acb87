"""The events of attempts that have ended: recorded with the end itself, and sent by the clock later."""

import logging
from collections.abc import Sequence
from functools import partial

import structlog
from django.db import transaction

from exports.grades.causes import SKIPS
from exports.models import Event, ExportAttempt
from exports.models.attempt import FinishedAttempt

log = structlog.get_logger(__name__)


def record_ends(finished: Sequence[FinishedAttempt]) -> None:
    """Record what someone may want to know of, in one statement; of a faultless export nothing. Each gets a line in the
    log once it is committed.

    Call it in the transaction that finishes them.
    """
    transaction.on_commit(partial(log_ends, list(finished)))
    Event.objects.bulk_create(
        Event(
            kind=Event.Kind.RETRY_FINISHED if is_retry(attempt) else Event.Kind.EXPORT_FAILED,
            flow_id=attempt.flow,
            data={
                "attempt": attempt.pk,
                "trigger": attempt.trigger,
                "delivered": attempt.delivered,
                "not_delivered": attempt.errors,
                "causes": dict(sorted(attempt.causes.items())),
            },
        )
        for attempt in finished
        if is_retry(attempt) or (attempt.causes.keys() - set(SKIPS) and not is_look(attempt))
    )


def log_ends(finished: Sequence[FinishedAttempt]) -> None:
    """How each ended: a warning where a grade was not delivered, an error where none was and no rule says why."""
    for attempt in finished:
        level, outcome = logging.INFO, "nothing to send"
        if attempt.errors and not attempt.delivered:
            is_refused = attempt.errors == attempt.refused
            level, outcome = logging.WARNING if is_refused else logging.ERROR, "nothing delivered"
        elif attempt.errors:
            level, outcome = logging.WARNING, "partly delivered"
        elif attempt.delivered:
            outcome = "delivered"
        took = attempt.finished_at - attempt.started_at if attempt.finished_at and attempt.started_at else None
        log.log(
            level,
            "attempt_finished",
            attempt=attempt.pk,
            flow=attempt.flow_id,
            trigger=attempt.trigger,
            outcome=outcome,
            delivered=attempt.delivered,
            not_delivered=attempt.errors,
            refused=attempt.refused,
            causes=dict(sorted(attempt.causes.items())),
            seconds=round(took.total_seconds(), 3) if took else None,
            **({"request_id": attempt.request_id} if attempt.request_id else {}),
        )


def is_retry(attempt: FinishedAttempt) -> bool:
    return attempt.trigger == ExportAttempt.Trigger.RETRY


def is_look(attempt: FinishedAttempt) -> bool:
    """It sends nothing: what it found missing was said to have failed before."""
    return attempt.trigger == ExportAttempt.Trigger.LOOK
