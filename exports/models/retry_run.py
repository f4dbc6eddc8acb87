"""A retry as people look at it: one thing, over however many flows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.moments import moment
from exports.grades.causes import Cause, cause_choices
from exports.grades.states import ExportState
from exports.models.flow import Flow


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowProgress:
    """How far one attempt of a run has come: the numbers of its deliveries."""

    attempt: int
    flow: int
    flow_id: str
    title: str
    total: int
    delivered: int
    refused: int  # by a rule
    undelivered: int  # whatever else is finished
    is_finished: bool
    is_cancelled: bool

    @property
    def finished(self) -> int:
        return self.delivered + self.refused + self.undelivered

    @property
    def state(self) -> ExportState:
        """As that of the attempt."""
        if not self.is_finished:
            return ExportState.QUEUED
        return ExportState.FAILED if self.refused + self.undelivered else ExportState.EXPORTED


@dataclass(frozen=True, kw_only=True, slots=True)
class RunProgress:
    """How far a run has come: by flow, what runs and what has failed first, and why grades were not delivered."""

    flows: Sequence[FlowProgress]
    causes: Sequence[tuple[Cause, int]]

    @property
    def total(self) -> int:
        return sum(flow.total for flow in self.flows)

    @property
    def finished(self) -> int:
        return sum(flow.finished for flow in self.flows)

    @property
    def delivered(self) -> int:
        return sum(flow.delivered for flow in self.flows)

    @property
    def refused(self) -> int:
        return sum(flow.refused for flow in self.flows)

    @property
    def undelivered(self) -> int:
        return sum(flow.undelivered for flow in self.flows)

    @property
    def percent(self) -> int:
        return 100 * self.finished // self.total if self.total else 100

    @property
    def is_finished(self) -> bool:
        return all(flow.is_finished for flow in self.flows)

    @property
    def is_cancellable(self) -> bool:
        return any(not flow.is_finished and not flow.is_cancelled for flow in self.flows)


class RetryRun(models.Model):
    """What someone retries at once: one attempt for each flow. Never edited; it may be cancelled."""

    # Of the question that was confirmed: confirmed twice, it is one run.
    token = models.UUIDField(default=uuid4, unique=True, editable=False)
    requested_by = models.ForeignKey(  # null: the command line
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested"))
    # What it is for: all failed grades, as far as these say no more; or some that were chosen.
    cause = models.CharField(_("cause"), max_length=40, choices=cause_choices, blank=True)
    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("flow")
    )
    failed_since = models.DateTimeField(_("failed since"), null=True, blank=True)
    is_selection = models.BooleanField(_("chosen grades"), default=False)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("cancelled by"),
    )
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("retry")
        verbose_name_plural = _("retries")
        constraints = [
            models.CheckConstraint(
                name="retry_run_cancelled_by_and_when",
                condition=Q(cancelled_by__isnull=True, cancelled_at__isnull=True)
                | Q(cancelled_by__isnull=False, cancelled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return gettext("Retry run %(number)s") % {"number": self.pk}

    @property
    def purpose(self) -> str:
        """What it is for, in a sentence."""
        if self.is_selection:
            return gettext("Chosen grades")
        template = PURPOSES[bool(self.cause), self.flow is not None, self.failed_since is not None]
        return str(template) % {
            "cause": Cause(self.cause).label if self.cause else "",
            "flow": self.flow,
            "since": moment(self.failed_since) if self.failed_since else "",
        }

    def progress(self) -> RunProgress:
        """How far it has come, in one statement."""
        return progress_of(self.pk)


PURPOSES = {  # by whether it is of one cause, of one flow, and since a time
    (False, False, False): _("All failed grades"),
    (True, False, False): _("All failed grades with the cause %(cause)s"),
    (False, True, False): _("All failed grades of flow %(flow)s"),
    (False, False, True): _("All grades that failed since %(since)s"),
    (True, True, False): _("All failed grades of flow %(flow)s with the cause %(cause)s"),
    (True, False, True): _("All grades that failed since %(since)s with the cause %(cause)s"),
    (False, True, True): _("All grades of flow %(flow)s that failed since %(since)s"),
    (True, True, True): _("All grades of flow %(flow)s that failed since %(since)s with the cause %(cause)s"),
}

BY_FLOW = (
    *("attempt_id", "attempt__flow_id", "attempt__flow__flow_id", "attempt__flow__title"),
    *("attempt__finished_at", "attempt__cancelled_at"),
)


def progress_of(run: int) -> RunProgress:
    """How far the run with this primary key has come, in one statement. A run that is not there is empty."""
    deliveries = apps.get_model("exports.Delivery").objects.filter(attempt__retry_run=run).order_by()
    rows = deliveries.values_list(*BY_FLOW, "state", "cause").annotate(number=Count("pk"))
    states: dict[tuple[int, int, str, str, datetime | None, datetime | None], Counter[str]] = defaultdict(Counter)
    causes: Counter[Cause] = Counter()
    for *attempt, state, cause, number in rows:
        states[tuple(attempt)][state] += number
        if cause:
            causes[Cause(cause)] += number
    flows = [flow_progress(*attempt, counts=counts) for attempt, counts in states.items()]
    return RunProgress(flows=sorted(flows, key=urgency), causes=causes.most_common())


def flow_progress(
    attempt: int,
    flow: int,
    flow_id: str,
    title: str,
    finished_at: datetime | None,
    cancelled_at: datetime | None,
    *,
    counts: Mapping[str, int],
) -> FlowProgress:
    total = sum(counts.values())
    still_open = counts.get("QUEUED", 0) + counts.get("SENDING", 0)
    delivered, refused = counts.get("DELIVERED", 0), counts.get("REFUSED", 0)
    return FlowProgress(
        attempt=attempt,
        flow=flow,
        flow_id=flow_id,
        title=title,
        total=total,
        delivered=delivered,
        refused=refused,
        undelivered=total - still_open - delivered - refused,
        is_finished=finished_at is not None,
        is_cancelled=cancelled_at is not None,
    )


def urgency(flow: FlowProgress) -> tuple[int, int, str]:
    """What runs first, then what has failed, the larger first."""
    order = (ExportState.QUEUED, ExportState.FAILED, ExportState.EXPORTED)
    return order.index(flow.state), -flow.refused - flow.undelivered, flow.flow_id
