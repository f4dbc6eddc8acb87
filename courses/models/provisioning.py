"""Provisioning runs and their steps: history, never edited after they finish."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.models.enrolment_metadata import EnrolmentMetadata
from courses.models.grade_column import GradeColumn
from courses.models.grade_schema import GradeSchema
from courses.models.provisioned import Provisioned
from courses.models.service_call import ServiceCall
from courses.sentences import sentence


class ProvisioningRun(models.Model):
    """What someone requested to be created, set or deleted in Learn, at once. Never reused."""

    class State(models.TextChoices):
        # Its steps are waiting or being sent: nothing to do.
        RUNNING = "RUNNING", _("In progress")
        # Learn has confirmed every step: nothing to do.
        DONE = "DONE", _("Done")
        # At least one step did not succeed: an administrator does what its message says.
        FAILED = "FAILED", _("Failed")

    state = models.CharField(_("state"), max_length=7, choices=State, default=State.RUNNING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("started by"),
    )  # None: the command line
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    lease_ends_at = models.DateTimeField(
        _("lease ends"), help_text=_("A process works on this run until then. Later the run is swept.")
    )
    calls = models.ManyToManyField(
        ServiceCall, blank=True, related_name="provisioning_runs", verbose_name=_("calls to Learn")
    )

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("provisioning run")
        verbose_name_plural = _("provisioning runs")
        permissions = [
            ("provision", _("Can create schemas, columns and metadata in Learn")),
            ("delete_graded_column", _("Can delete a column in Learn that has grades")),
        ]
        constraints = [
            models.CheckConstraint(
                name="provisioning_run_finished_when_settled",
                condition=Q(state="RUNNING", finished_at__isnull=True)
                | Q(state__in=["DONE", "FAILED"], finished_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return gettext("Provisioning run %(number)s") % {"number": self.pk}


class ProvisioningStep(models.Model):
    """One row to be created, set or deleted in Learn, and what became of it."""

    class Kind(models.TextChoices):
        SCHEMA = "SCHEMA", _("Create grade schema")
        COLUMN = "COLUMN", _("Create column")
        EXTERNAL_GRADE = "EXTERNAL_GRADE", _("Set external grade")
        METADATA = "METADATA", _("Set enrolment metadata")
        DELETION = "DELETION", _("Delete column")

    class State(models.TextChoices):
        # Recorded, not sent: nothing to do.
        QUEUED = "QUEUED", _("Waiting")
        # A call may be in progress: nothing to do.
        SENDING = "SENDING", _("Being sent")
        # Learn has confirmed it: nothing to do.
        DONE = "DONE", _("Done")
        # A rule forbids it, and it was not sent: an administrator corrects the row here, then provisions it again.
        REFUSED = "REFUSED", _("Refused by a rule")
        # Learn has not accepted it: an administrator corrects what Learn's message says, then provisions it again.
        REJECTED = "REJECTED", _("Rejected by Learn")
        # It did not reach Learn: an administrator provisions it again.
        FAILED = "FAILED", _("Not sent")
        # It may have reached Learn: an administrator checks there, then marks the row as in Learn or not in Learn.
        UNCONFIRMED = "UNCONFIRMED", _("Not confirmed")

    OPEN = (State.QUEUED, State.SENDING)

    run = models.ForeignKey(
        ProvisioningRun, on_delete=models.CASCADE, related_name="steps", verbose_name=_("provisioning run")
    )
    kind = models.CharField(_("kind"), max_length=14, choices=Kind)
    stage = models.PositiveSmallIntegerField(_("stage"))  # steps of a lower stage go first
    name = models.CharField(_("name"), max_length=700)  # of the row, also when it is gone
    schema = models.ForeignKey(
        GradeSchema,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("grade schema"),
    )
    column = models.ForeignKey(
        GradeColumn,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("grade column"),
    )
    metadata = models.ForeignKey(
        EnrolmentMetadata,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("enrolment metadata"),
    )
    again = models.BooleanField(_("again"), default=False)  # requested by name, though it may be in Learn
    # Of a deletion's column.
    status_before = models.CharField(_("previous status"), max_length=15, choices=Provisioned.Status, blank=True)
    state = models.CharField(_("state"), max_length=11, choices=State, default=State.QUEUED)
    reason = models.JSONField(_("reason"), default=dict, blank=True)  # why it did not succeed, with what to do
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("provisioning step")
        verbose_name_plural = _("provisioning steps")
        indexes = [models.Index(fields=["run", "state", "stage"], name="provisioning_step_next")]
        constraints = [
            models.CheckConstraint(
                name="provisioning_step_finished_when_closed",
                condition=Q(state__in=["QUEUED", "SENDING"], finished_at__isnull=True)
                | (~Q(state__in=["QUEUED", "SENDING"]) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="provisioning_step_error_has_reason",
                condition=Q(state__in=["QUEUED", "SENDING", "DONE"]) | ~Q(reason={}),
            ),
            # Nothing is created twice because two people request it at once.
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
    def message(self) -> str:
        """Why it did not succeed, and what to do."""
        return sentence(self.reason)

    @property
    def target(self) -> GradeSchema | GradeColumn | EnrolmentMetadata | None:
        """The row; None if it was deleted here since then."""
        return self.schema or self.column or self.metadata
