"""Export attempts: history, never edited after they finish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.database.bulk import update
from common.request_ids import LENGTH as REQUEST_ID_LENGTH
from courses.models import ServiceCall
from exports.grades.states import ExportState
from exports.models.api_client import ADDRESS_LENGTH, ApiClient
from exports.models.flow import Flow
from exports.models.retry_run import RetryRun


@dataclass(kw_only=True, slots=True)
class FinishedAttempt:
    """How an attempt ended: entries delivered or not, and why grades were not (code of the cause: how many)."""

    pk: int
    flow: int
    trigger: str
    delivered: int = 0
    errors: int = 0
    refused: int = 0  # of the errors, by a rule
    causes: Counter[str] = field(default_factory=Counter)
    # For the log
    flow_id: str = ""
    request_id: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


OF_RUNNING = ("pk", "trigger", "ends_by", "lease_ends_at", "request_id")


class ExportAttemptQuerySet(models.QuerySet["ExportAttempt"]):
    def running(self) -> list[ExportAttempt]:
        """Those that are not finished, as far as a claim asks of them."""
        return list(self.filter(finished_at__isnull=True).only(*OF_RUNNING).order_by())

    def finished_within(self, first: date, last: date) -> ExportAttemptQuerySet:
        """Finished on one of these days of the site's time zone."""
        begins, ends = (
            timezone.make_aware(datetime.combine(day, time.min)) for day in (first, last + timedelta(days=1))
        )
        return self.filter(finished_at__gte=begins, finished_at__lt=ends)

    def finish(self, now: datetime) -> list[FinishedAttempt]:
        """Finish those whose deliveries are all finished: counts and state. Returns how these ended.

        Safe to call from several processes at once: each attempt is finished by one of them.
        """
        Delivery = apps.get_model("exports.Delivery")
        open_deliveries = Delivery.objects.filter(attempt=OuterRef("pk"), state__in=Delivery.OPEN)
        ready = self.filter(finished_at__isnull=True).exclude(Exists(open_deliveries))
        with transaction.atomic():
            columns = ("pk", "flow_id", "trigger", "request_id", "started_at", "number_of_errors", "unreadable_entries")
            finished = {
                pk: FinishedAttempt(
                    pk=pk,
                    flow=flow,
                    trigger=trigger,
                    request_id=request_id,
                    started_at=started_at,
                    finished_at=now,
                    errors=errors,
                    causes=causes_of(unreadable),
                )
                for pk, flow, trigger, request_id, started_at, errors, unreadable in ready.order_by("pk")
                .select_for_update()
                .values_list(*columns)
            }
            deliveries = Delivery.objects.filter(attempt__in=finished).order_by()
            counts = deliveries.values_list("attempt_id", "state", "cause").annotate(
                Sum("entry_count"), Sum("joint_entry_count"), Count("pk")
            )
            is_joint = False
            for pk, state, cause, number, joint, grades in counts:
                is_joint = is_joint or joint > 0
                if state == Delivery.State.DELIVERED:
                    finished[pk].delivered += number
                else:
                    finished[pk].errors += number
                    finished[pk].causes[cause] += grades
                if state == Delivery.State.REFUSED:
                    finished[pk].refused += number
            for pk, number, states in deliveries.joint_entries() if is_joint else ():
                if states == {Delivery.State.DELIVERED}:
                    finished[pk].delivered += number
                else:
                    finished[pk].errors += number
                if Delivery.State.REFUSED in states:
                    finished[pk].refused += number
            update(
                ExportAttempt,
                {
                    pk: {
                        "finished_at": now,
                        "state": state_of(attempt.delivered, attempt.errors).value,
                        "number_of_success": attempt.delivered,
                        "number_of_errors": attempt.errors,
                        "number_of_refused": attempt.refused,
                    }
                    for pk, attempt in finished.items()
                },
            )
        return list(finished.values())


def causes_of(unreadable_entries: Sequence[Mapping[str, str]]) -> Counter[str]:
    return Counter(entry["cause"] for entry in unreadable_entries)


def state_of(delivered: int, errors: int) -> ExportState:
    """An attempt's state, from how many of its entries are delivered or not."""
    if errors:
        return ExportState.FAILED
    return ExportState.EXPORTED if delivered else ExportState.NOT_EXPORTED


class ExportAttempt(models.Model):
    """One run: WISEflow's call, or a manager's retry. Never reused."""

    class Trigger(models.TextChoices):
        EXPORT = "EXPORT", _("Export from WISEflow")
        RETRY = "RETRY", _("Retry")
        CORRECTION = "CORRECTION", _("Correction")
        PULL = "PULL", _("Fetched from WISEflow")
        LOOK = "LOOK", _("Looked up in Learn")
        KEEP = "KEEP", _("Learn's grade kept")
        REPLACE = "REPLACE", _("Learn's grade replaced")

    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="attempts", db_index=False, verbose_name=_("flow")
    )
    trigger = models.CharField(_("started because of"), max_length=10, choices=Trigger, default=Trigger.EXPORT)
    state = models.CharField(_("state"), max_length=12, choices=ExportState, default=ExportState.QUEUED)
    api_client = models.ForeignKey(
        ApiClient, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("API client")
    )
    # From where it called. Empty: no client did, or an older release recorded it.
    caller_address = models.CharField(
        _("address of the caller"), max_length=ADDRESS_LENGTH, blank=True, default="", db_default=""
    )
    retry_run = models.ForeignKey(
        RetryRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="attempts", verbose_name=_("retry")
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    requested_at = models.DateTimeField(_("requested"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    ends_by = models.DateTimeField(
        _("ends by"), help_text=_("After this time GradeBridge starts no call to Learn for this attempt.")
    )
    lease_ends_at = models.DateTimeField(
        _("lease ends"), help_text=_("A process works on this attempt until then. Later the attempt is swept.")
    )
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("cancelled by"),
    )
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    # Of the request that began it, as its answer and the log name it; empty: a command, or older than request ids.
    request_id = models.CharField(
        _("request id"), max_length=REQUEST_ID_LENGTH, blank=True, default="", db_default="", editable=False
    )
    # A call may carry several attempts.
    calls = models.ManyToManyField(ServiceCall, blank=True, related_name="attempts", verbose_name=_("calls to Learn"))
    # Entries, not deliveries: what WISEflow has been answered.
    number_of_success = models.PositiveIntegerField(_("delivered"), default=0)
    number_of_errors = models.PositiveIntegerField(_("not delivered"), default=0)
    number_of_refused = models.PositiveIntegerField(_("refused by a rule"), default=0)  # of those not delivered
    # Entries that name no person: [{"entry": 1-based place in the body, "cause": code, "detail": its detail}, ...]
    unreadable_entries = models.JSONField(_("entries without a user id"), default=list, blank=True)

    objects = ExportAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("export attempt")
        verbose_name_plural = _("export attempts")
        indexes = [
            models.Index(fields=["flow", "-id"], name="attempt_flow"),
            models.Index(fields=["state", "-id"], name="attempt_state"),
            models.Index(fields=["lease_ends_at"], condition=Q(finished_at__isnull=True), name="attempt_open"),
            # What was delivered today, and whether anything has finished since a page was shown.
            models.Index(fields=["finished_at"], name="attempt_finished"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="attempt_request"),
        ]
        constraints = [
            models.CheckConstraint(name="attempt_state_known", condition=Q(state__in=ExportState.values)),
            models.CheckConstraint(
                name="attempt_requested_by_and_when",
                condition=Q(requested_by__isnull=True, requested_at__isnull=True)
                | Q(requested_by__isnull=False, requested_at__isnull=False),
            ),
            models.CheckConstraint(
                name="attempt_cancelled_by_and_when",
                condition=Q(cancelled_by__isnull=True, cancelled_at__isnull=True)
                | Q(cancelled_by__isnull=False, cancelled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="attempt_finished_when_settled",
                condition=Q(state=ExportState.QUEUED, finished_at__isnull=True)
                | (~Q(state=ExportState.QUEUED) & Q(finished_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        names = {
            self.Trigger.EXPORT: gettext("Export %(number)s of flow %(flow)s"),
            self.Trigger.RETRY: gettext("Retry %(number)s of flow %(flow)s"),
            self.Trigger.CORRECTION: gettext("Correction %(number)s of flow %(flow)s"),
            self.Trigger.PULL: gettext("Export %(number)s of flow %(flow)s from WISEflow's API"),
            self.Trigger.LOOK: gettext("Look %(number)s at Learn for flow %(flow)s"),
            self.Trigger.KEEP: gettext("Decision %(number)s to keep a grade of flow %(flow)s"),
            self.Trigger.REPLACE: gettext("Replacement %(number)s of flow %(flow)s"),
        }
        return names[self.Trigger(self.trigger)] % {"number": self.pk, "flow": self.flow.flow_id}

    def finish(self, now: datetime, *, delivered: int, refused: int) -> None:
        """Finish it with so many more entries delivered, or refused by a rule. It is not saved."""
        self.finished_at = now
        self.number_of_success += delivered
        self.number_of_errors += refused
        self.number_of_refused += refused
        self.state = state_of(self.number_of_success, self.number_of_errors)

    @property
    def number_of_failures(self) -> int:
        """Entries that are not delivered although no rule refused them."""
        return self.number_of_errors - self.number_of_refused

    @property
    def is_cancellable(self) -> bool:
        """A retry in progress can be cancelled. An export cannot: WISEflow is waiting for its verdicts."""
        return self.trigger == self.Trigger.RETRY and self.finished_at is None and self.cancelled_at is None
