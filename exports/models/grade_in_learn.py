"""The ledger: which grade is, or was, at which place in Learn. Rows are appended and ended, never edited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, When
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.database.bulk import among
from courses.models import NAME_LENGTH, GradeColumn
from exports.models.attempt import ExportAttempt
from exports.models.delivery import Delivery
from exports.models.participant import Participant
from exports.models.proof import Proof, ProofState

DIFFERS = (Proof.Verdict.DIFFERENT, Proof.Verdict.ABSENT)
DIFFERENCES = "differences"  # what is different or not shown in Learn, and not kept


class GradeInLearnQuerySet(models.QuerySet["GradeInLearn"]):
    def in_learn(self) -> GradeInLearnQuerySet:
        """What is in Learn now, or may be; also where a person's grade was left behind."""
        return self.filter(is_in_learn=True)

    def current(self) -> GradeInLearnQuerySet:
        """What is in Learn at a place that its person led to when they were last sent or imported."""
        return self.in_learn().filter(left_behind_at__isnull=True)

    def left_behind(self) -> GradeInLearnQuerySet:
        """What is still in Learn at a place that its person no longer leads to: someone should look there."""
        return self.in_learn().filter(left_behind_at__isnull=False)

    def different(self) -> GradeInLearnQuerySet:
        """Learn's gradebook showed another grade than this one, or none, and no one has decided to keep that."""
        return self.differing().filter(~is_kept())

    def kept(self) -> GradeInLearnQuerySet:
        """Learn's gradebook showed another grade than this one, or none, and that was decided to be kept."""
        return self.differing().filter(is_kept())

    def differing(self) -> GradeInLearnQuerySet:
        """Both of them."""
        return self.current().filter(verdict__in=DIFFERS)

    def with_kept(self) -> GradeInLearnQuerySet:
        """Each with `is_kept`, which is only looked up of what differs."""
        return self.annotate(is_kept=Case(When(Q(verdict__in=DIFFERS) & is_kept(), then=True), default=False))

    def at_places(self, places: Collection[tuple[str, str, str]]) -> GradeInLearnQuerySet:
        """What is or was at these places (course id, column name, Learn user); where names cross, a few more.

        All parts are constants to PostgreSQL and nothing is joined, so that it takes the index whatever its statistics.
        """
        courses, columns, users = zip(*places, strict=True) if places else ((), (), ())
        return self.filter(
            among("course_id", set(courses)), among("column_name", set(columns)), among("learn_user_id", set(users))
        )

    def written_by(self, attempt: ExportAttempt) -> GradeInLearnQuerySet:
        """What is in Learn since this attempt, which is found by its people."""
        people = Delivery.objects.filter(attempt=attempt).order_by().values("participant")
        return self.filter(participant__in=people, delivery__attempt=attempt)

    def in_proof_state(self, state: ProofState) -> GradeInLearnQuerySet:
        """Of what is current, that of which this is known. The states part all that is current."""
        match state:
            case ProofState.UNREAD:
                return self.current().filter(verdict="")
            case ProofState.KEPT:
                return self.kept()
            case ProofState.DIFFERENT | ProofState.ABSENT:
                return self.different().filter(verdict=state)
        return self.current().filter(verdict=state)

    def proof_counts(self) -> dict[ProofState, int]:
        """How many current grades are in each state: in one statement, and one more where something is different."""
        found = Counter(dict(self.current().order_by().values_list("verdict").annotate(number=Count("*"))))
        kept = Counter[str]()
        if any(found[verdict] for verdict in DIFFERS):
            kept.update(dict(self.kept().order_by().values_list("verdict").annotate(number=Count("*"))))
        counts = {state: found[state.value] - kept[state.value] for state in ProofState}
        return counts | {ProofState.UNREAD: found[""], ProofState.KEPT: kept.total()}

    def in_columns(self, columns: Collection[GradeColumn]) -> GradeInLearnQuerySet:
        """What is in these columns of Learn; where names cross over courses, a few more."""
        return self.in_learn().filter(
            among("course_id", {column.course.course_id for column in columns}),
            among("column_name", {column.name for column in columns}),
        )

    def in_column(self, column: GradeColumn) -> GradeInLearnQuerySet:
        return self.in_learn().filter(course_id=column.course.course_id, column_name=column.name)

    def with_calls(self) -> GradeInLearnQuerySet:
        """Each with `is_called`: whether a call with another person's grade to its place is in progress."""
        calls = Delivery.objects.filter(
            course_id=OuterRef("course_id"),
            column_name=OuterRef("column_name"),
            learn_user_id=OuterRef("learn_user_id"),
            state=Delivery.State.SENDING,
        ).exclude(participant=OuterRef("participant"))
        return self.annotate(is_called=Exists(calls))


def is_kept() -> Exists:
    """Of a grade: whether the newest decision about its place is to keep what Learn showed last."""
    decisions = apps.get_model("exports.Decision").objects.in_force()
    place = ("course_id", "column_name", "learn_user_id")
    at_place = decisions.filter(**{name: OuterRef(name) for name in place})
    return Exists(
        at_place.filter(
            ~Exists(at_place.filter(decided_at__gt=OuterRef("decided_at"))), kind="KEEP", shown=OuterRef("proof__shown")
        )
    )


class GradeInLearn(models.Model):
    """One grade at one place: a Learn user in a column of a course."""

    class Certainty(models.TextChoices):
        # Learn has confirmed it: nothing to do.
        CONFIRMED = "CONFIRMED", _("Confirmed")
        # It may have reached Learn: retry. Sending the same grade again is safe.
        DOUBTFUL = "DOUBTFUL", _("Not confirmed")

    class Ending(models.TextChoices):
        """Why a grade is no longer what is known to be at its place."""

        # Two students lead to one place: check which of the two is wrong, ask an administrator to correct its Learn
        # user or its mapping, then retry the other.
        OVERWRITTEN = "OVERWRITTEN", _("Replaced by another student's grade")
        # The newer grade is at the place: nothing to do.
        CORRECTED = "CORRECTED", _("Replaced by a newer grade of this student")
        # The next row at the place has the same grade: nothing to do.
        CONFIRMED = "CONFIRMED", _("Sent again")
        # Another student's grade may be at the place now: retry that one, or this one, whichever belongs there.
        DOUBTED = "DOUBTED", _("May have been overwritten")
        # Ask an administrator to create the column again or to map the flow to another column, then retry.
        COLUMN_DELETED = "COLUMN_DELETED", _("Deleted with its column")
        # Check in Learn whether the column is there, and have an administrator mark it as in Learn or not in Learn.
        COLUMN_DOUBTED = "COLUMN_DOUBTED", _("Column may have been deleted")
        # Learn's gradebook was read, and it is not there: retry if the grade is still wanted.
        NOT_ARRIVED = "NOT_ARRIVED", _("Did not arrive in Learn")
        # Someone has changed it in Learn, and two people agreed to replace that: its attempt shows what came of it.
        CHANGED_IN_LEARN = "CHANGED_IN_LEARN", _("Changed in Learn")
        # Someone has checked in Learn and marked it: nothing to do.
        DEALT_WITH = "DEALT_WITH", _("Dealt with in Learn")
        # The student was forgotten here: it is still in Learn, and no one here knows where. Nothing to do.
        FORGOTTEN = "FORGOTTEN", _("Student forgotten")

    course_id = models.CharField(_("course"), max_length=NAME_LENGTH)
    column_name = models.CharField(_("column"), max_length=NAME_LENGTH)
    learn_user_id = models.CharField(_("Learn user"), max_length=NAME_LENGTH)
    # No constraint in the database on the two that are written by the ten thousand: it would be checked row by row, and
    # a participant or delivery is only deleted by Django, which deletes the rows too or leaves them.
    participant = models.ForeignKey(
        Participant,
        on_delete=models.CASCADE,
        related_name="grades",
        db_constraint=False,
        verbose_name=_("participant"),
    )
    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("delivery"),
    )  # which wrote it: gone, once old deliveries are purged
    source_code = models.CharField(_("source"), max_length=255, blank=True)

    value = models.CharField(_("value"), max_length=NAME_LENGTH)
    mark = models.CharField(_("mark"), max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(_("alternative grade"), max_length=NAME_LENGTH, blank=True)
    certainty = models.CharField(_("certainty"), max_length=9, choices=Certainty, default=Certainty.CONFIRMED)
    since = models.DateTimeField(_("since"))

    # The one mark a row gets while it is in Learn: its person leads to another place now.
    left_behind_at = models.DateTimeField(_("left behind"), null=True, blank=True)

    # What Learn's gradebook showed when it was last read and that had changed; null: it has not been read.
    proof = models.ForeignKey(
        Proof,
        on_delete=models.DO_NOTHING,  # a proof is deleted with its grade alone
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("proof"),
    )
    # Of that proof: on the row itself, so that what is different is found and counted by an index.
    verdict = models.CharField(
        _("verdict"), max_length=10, choices=Proof.Verdict, blank=True, default="", db_default="", editable=False
    )

    # Null, and never false, once it has ended: a unique constraint over it lets a place have many that have ended. An
    # index with a condition would do as well, but PostgreSQL takes it for empty while its statistics are old.
    is_in_learn = models.BooleanField(_("in Learn"), null=True, default=True, editable=False)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    ended_as = models.CharField(_("how it ended"), max_length=16, choices=Ending, blank=True)
    ended_by = models.ForeignKey(
        Participant,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("replaced by"),
    )  # whose grade came after it
    dealt_with_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("dealt with by"),
    )  # who has looked in Learn and says that it is no longer there; `until` says when

    objects = GradeInLearnQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("grade in Learn")
        verbose_name_plural = _("grades in Learn")
        permissions = [("deal_with_grade", _("Can mark grades left behind in Learn as dealt with"))]
        indexes = [
            models.Index(
                fields=["-id"],
                condition=Q(left_behind_at__isnull=False, is_in_learn=True),
                name="grade_left_behind",
            ),
            models.Index(
                fields=["since"],
                condition=Q(proof__isnull=True, is_in_learn=True),
                name="grade_not_read_back",
            ),
            # How many are proven, different and so on, and whose they are: from the index alone.
            models.Index(
                fields=["verdict", "participant"],
                condition=Q(is_in_learn=True, left_behind_at__isnull=True),
                name="grade_verdict",
            ),
        ]
        constraints = [
            # One grade a place. Its index also finds all that is in a column.
            models.UniqueConstraint(
                name="grade_one_a_place",
                fields=["course_id", "column_name", "learn_user_id", "is_in_learn"],
            ),
            models.CheckConstraint(
                name="grade_ended_when_and_how",
                condition=Q(is_in_learn=True, until__isnull=True, ended_as="")
                | (Q(is_in_learn__isnull=True, until__isnull=False) & ~Q(ended_as="")),
            ),
            models.CheckConstraint(name="grade_certainty_known", condition=Q(certainty__in=["CONFIRMED", "DOUBTFUL"])),
            models.CheckConstraint(
                name="grade_verdict_with_proof",
                condition=Q(proof__isnull=True, verdict="") | (Q(proof__isnull=False) & ~Q(verdict="")),
            ),
            models.CheckConstraint(name="grade_has_value", condition=~Q(value="")),
            models.CheckConstraint(
                name="grade_dealt_with_by_somebody",
                condition=Q(ended_as="DEALT_WITH", dealt_with_by__isnull=False)
                | (~Q(ended_as="DEALT_WITH") & Q(dealt_with_by__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(value)s for %(user)s in column %(column)s of course %(course)s") % {
            "value": self.value,
            "user": self.learn_user_id,
            "column": self.column_name,
            "course": self.course_id,
        }

    @property
    def place(self) -> tuple[str, str, str]:
        return self.course_id, self.column_name, self.learn_user_id

    @property
    def place_name(self) -> str:
        return gettext("column %(column)s of course %(course)s") % {
            "column": self.column_name,
            "course": self.course_id,
        }

    @property
    def shown(self) -> str:
        """What Learn showed then."""
        return self.proof.shown if self.proof else ""

    @property
    def is_certain(self) -> bool:
        return self.certainty == self.Certainty.CONFIRMED

    @property
    def is_left_behind(self) -> bool:
        return self.left_behind_at is not None


def proof_state_of(grade: GradeInLearn) -> ProofState:
    """`grade` with `is_kept`, as `with_kept` finds it."""
    if not grade.verdict:
        return ProofState.UNREAD
    return ProofState.KEPT if getattr(grade, "is_kept", False) else ProofState(grade.verdict)
