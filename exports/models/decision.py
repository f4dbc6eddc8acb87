"""What is done about a grade in Learn that GradeBridge did not write: it is kept, or replaced once two people agree."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.database.bulk import among
from courses.models import NAME_LENGTH
from exports.models.attempt import ExportAttempt
from exports.models.grade_in_learn import GradeInLearn
from exports.models.participant import Participant
from exports.models.request import DECIDED_BY_AND_WHEN, Requested, RequestQuerySet, RequestState


class DecisionQuerySet(RequestQuerySet):
    def in_force(self) -> DecisionQuerySet:
        """Kept, or approved to be replaced; of one place the newest counts."""
        return self.filter(state=RequestState.APPROVED)

    def at_places(self, places: Collection[tuple[str, str, str]]) -> DecisionQuerySet:
        """Of these places (course id, column name, Learn user); where names cross, of a few more."""
        courses, columns, users = zip(*places, strict=True) if places else ((), (), ())
        return self.filter(
            among("course_id", set(courses)), among("column_name", set(columns)), among("learn_user_id", set(users))
        )


class Decision(Requested):
    """One decision about one place in Learn, stored permanently: what Learn showed, what was to be there, who and why.

    A grade is kept by whoever says so. It is replaced only if a second person agrees, and only while Learn shows what
    it showed then.
    """

    class Kind(models.TextChoices):
        REPLACE = "REPLACE", _("Replace Learn's grade")
        KEEP = "KEEP", _("Keep Learn's grade")

    participant = models.ForeignKey(
        Participant, on_delete=models.CASCADE, related_name="decisions", verbose_name=_("participant")
    )
    # The row of the ledger that Learn differs from; null: nothing was in Learn for certain before.
    grade = models.ForeignKey(
        GradeInLearn,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="decisions",
        db_constraint=False,
        verbose_name=_("grade in Learn"),
    )
    course_id = models.CharField(_("course"), max_length=NAME_LENGTH)
    column_name = models.CharField(_("column"), max_length=NAME_LENGTH)
    learn_user_id = models.CharField(_("Learn user"), max_length=NAME_LENGTH)
    source_code = models.CharField(_("source"), max_length=255, blank=True)
    # As people saw it in Learn; empty: nothing.
    shown = models.CharField(_("Learn shows"), max_length=NAME_LENGTH, blank=True)
    value = models.CharField(_("value"), max_length=NAME_LENGTH)

    kind = models.CharField(_("decision"), max_length=7, choices=Kind)
    # Which sends the replacement, or says of a refused grade that Learn's is kept.
    attempt = models.OneToOneField(
        ExportAttempt,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="decision",
        verbose_name=_("export attempt"),
    )

    objects = DecisionQuerySet.as_manager()

    class Meta(Requested.Meta):
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        permissions = [("approve_decision", _("Can approve replacing grades in Learn that others have requested"))]
        indexes = [
            models.Index(
                fields=["course_id", "column_name", "learn_user_id"],
                condition=Q(state="APPROVED"),
                name="decision_in_force",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="decision_one_asked_a_place",
                fields=["participant", "course_id", "column_name", "learn_user_id"],
                condition=Q(state="ASKED"),
            ),
            models.CheckConstraint(name="decision_decided_by_and_when", condition=DECIDED_BY_AND_WHEN),
            # Whoever requested it may withdraw it, which declines it, but never approve it.
            models.CheckConstraint(
                name="decision_replace_approved_by_another",
                condition=~Q(kind="REPLACE", state="APPROVED") | ~Q(decided_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="decision_kept_at_once",
                condition=~Q(kind="KEEP") | Q(state="APPROVED", decided_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="decision_kind_known",
                condition=Q(kind__in=["REPLACE", "KEEP"], state__in=["ASKED", "APPROVED", "DECLINED"]),
            ),
            models.CheckConstraint(name="decision_says_what_and_why", condition=~Q(value="") & ~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.participant.user_id}: {self.get_kind_display()} ({self.value})"

    @property
    def place(self) -> tuple[str, str, str]:
        return self.course_id, self.column_name, self.learn_user_id
