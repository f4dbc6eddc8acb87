"""What is done about a grade in Learn that GradeBridge did not write: it is kept, or replaced once two people agree."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.database.bulk import among
from courses.models import NAME_LENGTH, Spelled
from exports.models.attempt import ExportAttempt
from exports.models.grade_in_learn import GradeInLearn
from exports.models.participant import Participant


class DecisionQuerySet(models.QuerySet["Decision"]):
    def waiting_for(self, user: User) -> DecisionQuerySet:
        """Not decided yet, and requested by others: `user` may decide them, given the permission."""
        return self.filter(state=Decision.State.ASKED).exclude(requested_by=user)

    def waiting_of(self, user: User) -> DecisionQuerySet:
        """Requested by `user`, and not decided yet."""
        return self.filter(state=Decision.State.ASKED, requested_by=user)

    def in_force(self) -> DecisionQuerySet:
        """Kept, or approved to be replaced; of one place the newest counts."""
        return self.filter(state=Decision.State.APPROVED)

    def at_places(self, places: Collection[tuple[str, str, str]]) -> DecisionQuerySet:
        """Of these places (course id, column name, Learn user); where names cross, of a few more."""
        courses, columns, users = zip(*places, strict=True) if places else ((), (), ())
        return self.filter(
            among("course_id", set(courses)), among("column_name", set(columns)), among("learn_user_id", set(users))
        )


class Decision(Spelled):
    """One decision about one place in Learn, stored permanently: what Learn showed, what was to be there, who and why.

    A grade is kept by whoever says so. It is replaced only if a second person agrees, and only while Learn shows what
    it showed then.
    """

    class Kind(models.TextChoices):
        REPLACE = "REPLACE", _("Replace Learn's grade")
        KEEP = "KEEP", _("Keep Learn's grade")

    class State(models.TextChoices):
        # Nothing is sent yet: another manager approves or declines it, or whoever requested it withdraws it.
        ASKED = "ASKED", _("Waiting for approval")
        # Kept: nothing to do. To be replaced: its attempt shows whether it is; if not, act on the cause, then retry.
        APPROVED = "APPROVED", _("Approved")
        # Nothing is sent, and Learn's grade stays as it is until someone keeps or replaces it.
        DECLINED = "DECLINED", _("Declined")

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
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
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

    class Meta:
        ordering = ["-pk"]
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
            models.CheckConstraint(
                name="decision_decided_by_and_when",
                condition=Q(state="ASKED", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="ASKED") & Q(decided_by__isnull=False, decided_at__isnull=False)),
            ),
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
