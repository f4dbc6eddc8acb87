"""Proofs: what Learn's own gradebook showed in place of a grade that GradeBridge wrote. Appended, never edited."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from courses.models import NAME_LENGTH


class ProofState(models.TextChoices):
    """What is known of a grade in Learn's own gradebook: the verdict of its last proof, or that there is none."""

    PROVEN = "PROVEN", _("Proven in Learn")
    DIFFERENT = "DIFFERENT", _("Different in Learn")
    ABSENT = "ABSENT", _("Not shown in Learn")
    # Learn shows another grade or none, and someone has decided to keep it: nothing to do.
    KEPT = "KEPT", _("Different, Learn's grade kept")
    UNREADABLE = "UNREADABLE", _("Not readable in Learn")
    # It is read back some minutes after it was sent, or on a button.
    UNREAD = "UNREAD", _("Not read back yet")


class Proof(models.Model):
    """What was read for one row of the ledger. A new one is appended when the verdict, or what Learn shows, changes.

    `detail` says by code and parameters why the place could not be read or shows nothing, and of a difference who made
    it and when, where Learn's log says so.
    """

    class Verdict(models.TextChoices):
        # Learn shows the grade that was sent: nothing to do.
        PROVEN = "PROVEN", _("Proven in Learn")
        # Learn shows another grade: keep Learn's, or replace it with the grade that was sent.
        DIFFERENT = "DIFFERENT", _("Different in Learn")
        # Learn shows no grade: ask the teacher of the course whether it was cleared, then replace it.
        ABSENT = "ABSENT", _("Not shown in Learn")
        # The detail says what keeps Learn from showing it to GradeBridge: mostly a privilege to ask for.
        UNREADABLE = "UNREADABLE", _("Not readable in Learn")

    grade = models.ForeignKey(
        "exports.GradeInLearn",
        on_delete=models.CASCADE,
        related_name="proofs",
        db_constraint=False,
        verbose_name=_("grade in Learn"),
    )
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    # As people see it in Learn; empty: nothing, or it could not be read.
    shown = models.CharField(_("Learn shows"), max_length=NAME_LENGTH, blank=True)
    detail: models.JSONField[dict[str, Any]] = models.JSONField(_("detail"), default=dict, blank=True)
    read_at = models.DateTimeField(_("read"))

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")
        permissions = [("prove", _("Can read grades back from Learn"))]
        constraints = [
            models.CheckConstraint(
                name="proof_verdict_known",
                condition=models.Q(verdict__in=["PROVEN", "DIFFERENT", "ABSENT", "UNREADABLE"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.shown}" if self.shown else str(self.get_verdict_display())
