"""A change of a grade that stands in Learn: asked for by one person, approved by another."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from courses.models import NAME_LENGTH, Spelled
from exports.models.attempt import ExportAttempt
from exports.models.participant import Participant


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def undelivered(self) -> CorrectionQuerySet:
        """The approved ones that Learn has not confirmed yet. Of one participant, that can be the last alone."""
        approved = self.filter(state=Correction.State.APPROVED)
        later = Correction.objects.filter(
            participant=OuterRef("participant"), state=Correction.State.APPROVED, pk__gt=OuterRef("pk")
        )
        return approved.filter(~Exists(later), participant__approved_mark=F("mark"))


class Correction(Spelled):
    """One correction, kept for good: before, after, reason, both people and times."""

    class State(models.TextChoices):
        ASKED = "ASKED", "Waits for approval"  # another manager approves or declines it
        APPROVED = "APPROVED", "Approved"  # its attempt says what became of it in Learn
        DECLINED = "DECLINED", "Declined"  # nothing is sent; the grade in Learn stands

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="corrections")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    source_code = models.CharField(max_length=255, blank=True)  # of several sources the one it is for; empty: all
    mark_before = models.CharField(max_length=NAME_LENGTH)
    value_before = models.CharField(max_length=NAME_LENGTH)  # as it stood in Learn
    mark = models.CharField("new mark", max_length=NAME_LENGTH)
    reason = models.TextField(max_length=2000)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    attempt = models.OneToOneField(
        ExportAttempt, on_delete=models.SET_NULL, null=True, blank=True, related_name="correction"
    )

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [("approve_correction", "Can approve corrections that others asked for")]
        constraints = [
            models.UniqueConstraint(
                name="correction_one_asked_a_participant", fields=["participant"], condition=Q(state="ASKED")
            ),
            models.CheckConstraint(
                name="correction_decided_by_and_when",
                condition=Q(state="ASKED", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="ASKED") & Q(decided_by__isnull=False, decided_at__isnull=False)),
            ),
            # Whoever asked may take it back, which declines it, but never approve it.
            models.CheckConstraint(
                name="correction_approved_by_another",
                condition=~Q(state="APPROVED") | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(name="correction_says_what_and_why", condition=~Q(mark="") & ~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.participant.user_id}: {self.mark_before} → {self.mark}"
