"""A flow and the columns its grades go to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from django.apps import apps
from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from simple_history.models import HistoricalRecords

from common.database import bulk
from courses.models import GradeColumn, Spelled
from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.translation import Translation


class FlowQuerySet(models.QuerySet["Flow"]):
    def lock(self, flow_id: str) -> Flow:
        """The flow, made if nobody has heard of it, with its row locked until the transaction ends.

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
        counts: dict[int, Counter[str]] = {pk: Counter() for pk in pks}
        people = apps.get_model("exports.Participant").objects.filter(flow__in=pks).order_by()
        for flow, state, number in people.values_list("flow_id", "state").annotate(Count("pk")):
            counts[flow][state] = number
        columns = ("state", *(COUNT_FIELDS[state] for state in ExportState))
        rows = [(pk, state_of(found), *(found[state] for state in ExportState)) for pk, found in counts.items()]
        bulk.update(Flow, columns, rows)

    def counts(self) -> dict[ExportState, int]:
        """How many participants these flows have in each state."""
        sums = self.order_by().aggregate(
            **{state.value: Coalesce(Sum(COUNT_FIELDS[state]), 0) for state in ExportState}
        )
        return {state: sums[state.value] for state in ExportState}


COUNT_FIELDS = {state: f"{state.value.lower()}_count" for state in ExportState}


def state_of(counts: Counter[str]) -> str:
    """A flow's state, from how many of its participants are in each."""
    for state in (ExportState.QUEUED, ExportState.FAILED, ExportState.EXPORTED):
        if counts[state]:
            return state.value
    return ExportState.NOT_EXPORTED.value


class Flow(Spelled):
    """A WISEflow assessment."""

    flow_id = models.CharField("flow id", max_length=255, unique=True, help_text="The flow's id in WISEflow.")
    title = models.CharField(max_length=333, blank=True)
    state = models.CharField(
        max_length=12, choices=ExportState, default=ExportState.NOT_EXPORTED, editable=False, db_index=True
    )
    synchronised_at = models.DateTimeField(
        "synchronised",
        null=True,
        blank=True,
        help_text="When the flow was synchronised with the SIS. Empty: not yet, so nothing is exported (R1).",
    )
    assessment_ends_at = models.DateTimeField(
        "assessment ends",
        null=True,
        blank=True,
        help_text="Before this nothing is exported, unless instant export is on (R2). Empty: WISEflow is trusted.",
    )
    instant_export = models.BooleanField(
        default=False, help_text="Grades come as soon as they are approved, before the assessment period ends (R9)."
    )
    allow_overwrite = models.BooleanField(
        default=False,
        help_text="A changed mark replaces the exported one in Learn. An alternative grade is never replaced (R11).",
    )
    # How many participants are in each state: counted whenever they change, so that no page has to.
    not_exported_count = models.PositiveIntegerField(default=0, editable=False)
    queued_count = models.PositiveIntegerField(default=0, editable=False)
    exported_count = models.PositiveIntegerField(default=0, editable=False)
    failed_count = models.PositiveIntegerField(default=0, editable=False)
    roster_imported_at = models.DateTimeField(
        "roster imported",
        null=True,
        blank=True,
        editable=False,
        help_text="With a roster, only people on it who were added by the SIS are exported (R8).",
    )

    mapping_unlocked_at = models.DateTimeField(
        "mapping unlocked",
        null=True,
        blank=True,
        editable=False,
        help_text="An administrator let the mapping of delivered grades be changed; the next change locks it again.",
    )

    objects = FlowQuerySet.as_manager()

    history = HistoricalRecords(excluded_fields=["state", *COUNT_FIELDS.values()])

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("retry", "Can retry failed grades"),
            ("unlock_mapping", "Can let a mapping be changed whose grades were delivered"),
        ]
        constraints = [
            models.CheckConstraint(name="flow_id_given", condition=~Q(flow_id="")),
            models.CheckConstraint(name="flow_state_known", condition=Q(state__in=ExportState.values)),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} {self.title}".strip()

    def latest_client(self) -> ApiClient | None:
        """Who exported it last: most likely who exports it next."""
        latest = self.attempts.filter(api_client__isnull=False).select_related("api_client__profile").first()
        return latest.api_client if latest else None

    @property
    def counts(self) -> dict[ExportState, int]:
        """How many participants are in each state."""
        return {state: getattr(self, field) for state, field in COUNT_FIELDS.items()}


class ColumnMapping(Spelled):
    """Which grade column a flow's grades go to, by source. The mapping without a source is the flow's default."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="column_mappings")
    source_code = models.CharField(
        max_length=255, blank=True, help_text="A SIS source such as UNIwise||001||2021. Empty: every other source."
    )
    grade_column = models.ForeignKey(GradeColumn, on_delete=models.PROTECT, related_name="column_mappings")
    translation = models.ForeignKey(
        Translation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="column_mappings",
        help_text="Empty: grades are sent as they were given.",
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["flow", "source_code"]
        constraints = [models.UniqueConstraint(name="column_mapping_once_a_source", fields=["flow", "source_code"])]

    def __str__(self) -> str:
        return f"{self.source_code or 'Every other source'} → {self.grade_column}"
