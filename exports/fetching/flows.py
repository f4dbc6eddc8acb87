"""Fetching flows: one, or those that are due. What fails changes nothing but the flow's last failure."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from common.database.retrying import despite_conflicts
from exports.fetching import connection
from exports.fetching.reading import TITLE_LENGTH, ExternalIdUnknown, read, shown
from exports.fetching.sentences import EXTERNAL_ID_UNKNOWN, NO_ONE_LISTED, failure_of, sentence
from exports.fetching.storing import NoOneListed, store
from exports.models import Flow, FlowInWiseflow
from exports.wiseflow import (
    CredentialsRefused,
    Fault,
    ModuleMissing,
    NotOnLicence,
    NotReached,
    TooManyCalls,
    Unreadable,
    WiseflowError,
)

log = structlog.get_logger(__name__)

SECONDS_A_FLOW = 300.0
MAX_NAMES = 20  # of external ids in a sentence
MAX_NOT_REACHED = 3  # flows in a row: then WISEflow is taken to be away
AHEAD = timedelta(days=14)  # flows whose assessment ends so soon are fetched hourly
BEHIND = timedelta(days=30)  # and those where it ended so lately
ENDED = ("CONCLUDED", "ARCHIVED")
UNKNOWN_AGAIN = timedelta(days=1)  # how long a flow that WISEflow does not know is left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the fetch of one flow ended. `failure` is empty where it succeeded."""

    flow_id: str
    title: str
    counts: dict[str, int]
    failure: dict[str, Any]
    error: type[WiseflowError] | None = None

    @property
    def sentence(self) -> str:
        return sentence(self.failure)

    @property
    def is_for_all(self) -> bool:
        """Whether the next flow would fail in the same way."""
        return self.error in (CredentialsRefused, TooManyCalls, ModuleMissing)


def fetch(flow: Flow, *, by: User | None = None) -> Outcome:
    """Read the flow in WISEflow, then write what was found in one transaction. Never raises WiseflowError."""
    until = time.monotonic() + SECONDS_A_FLOW
    try:
        found = read(connection.wiseflow(), flow.flow_id, external_id=settings.WISEFLOW_EXTERNAL_ID, until=until)
        known = despite_conflicts(store, flow.pk, found, by=by)
    except WiseflowError as error:
        return failed(flow, failure_of(error), type(error))
    except ExternalIdUnknown as error:
        names = ", ".join(error.known[:MAX_NAMES])[:500]
        return failed(flow, {"code": EXTERNAL_ID_UNKNOWN, "name": error.name, "names": names}, None)
    except NoOneListed:
        return failed(flow, {"code": NO_ONE_LISTED}, None)
    log.info("flow_fetched", flow=flow.flow_id)
    return Outcome(flow_id=flow.flow_id, title=known.title, counts=known.counts, failure={})


def failed(flow: Flow, failure: dict[str, Any], error: type[WiseflowError] | None) -> Outcome:
    """Note why. All else stays as it was fetched before."""
    FlowInWiseflow.objects.update_or_create(
        flow=flow, defaults={"failed_at": timezone.now(), "failure": failure, "requested_at": None}
    )
    log.warning("flow_not_fetched", flow=flow.flow_id, reason=str(failure["code"]))
    return Outcome(flow_id=flow.flow_id, title=flow.title, counts={}, failure=failure, error=error)


def fetch_all(flows: Iterable[Flow], *, by: User | None = None) -> Iterator[Outcome]:
    """Each as it ends. Stops where every further one would fail in the same way."""
    not_reached = 0  # in a row
    for flow in flows:
        outcome = fetch(flow, by=by)
        yield outcome
        not_reached = not_reached + 1 if outcome.error is NotReached else 0
        if outcome.is_for_all or not_reached == MAX_NOT_REACHED:
            return


def due(now: datetime, *, ahead: timedelta = AHEAD, behind: timedelta = BEHIND) -> QuerySet[Flow]:
    """Flows that are young or end soon. One whose end is not known is, until WISEflow says that it is concluded. One
    whose id is no number is never: WISEflow's API does not know it.
    """
    by_time = Q(assessment_ends_at__gte=now - behind, assessment_ends_at__lte=now + ahead)
    open_ended = Q(assessment_ends_at=None) & ~Q(in_wiseflow__state__in=ENDED)
    not_there = Q(
        in_wiseflow__failure__code=Fault.NOT_ON_LICENCE.value,
        in_wiseflow__failed_at__gt=now - UNKNOWN_AGAIN,
    )
    skipped = Flow.objects.filter(not_there).order_by().values("pk")
    numbered = Flow.objects.filter(flow_id__regex=r"^[0-9]+$")
    return numbered.filter(by_time | open_ended).exclude(pk__in=skipped).order_by("pk")


def add_ending(now: datetime, *, ahead: timedelta) -> int:
    """Search WISEflow for flows of the student system that end within `ahead`, and add those that are not known here,
    unmapped. Returns how many were added. Raises WiseflowError.
    """
    found = connection.wiseflow().search(
        marking_ends_after=now, marking_ends_before=now + ahead, until=time.monotonic() + SECONDS_A_FLOW
    )
    titles = {str(flow.flow_id): shown(flow.title, TITLE_LENGTH) for flow in found}
    known = set(Flow.objects.values_list("flow_id", flat=True)) if titles else set()
    new = [flow_id for flow_id in titles if flow_id not in known]
    for flow_id in new:
        with transaction.atomic():
            Flow.objects.lock(flow_id)
    return len(new)


def fetch_due(now: datetime) -> list[Outcome]:
    """What the clock does every hour; also where the licence has no search, or its answer is odd. Raises WiseflowError
    where WISEflow answers nothing.
    """
    try:
        add_ending(now, ahead=AHEAD)
    except (ModuleMissing, NotOnLicence, Unreadable) as error:
        log.warning("wiseflow_not_searched", reason=str(error.code))
    return list(fetch_all(list(due(now))))
