"""One person in one flow, and where their grade stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import models
from django.db.models import Prefetch, Q

from courses.models import NAME_LENGTH
from exports.grades.causes import Cause
from exports.grades.states import ExportState
from exports.models.api_client import ApiClient
from exports.models.flow import Flow

if TYPE_CHECKING:
    from exports.models.grade_in_learn import GradeInLearn


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def failed(self) -> ParticipantQuerySet:
        return self.filter(state=ExportState.FAILED)

    def retryable(self) -> ParticipantQuerySet:
        """The failed, and the exported whose approved correction a rule has refused."""
        return self.filter(Q(state=ExportState.FAILED) | Q(state=ExportState.EXPORTED) & ~Q(approved_mark=""))

    def with_grades(self) -> ParticipantQuerySet:
        """Each with what is in Learn of theirs now, so that a page asks once."""
        grades = apps.get_model("exports.GradeInLearn").objects.in_learn().order_by("left_behind_at", "-pk")
        return self.prefetch_related(Prefetch("grades", queryset=grades, to_attr="found_in_learn"))


class Participant(models.Model):
    """One person in one flow.

    `mark` and `alternative_grade` are what WISEflow gave last. What is in Learn is in the ledger (`grades`). Both
    outlive the deliveries, so a purge of old deliveries never sends a grade twice.
    """

    class AddedBy(models.TextChoices):
        SIS = "SIS", "SIS"
        MANUAL = "MANUAL", "By hand"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="participants", db_index=False)
    user_id = models.CharField("user id", max_length=255, help_text="The person's id in WISEflow.")
    user_id_is_number = models.BooleanField(default=False, editable=False)  # how WISEflow last wrote it: echoed so
    learn_user_id = models.CharField(
        "Learn user",
        max_length=NAME_LENGTH,
        blank=True,
        help_text=(
            "The batch uid in Learn. Empty: by the rule of the caller's request profile, else the WISEflow user id."
        ),
    )
    # {SIS source: how the person was added there}, as in `added_by`; null where only a body has named the source. A map
    # on the row rather than a table: it is read and written with the row, ten thousand at a time.
    sources = models.JSONField(default=dict, blank=True)
    on_roster = models.BooleanField(default=False)
    added_by = models.CharField(max_length=6, choices=AddedBy, blank=True)

    # Who exported them last: a retry finds the Learn user by the same caller's rule. No constraint in the database: it
    # would be checked for each of ten thousand rows, and a client that has exported anybody is not deleted.
    api_client = models.ForeignKey(
        ApiClient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    mark = models.CharField(max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(max_length=NAME_LENGTH, blank=True)

    state = models.CharField(max_length=12, choices=ExportState, default=ExportState.NOT_EXPORTED)
    cause = models.CharField(max_length=40, choices=Cause.choices, blank=True)
    detail = models.TextField(blank=True)
    cause_source_code = models.CharField(max_length=255, blank=True)  # of several sources the one it is about
    changed_since_export = models.BooleanField(default=False)

    # The mark that an approved correction lets replace the exported one; empty again once Learn has it.
    approved_mark = models.CharField(max_length=NAME_LENGTH, blank=True, editable=False)
    approved_source_code = models.CharField(max_length=255, blank=True, editable=False)  # empty: all of their sources

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # The flow's state, its failed participants. Nearly all are exported one day: they cost no entry here.
            models.Index(
                fields=["flow", "state"], condition=Q(state__in=["QUEUED", "FAILED"]), name="participant_unsettled"
            ),
            # The Failed list over all flows, newest first.
            models.Index(fields=["-id"], condition=Q(state="FAILED"), name="participant_failed"),
            models.Index(fields=["-id"], condition=Q(changed_since_export=True), name="participant_changed"),
            models.Index(fields=["flow"], condition=Q(changed_since_export=True), name="participant_changed_in_flow"),
            # Corrections that a rule has refused, for a retry.
            models.Index(fields=["flow"], condition=~Q(approved_mark=""), name="participant_correction"),
        ]
        constraints = [
            models.UniqueConstraint(name="participant_once_a_flow", fields=["flow", "user_id"]),
            models.CheckConstraint(name="participant_state_known", condition=Q(state__in=ExportState.values)),
            models.CheckConstraint(
                name="participant_failed_has_cause", condition=~Q(state=ExportState.FAILED) | ~Q(cause="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in flow {self.flow.flow_id}"

    @property
    def in_learn(self) -> list[GradeInLearn]:
        """What is in Learn of theirs, or may be: where they lead to first, then what was left behind elsewhere."""
        found: list[GradeInLearn] | None = getattr(self, "found_in_learn", None)
        if found is None:
            found = list(apps.get_model("exports.GradeInLearn").objects.in_learn().filter(participant=self))
        return sorted(found, key=lambda grade: (grade.is_left_behind, grade.source_code, grade.pk))

    @property
    def value_in_learn(self) -> str:
        """The one value that is in Learn for certain. Empty: there is none, or there are different ones."""
        return one_value([grade for grade in self.in_learn if not grade.is_left_behind] or self.in_learn)

    @property
    def exported_at(self) -> datetime | None:
        """When the latest of what is in Learn for certain was confirmed."""
        return max((grade.since for grade in self.in_learn if grade.is_certain), default=None)

    @property
    def source_names(self) -> str:
        return ", ".join(self.sources)

    @property
    def error_info(self) -> str:
        if not self.cause:
            return ""
        source = f"Source {self.cause_source_code}: " if self.cause_source_code else ""
        return f"{source}{Cause(self.cause).error_info(self.detail)}"


def one_value(grades: list[GradeInLearn]) -> str:
    values = {grade.value if grade.is_certain else "" for grade in grades}
    return values.pop() if len(values) == 1 else ""
