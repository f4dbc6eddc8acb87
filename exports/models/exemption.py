"""What keeps grades that are in Learn as they are, and is lifted once: requested by one person, approved by another."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from courses.models import GradeColumn
from exports.models.flow import Flow
from exports.models.request import APPROVED_BY_ANOTHER, DECIDED_BY_AND_WHEN, Requested, RequestQuerySet


class Exemption(Requested):
    """One exemption, stored permanently. Of a flow whose grades are in Learn, or of a column that they are in.

    What was requested happens when it is approved. It is kept when the column is deleted here: `subject` names it.
    """

    class Kind(models.TextChoices):
        ALLOW_OVERWRITE = "ALLOW_OVERWRITE", _("Allow overwriting of delivered grades")
        UNLOCK_MAPPING = "UNLOCK_MAPPING", _("Unlock the mapping of delivered grades")
        DELETE_COLUMN = "DELETE_COLUMN", _("Delete a column with grades in Learn")
        NOT_IN_LEARN = "NOT_IN_LEARN", _("Mark a column with grades as not in Learn")

    kind = models.CharField(_("exemption"), max_length=15, choices=Kind)
    flow = models.ForeignKey(
        Flow, on_delete=models.PROTECT, null=True, blank=True, related_name="exemptions", verbose_name=_("flow")
    )
    column = models.ForeignKey(
        GradeColumn,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="exemptions",
        verbose_name=_("grade column"),
    )
    subject = models.CharField(_("flow or grade column"), max_length=700)  # its name when it was requested
    grades = models.PositiveIntegerField(_("grades in Learn"))  # when it was requested

    objects = RequestQuerySet.as_manager()

    class Meta(Requested.Meta):
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")
        permissions = [("approve_exemption", _("Can approve exemptions that others have requested"))]
        constraints = [
            models.UniqueConstraint(
                name="exemption_one_asked_a_flow", fields=["flow", "kind"], condition=Q(state="ASKED")
            ),
            models.UniqueConstraint(
                name="exemption_one_asked_a_column", fields=["column"], condition=Q(state="ASKED", flow=None)
            ),
            models.CheckConstraint(name="exemption_decided_by_and_when", condition=DECIDED_BY_AND_WHEN),
            models.CheckConstraint(name="exemption_approved_by_another", condition=APPROVED_BY_ANOTHER),
            models.CheckConstraint(
                name="exemption_kind_known",
                condition=Q(kind__in=["ALLOW_OVERWRITE", "UNLOCK_MAPPING"], flow__isnull=False, column=None)
                | Q(kind__in=["DELETE_COLUMN", "NOT_IN_LEARN"], flow=None),
            ),
            models.CheckConstraint(name="exemption_says_why", condition=~Q(reason="") & ~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"
