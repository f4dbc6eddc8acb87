"""Provisioning runs and their steps: history, never edited after it settles."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from courses.models.enrolment_metadata import EnrolmentMetadata
from courses.models.grade_column import GradeColumn
from courses.models.grade_schema import GradeSchema
from courses.models.provisioned import Provisioned
from courses.models.service_call import ServiceCall


class ProvisioningRun(models.Model):
    """What somebody asked GradeBridge to create, set or delete in Learn, at once. Never reused."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"  # Learn confirmed every step: nothing to do
        FAILED = "FAILED", "Failed"  # a step at least did not succeed: its message says what to do

    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # None: the command line
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_ends_at = models.DateTimeField(help_text="A process works on this run until then; later it is swept.")
    calls = models.ManyToManyField(ServiceCall, blank=True, related_name="provisioning_runs")

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("provision", "Can create schemas, columns and metadata in Learn"),
            ("delete_graded_column", "Can delete a column in Learn while grades stand in it"),
        ]
        constraints = [
            models.CheckConstraint(
                name="provisioning_run_finished_when_settled",
                condition=Q(state="RUNNING", finished_at__isnull=True)
                | Q(state__in=["DONE", "FAILED"], finished_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"Provisioning run {self.pk}"


class ProvisioningStep(models.Model):
    """One row to be created, set or deleted in Learn, and what became of it."""

    class Kind(models.TextChoices):
        SCHEMA = "SCHEMA", "Create grade schema"
        COLUMN = "COLUMN", "Create column"
        EXTERNAL_GRADE = "EXTERNAL_GRADE", "Set external grade"
        METADATA = "METADATA", "Set enrolment metadata"
        DELETION = "DELETION", "Delete column"

    class State(models.TextChoices):
        QUEUED = "QUEUED", "Queued"  # recorded, not sent: nothing to do
        SENDING = "SENDING", "Sending"  # a call may be in flight
        DONE = "DONE", "Done"  # Learn confirmed it
        REFUSED = "REFUSED", "Refused"  # never sent: repair the row here, then provision again
        REJECTED = "REJECTED", "Rejected"  # Learn said no: repair the cause, then provision again
        FAILED = "FAILED", "Failed"  # did not arrive: provision again
        UNCONFIRMED = "UNCONFIRMED", "Unconfirmed"  # may have arrived: look in Learn first

    OPEN = (State.QUEUED, State.SENDING)

    run = models.ForeignKey(ProvisioningRun, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=14, choices=Kind)
    stage = models.PositiveSmallIntegerField()  # steps of a lower stage go first
    name = models.CharField(max_length=700)  # of the row, also when it is gone
    schema = models.ForeignKey(GradeSchema, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    column = models.ForeignKey(GradeColumn, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    metadata = models.ForeignKey(EnrolmentMetadata, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    again = models.BooleanField(default=False)  # asked for by name, though it may stand in Learn
    standing_before = models.CharField(
        max_length=15, choices=Provisioned.Standing, blank=True
    )  # of a deletion's column
    state = models.CharField(max_length=11, choices=State, default=State.QUEUED)
    message = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["run", "state", "stage"], name="provisioning_step_next")]
        constraints = [
            models.CheckConstraint(
                name="provisioning_step_settled_when_closed",
                condition=Q(state__in=["QUEUED", "SENDING"], settled_at__isnull=True)
                | (~Q(state__in=["QUEUED", "SENDING"]) & Q(settled_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="provisioning_step_error_has_message",
                condition=Q(state__in=["QUEUED", "SENDING", "DONE"]) | ~Q(message=""),
            ),
            # Nothing is created twice because two people asked at once.
            *(
                models.UniqueConstraint(
                    name=f"provisioning_step_one_open_a_{target}",
                    fields=["kind", target],
                    condition=Q(state__in=["QUEUED", "SENDING"]),
                )
                for target in ("schema", "column", "metadata")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"

    @property
    def target(self) -> GradeSchema | GradeColumn | EnrolmentMetadata | None:
        """The row; None if it was deleted here meanwhile."""
        return self.schema or self.column or self.metadata
