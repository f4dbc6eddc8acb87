"""What is held back: a person, a whole flow, or all sending. Appended and ended, never edited."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from courses.models import Spelled
from exports.grades.causes import Cause
from exports.grades.facts import Refused
from exports.models.flow import Flow
from exports.models.participant import Participant

REASON_LENGTH = 500  # characters


class HoldQuerySet(models.QuerySet["Hold"]):
    def open(self) -> HoldQuerySet:
        """Those that no one has released."""
        return self.filter(released_at__isnull=True)

    def of_flows(self) -> HoldQuerySet:
        return self.filter(flow__isnull=False, participant__isnull=True)

    def of_people(self) -> HoldQuerySet:
        return self.filter(participant__isnull=False)

    def pauses(self) -> HoldQuerySet:
        return self.filter(flow__isnull=True)

    def pause(self) -> Hold | None:
        """The pause of all sending that is in effect."""
        return self.open().pauses().select_related("held_by").first()

    def concerning(self, flows: Collection[int]) -> HoldQuerySet:
        """The open ones that keep grades of these flows back: of their people, of themselves, and the pause of all."""
        return self.open().filter(Q(flow__in=flows) | Q(flow__isnull=True)).select_related("held_by")


class Hold(Spelled):
    """One hold: of a participant, of a flow, or of neither, which is the pause of all sending."""

    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, null=True, blank=True, related_name="holds", verbose_name=_("flow")
    )  # of a person's hold: theirs
    participant = models.ForeignKey(
        Participant,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="holds",
        verbose_name=_("participant"),
    )
    reason = models.TextField(_("reason"), max_length=REASON_LENGTH)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("held by")
    )
    held_at = models.DateTimeField(_("held since"))
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released by"),
    )
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        permissions = [
            ("hold_grades", _("Can hold and release students and flows")),
            ("pause_sending", _("Can pause and resume all sending")),
        ]
        constraints = [
            models.UniqueConstraint(
                name="hold_one_open_a_flow",
                fields=["flow"],
                condition=Q(released_at__isnull=True, participant__isnull=True),
            ),
            models.UniqueConstraint(
                name="hold_one_open_a_participant", fields=["participant"], condition=Q(released_at__isnull=True)
            ),
            # Nulls never equal each other, so that an index of the flow alone would allow several.
            models.UniqueConstraint(
                Coalesce("flow", Value(0)),
                name="hold_one_pause",
                condition=Q(released_at__isnull=True, flow__isnull=True),
            ),
            models.CheckConstraint(
                name="hold_of_a_person_names_the_flow",
                condition=Q(participant__isnull=True) | Q(flow__isnull=False),
            ),
            models.CheckConstraint(
                name="hold_released_by_and_when",
                condition=Q(released_by__isnull=True, released_at__isnull=True)
                | Q(released_by__isnull=False, released_at__isnull=False),
            ),
            models.CheckConstraint(name="hold_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        if self.participant:
            return str(self.participant)
        return str(self.flow) if self.flow else gettext("All sending")

    @property
    def is_pause(self) -> bool:
        return self.flow_id is None

    @property
    def is_open(self) -> bool:
        return self.released_at is None

    @property
    def cause(self) -> Cause:
        """Why what it keeps back is not delivered."""
        return Cause.PAUSED if self.is_pause else Cause.HELD

    @property
    def refusal(self) -> Refused:
        """What it means for a grade."""
        why = " ".join(self.reason.split()).rstrip(". ")  # part of a sentence
        said = {"held_by": str(self.held_by), "held_at": self.held_at.isoformat(), "why": why}
        return Refused(self.cause, {"reason": "PERSON_HELD", **said} if self.participant_id else said)
