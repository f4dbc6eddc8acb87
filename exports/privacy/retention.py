"""How long each kind of data is kept, and what of it is older now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from courses.models import ProvisioningRun
from exports.models import Digest, ExportAttempt, PurgeRun, RefusedRequest
from exports.privacy import closing, names, old_rows

GRADES, LOG = "RETENTION_DAYS", "RETENTION_LOG_DAYS"  # the two periods, by the names of their settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """What is older than these moments goes. None: nothing does."""

    grades: datetime | None
    log: datetime | None


def by_settings(now: datetime) -> Before:
    return Before(
        grades=days_before(now, settings.RETENTION_DAYS),
        log=days_before(now, settings.RETENTION_LOG_DAYS),
    )


def all_older_than(days: int, now: datetime) -> Before:
    moment = days_before(now, days)
    return Before(grades=moment, log=moment)


def days_before(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of data: its `code` in figures, its name on pages, and which of it are old.

    `how`: what becomes of them, where that is more than a deletion. Returns how many rows it was.
    """

    code: str
    name: Any
    rows: tuple[QuerySet[Any], ...]
    how: Callable[[Any], int] | None = None
    goes_with: str = ""  # the code of the kind whose rows take these with them

    def count(self) -> int:
        return sum(rows.count() for rows in self.rows)


def kinds(before: Before) -> list[Kind]:
    """All kinds that have a period, in the order in which they go: what belongs to others goes first."""
    found: list[Kind] = []
    if before.grades:
        found += of_grades(before.grades)
    if before.log:
        found += of_log(before)
    return found


def of_grades(before: datetime) -> Iterator[Kind]:
    """Exams, and all that is kept of their people and grades."""
    attempts, deliveries = old_rows.old_attempts(before), old_rows.old_deliveries(before)
    yield Kind(code="deliveries", name=_("Deliveries"), rows=(deliveries,), goes_with="attempts")
    yield Kind(code="attempts", name=_("Attempts"), rows=(attempts,))
    yield Kind(code="retries", name=_("Retries"), rows=(old_rows.old_retries(before),))
    yield Kind(code="corrections", name=_("Corrections"), rows=(old_rows.old_corrections(before),))
    yield Kind(code="decisions", name=_("Decisions"), rows=(old_rows.old_decisions(before),))
    yield Kind(code="proofs", name=_("Proofs before the last one of a grade"), rows=(old_rows.old_proofs(before),))
    yield Kind(code="checks with Learn", name=_("Checks with Learn"), rows=(old_rows.old_checks(before),))
    yield Kind(
        code="enrolment metadata",
        name=_("Enrolment metadata"),
        rows=(closing.old_metadata(before),),
        how=closing.delete_metadata,
    )
    yield Kind(
        code="flows that are over",
        name=_("Flows that are over, with all their grades"),
        rows=(closing.closed_flows(before),),
        how=closing.delete_flows,
    )
    yield Kind(
        code="flows never used",
        name=_("Flows that were never used"),
        rows=(closing.unused_flows(before),),
        how=closing.delete_flows,
    )
    yield Kind(
        code="names of participants",
        name=_("Names of participants"),
        rows=(names.named_people(before),),
        how=names.delete_names,
    )


def of_log(before: Before) -> Iterator[Kind]:
    """What only says what was done."""
    moment = before.log
    assert moment is not None
    attempts = old_rows.old_attempts(before.grades) if before.grades else ExportAttempt.objects.none()
    runs = ProvisioningRun.objects.filter(finished_at__lt=moment)
    refused = RefusedRequest.objects.older_than(moment)
    history = tuple(old_rows.old_history(model, moment) for model in old_rows.historical_models())
    yield Kind(code="calls to Learn", name=_("Calls to Learn"), rows=(old_rows.old_calls(moment, attempts),))
    yield Kind(code="provisioning runs", name=_("Provisioning runs"), rows=(runs,))
    yield Kind(code="task results", name=_("Background tasks"), rows=(old_rows.old_tasks(moment),))
    yield Kind(code="refused requests", name=_("Refused requests"), rows=(refused,))
    yield Kind(code="digests", name=_("Digests"), rows=(Digest.objects.filter(finished_at__lt=moment),))
    yield Kind(code="events", name=_("Events"), rows=(old_rows.old_events(moment),))
    yield Kind(code="changes", name=_("Changes of the configuration"), rows=history)
    log = LogEntry.objects.filter(action_time__lt=moment)
    yield Kind(code="log of the admin", name=_("Log of the admin"), rows=(log,))
    ended = Session.objects.filter(expire_date__lt=moment)
    yield Kind(code="sessions", name=_("Sessions that have ended"), rows=(ended,))
    yield Kind(code="purges", name=_("Purges"), rows=(PurgeRun.objects.filter(finished_at__lt=moment),))
