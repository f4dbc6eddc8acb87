"""The events of attempts that have ended: recorded with the end itself, and sent by the clock later."""

from collections.abc import Iterable

from exports.grades.causes import SKIPS
from exports.models import Event, ExportAttempt
from exports.models.attempt import FinishedAttempt


def record_ends(finished: Iterable[FinishedAttempt]) -> None:
    """Record what someone may want to know of, in one statement; of a faultless export nothing.

    Call it in the transaction that finishes them.
    """
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


def is_retry(attempt: FinishedAttempt) -> bool:
    return attempt.trigger == ExportAttempt.Trigger.RETRY


def is_look(attempt: FinishedAttempt) -> bool:
    """It sends nothing: what it found missing was said to have failed before."""
    return attempt.trigger == ExportAttempt.Trigger.LOOK
