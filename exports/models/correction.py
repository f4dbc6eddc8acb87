"""A change of a grade that is in Learn: requested by one person, approved by another."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from courses.models import NAME_LENGTH, Spelled
from exports.models.attempt import ExportAttempt
from exports.models.participant import Participant


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def waiting_for(self, user: User) -> CorrectionQuerySet:
        """Not decided yet, and requested by others: `user` may decide them, given the permission."""
        return self.filter(state=Correction.State.ASKED).exclude(requested_by=user)

    def waiting_of(self, user: User) -> CorrectionQuerySet:
        """Requested by `user`, and not decided yet."""
        return self.filter(state=Correction.State.ASKED, requested_by=user)

    def undelivered(self) -> CorrectionQuerySet:
        """The approved ones that Learn has not confirmed yet. Of one participant, that can be the last alone."""
        approved = self.filter(state=Correction.State.APPROVED)
        later = Correction.objects.filter(
            participant=OuterRef("participant"), state=Correction.State.APPROVED, pk__gt=OuterRef("pk")
        )
        return approved.filter(~Exists(later), participant__approved_mark=F("mark"))


class Correction(Spelled):
    """One correction, stored permanently: before, after, reason, both people and times."""

    class State(models.TextChoices):
        # Nothing is sent yet: another manager approves or declines it, or whoever requested it withdraws it.
        ASKED = "ASKED", _("Waiting for approval")
        # Its attempt shows whether it is in Learn: if not, act on the cause, then retry. Change the mark in WISEflow
        # too.
        APPROVED = "APPROVED", _("Approved")
        # Nothing is sent, and the grade in Learn stays as it is: nothing to do.
        DECLINED = "DECLINED", _("Declined")

    participant = models.ForeignKey(
        Participant, on_delete=models.CASCADE, related_name="corrections", verbose_name=_("participant")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    # Of several sources the one it is for; empty: all.
    source_code = models.CharField(_("source"), max_length=255, blank=True)
    mark_before = models.CharField(_("previous mark"), max_length=NAME_LENGTH)
    value_before = models.CharField(_("previous value in Learn"), max_length=NAME_LENGTH)
    mark = models.CharField(_("new mark"), max_length=NAME_LENGTH)
    reason = models.TextField(_("reason"), max_length=2000)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decline_reason = models.TextField(_("reason for declining"), max_length=2000, blank=True)
    attempt = models.OneToOneField(
        ExportAttempt,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="correction",
        verbose_name=_("export attempt"),
    )

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        permissions = [("approve_correction", _("Can approve corrections that others have requested"))]
        constraints = [
            models.UniqueConstraint(
                name="correction_one_asked_a_participant", fields=["participant"], condition=Q(state="ASKED")
            ),
            models.CheckConstraint(
                name="correction_decided_by_and_when",
                condition=Q(state="ASKED", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="ASKED") & Q(decided_by__isnull=False, decided_at__isnull=False)),
            ),
            # Whoever requested it may withdraw it, which declines it, but never approve it.
            models.CheckConstraint(
                name="correction_approved_by_another",
                condition=~Q(state="APPROVED") | ~Q(decided_by=F("requested_by")),
            ),
            models.CheckConstraint(name="correction_says_what_and_why", condition=~Q(mark="") & ~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.participant.user_id}: {self.mark_before} → {self.mark}"
