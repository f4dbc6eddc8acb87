"""A change of a grade that is in Learn: requested by one person, approved by another."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from courses.models import NAME_LENGTH
from exports.models.attempt import ExportAttempt
from exports.models.participant import Participant
from exports.models.request import APPROVED_BY_ANOTHER, DECIDED_BY_AND_WHEN, Requested, RequestQuerySet, RequestState


class CorrectionQuerySet(RequestQuerySet):
    def undelivered(self) -> CorrectionQuerySet:
        """The approved ones that Learn has not confirmed yet. Of one participant, that can be the last alone."""
        approved = self.filter(state=RequestState.APPROVED)
        later = Correction.objects.filter(
            participant=OuterRef("participant"), state=RequestState.APPROVED, pk__gt=OuterRef("pk")
        )
        return approved.filter(~Exists(later), participant__approved_mark=F("mark"))


class Correction(Requested):
    """One correction, stored permanently: before, after, reason, both people and times."""

    participant = models.ForeignKey(
        Participant, on_delete=models.CASCADE, related_name="corrections", verbose_name=_("participant")
    )
    # Of several sources the one it is for; empty: all.
    source_code = models.CharField(_("source"), max_length=255, blank=True)
    mark_before = models.CharField(_("previous mark"), max_length=NAME_LENGTH)
    value_before = models.CharField(_("previous value in Learn"), max_length=NAME_LENGTH)
    mark = models.CharField(_("new mark"), max_length=NAME_LENGTH)
    attempt = models.OneToOneField(
        ExportAttempt,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="correction",
        verbose_name=_("export attempt"),
    )

    objects = CorrectionQuerySet.as_manager()

    class Meta(Requested.Meta):
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        permissions = [("approve_correction", _("Can approve corrections that others have requested"))]
        constraints = [
            models.UniqueConstraint(
                name="correction_one_asked_a_participant", fields=["participant"], condition=Q(state="ASKED")
            ),
            models.CheckConstraint(name="correction_decided_by_and_when", condition=DECIDED_BY_AND_WHEN),
            models.CheckConstraint(name="correction_approved_by_another", condition=APPROVED_BY_ANOTHER),
            models.CheckConstraint(name="correction_says_what_and_why", condition=~Q(mark="") & ~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.participant.user_id}: {self.mark_before} → {self.mark}"
