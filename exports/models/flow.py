"""A flow and the columns its grades go to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from common.database import bulk
from courses.models import GradeColumn, Spelled
from exports.grades.causes import SKIPS
from exports.grades.dates import refuse_synchronisation
from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.translation import Translation
from exports.reading.flow_ids import refuse_nameless


class FlowQuerySet(models.QuerySet["Flow"]):
    def lock(self, flow_id: str) -> Flow:
        """The flow, created if it is not known yet, with its row locked until the transaction ends.

        The lock makes exports and retries of one flow take turns. On SQLite the transaction itself is the lock.
        """
        # no_key: who records a delivery looks the flow up at the end of its transaction, with its people locked.
        locked = self.select_for_update(no_key=True)
        try:
            return locked.get(flow_id=flow_id)
        except Flow.DoesNotExist:
            self.bulk_create([Flow(flow_id=flow_id)], ignore_conflicts=True)  # two exports may be the first at once
            return locked.get(flow_id=flow_id)

    def refresh(self, pks: Collection[int]) -> None:
        """Bring these flows' counts and state after its participants'. One failed participant makes it FAILED (R6).

        Call it with the flows' rows locked, so that what is counted last is also written last.
        """
        nobody = dict.fromkeys([*COUNT_FIELDS.values(), *MORE_COUNTS], 0)
        counts = dict.fromkeys(pks, nobody)
        people = apps.get_model("exports.Participant").objects.filter(flow__in=pks).order_by()
        numbers = {name: Count("pk", filter=which) for name, which in COUNTED.items()}
        for flow, *found in people.values_list("flow_id").annotate(**numbers):
            counts[flow] = dict(zip(COUNTED, found, strict=True))
        bulk.update(Flow, {pk: {"state": state_of(found), **found} for pk, found in counts.items()})

    def incomplete(self) -> FlowQuerySet:
        """Something has come, but not of everyone who is expected."""
        return self.filter(missing_count__gt=0).exclude(state=ExportState.NOT_EXPORTED)

    def late(self, now: datetime) -> FlowQuerySet:
        """Their period ended more than EXPECT_WITHIN hours ago, and nothing, or not everything, has come."""
        return self.filter(is_late(now))

    def needing_attention(self, now: datetime) -> FlowQuerySet:
        """Failed other than by a rule that skips on purpose, released and not retried, incomplete after their end,
        expected and not come, or different in Learn.
        """
        released = apps.get_model("exports.Participant").objects.released().order_by()
        return self.filter(
            needs_attention(now) | Q(skipped_count__gt=0, pk__in=released.values("flow")) | Q(pk__in=self.differing())
        )

    def differing(self) -> models.QuerySet[Any]:
        """The keys of those with grades that Learn shows otherwise than they were sent, or not at all."""
        grades = apps.get_model("exports.GradeInLearn").objects.different().order_by()
        return grades.values("participant__flow")

    def worst_first(self) -> FlowQuerySet:
        """Those with most failed, other than by a rule that skips on purpose; then those with most missing, of whom
        something has come; then those of which nothing has come.
        """
        faults = F("failed_count") - F("skipped_count")
        rank = Case(When(faults__gt=0, then=0), When(state=ExportState.NOT_EXPORTED, then=2), default=Value(1))
        return self.annotate(faults=faults, rank=rank).order_by("rank", "-faults", "-missing_count", "-pk")

    def never_used(self) -> FlowQuerySet:
        """Those that never had a column, nor a grade that went beyond a refusal: a mistyped id at the caller makes such
        flows. Not those that someone expects grades of, by a roster or WISEflow's API, nor what people did by hand
        (holds, corrections, decisions, evidence), nor while anything is in progress.
        """

        def of_flow(name: str, path: str = "flow", **which: Any) -> Exists:
            rows = apps.get_model(f"exports.{name}").objects.filter(**{path: OuterRef("pk")}, **which)
            return Exists(rows.order_by())

        open_states = ("WAITING", "SENDING")
        kept = [
            of_flow("ColumnMapping"),
            Exists(ColumnMapping.history.filter(flow_id=OuterRef("pk")).order_by()),
            of_flow("GradeInLearn", "participant__flow"),
            Exists(
                apps.get_model("exports.Delivery")
                .objects.filter(participant__flow=OuterRef("pk"))
                .exclude(state="REFUSED")
                .order_by()
            ),
            of_flow("ExportAttempt", finished_at__isnull=True),
            *(of_flow(name) for name in ("Hold", "Evidence", "FlowInWiseflow")),
            *(of_flow(name, "participant__flow") for name in ("Hold", "Correction", "Decision", "PersonInWiseflow")),
            of_flow("Participant", on_roster=True),
            of_flow("Event", digests__state__in=open_states),
            of_flow("Event", messages__state__in=open_states),
        ]
        flows = self.filter(roster_imported_at__isnull=True)
        for condition in kept:
            flows = flows.exclude(condition)
        return flows

    def counts(self) -> dict[ExportState, int]:
        """How many participants these flows have in each state."""
        sums = self.order_by().aggregate(
            **{state.value: Coalesce(Sum(COUNT_FIELDS[state]), 0) for state in ExportState}
        )
        return {state: sums[state.value] for state in ExportState}


def is_late(now: datetime) -> Q:
    is_empty_or_incomplete = Q(state=ExportState.NOT_EXPORTED) | Q(missing_count__gt=0)
    return Q(assessment_ends_at__lte=now - timedelta(hours=settings.EXPECT_WITHIN)) & is_empty_or_incomplete


def needs_attention(now: datetime) -> Q:
    """As far as the flow's own row says so: whether held grades of it were released, only its people do."""
    is_over = Q(assessment_ends_at__isnull=True) | Q(assessment_ends_at__lte=now)
    is_incomplete = Q(missing_count__gt=0) & ~Q(state=ExportState.NOT_EXPORTED) & is_over
    return Q(failed_count__gt=F("skipped_count")) | is_incomplete | is_late(now)


def attention_first(now: datetime) -> tuple[Case, str]:
    """The order of a list: the flows that need attention, then all others, each the newest first. Some thousand rows
    are sorted, by nothing but what they hold themselves.
    """
    return Case(When(needs_attention(now), then=0), default=Value(1)), "-pk"


COUNT_FIELDS = {state: f"{state.value.lower()}_count" for state in ExportState}
IS_EXPECTED = Q(on_roster=True) & ~Q(added_by="MANUAL")
IS_MISSING = IS_EXPECTED & Q(state=ExportState.NOT_EXPORTED)
# Which participants each count counts
MORE_COUNTS = {
    "expected_count": IS_EXPECTED,
    "missing_count": IS_MISSING,
    "skipped_count": Q(state=ExportState.FAILED, cause__in=SKIPS),
}
COUNTED = {field: Q(state=state) for state, field in COUNT_FIELDS.items()} | MORE_COUNTS


def state_of(counts: Mapping[str, int]) -> str:
    """A flow's state, from its counts. Failed wins, also while others are queued."""
    for state in (ExportState.FAILED, ExportState.QUEUED, ExportState.EXPORTED):
        if counts[COUNT_FIELDS[state]]:
            return state.value
    return ExportState.NOT_EXPORTED.value


class Flow(Spelled):
    """A WISEflow assessment."""

    flow_id = models.CharField(_("flow id"), max_length=255, unique=True, help_text=_("The flow's id in WISEflow."))
    title = models.CharField(_("title"), max_length=333, blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=ExportState, default=ExportState.NOT_EXPORTED, editable=False, db_index=True
    )
    synchronised_at = models.DateTimeField(
        _("synchronised"),
        null=True,
        blank=True,
        help_text=_("Date of synchronisation with the student system. No grades are sent until this is filled in."),
    )
    assessment_ends_at = models.DateTimeField(
        _("assessment ends"),
        null=True,
        blank=True,
        help_text=_(
            "No grades are sent before this time, unless instant export is on. Leave empty to accept exports at "
            "any time."
        ),
    )
    instant_export = models.BooleanField(
        _("instant export"),
        default=False,
        help_text=_("Grades are sent as soon as they are approved, even before the assessment period ends."),
    )
    allow_overwrite = models.BooleanField(
        _("allow overwrite"),
        default=False,
        help_text=_("A changed mark replaces the exported mark in Learn. An alternative grade is never replaced."),
    )
    protect_first_export = models.BooleanField(
        _("protect first export"),
        default=False,
        help_text=_(
            "Learn is also read before a grade is sent for the first time, so that a grade a teacher has entered by "
            "hand is never replaced. Each export then takes some more calls to Learn."
        ),
    )
    # How many participants are in each state: counted whenever they change, so that no page has to.
    not_exported_count = models.PositiveIntegerField(_("not exported"), default=0, editable=False)
    queued_count = models.PositiveIntegerField(_("in progress"), default=0, editable=False)
    exported_count = models.PositiveIntegerField(_("exported"), default=0, editable=False)
    failed_count = models.PositiveIntegerField(_("failed"), default=0, editable=False)
    # On the roster by a SIS source; of these, nothing has come; failed, but left out by a rule on purpose.
    expected_count = models.PositiveIntegerField(_("expected"), default=0, editable=False)
    missing_count = models.PositiveIntegerField(_("missing"), default=0, editable=False)
    skipped_count = models.PositiveIntegerField(_("skipped"), default=0, editable=False)
    roster_imported_at = models.DateTimeField(
        _("roster imported"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Once there is a roster, only students on it whom the student system added are exported."),
    )

    mapping_unlocked_at = models.DateTimeField(
        _("mapping unlocked"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "An administrator has unlocked the mapping of grades that are in Learn. The next change locks it again."
        ),
    )

    objects = FlowQuerySet.as_manager()

    history = HistoricalRecords(excluded_fields=["state", *COUNTED])

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("flow")
        verbose_name_plural = _("flows")
        permissions = [
            ("retry", _("Can retry failed grades")),
            ("unlock_mapping", _("Can unlock a mapping whose grades were delivered")),
        ]
        constraints = [
            models.CheckConstraint(name="flow_id_given", condition=~Q(flow_id="")),
            models.CheckConstraint(name="flow_state_known", condition=Q(state__in=ExportState.values)),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} {self.title}".strip()

    def clean(self) -> None:
        """What no caller could name, and a date that cannot be meant."""
        super().clean()
        try:
            if self._state.adding:
                refuse_nameless(self.flow_id)
        except ValueError as reason:
            raise ValidationError({"flow_id": str(reason)}) from None
        if refusal := refuse_synchronisation(self.synchronised_at, timezone.now()):
            raise ValidationError({"synchronised_at": refusal})

    def latest_client(self) -> ApiClient | None:
        """Who exported it last: most likely who exports it next."""
        latest = self.attempts.filter(api_client__isnull=False).select_related("api_client__profile").first()
        return latest.api_client if latest else None

    @property
    def is_incomplete(self) -> bool:
        """Something has come, but not of everyone who is expected."""
        return bool(self.missing_count) and self.state != ExportState.NOT_EXPORTED

    @property
    def faults_count(self) -> int:
        """The failed, without those whom a rule leaves out on purpose."""
        return self.failed_count - self.skipped_count

    def is_late(self, now: datetime) -> bool:
        """Its period ended more than EXPECT_WITHIN hours ago, and nothing, or not everything, has come."""
        if self.assessment_ends_at is None or now < self.assessment_ends_at + timedelta(hours=settings.EXPECT_WITHIN):
            return False
        return self.state == ExportState.NOT_EXPORTED or bool(self.missing_count)

    @property
    def counts(self) -> dict[ExportState, int]:
        """How many participants are in each state."""
        return {state: getattr(self, field) for state, field in COUNT_FIELDS.items()}


class ColumnMapping(Spelled):
    """Which grade column a flow's grades go to, by source. The mapping without a source is the flow's default."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="column_mappings", verbose_name=_("flow"))
    source_code = models.CharField(
        _("source"),
        max_length=255,
        blank=True,
        help_text=_("A SIS source such as UNIwise||001||2021. Leave empty for every other source."),
    )
    grade_column = models.ForeignKey(
        GradeColumn, on_delete=models.PROTECT, related_name="column_mappings", verbose_name=_("grade column")
    )
    translation = models.ForeignKey(
        Translation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="column_mappings",
        verbose_name=_("translation"),
        help_text=_("Leave empty to send grades unchanged."),
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["flow", "source_code"]
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        constraints = [models.UniqueConstraint(name="column_mapping_once_a_source", fields=["flow", "source_code"])]

    def __str__(self) -> str:
        source_code = self.source_code or gettext("Every other source")
        return f"{source_code} → {self.grade_column}"
