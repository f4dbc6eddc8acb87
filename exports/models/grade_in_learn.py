"""The ledger: which grade is, or was, at which place in Learn. Rows are appended and ended, never edited."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from common.database.bulk import among
from courses.models import NAME_LENGTH, GradeColumn
from exports.models.attempt import Delivery
from exports.models.participant import Participant


class GradeInLearnQuerySet(models.QuerySet["GradeInLearn"]):
    def in_learn(self) -> GradeInLearnQuerySet:
        """What is in Learn now, or may be; also where a person's grade was left behind."""
        return self.filter(is_in_learn=True)

    def current(self) -> GradeInLearnQuerySet:
        """What is in Learn at a place that its person led to when they were last sent or imported."""
        return self.in_learn().filter(left_behind_at__isnull=True)

    def left_behind(self) -> GradeInLearnQuerySet:
        """What is still in Learn at a place that its person no longer leads to: somebody should look there."""
        return self.in_learn().filter(left_behind_at__isnull=False)

    def at_places(self, places: Collection[tuple[str, str, str]]) -> GradeInLearnQuerySet:
        """What is or was at these places (course id, column name, Learn user); where names cross, a few more.

        All parts are constants to PostgreSQL and nothing is joined, so that it takes the index whatever its statistics.
        """
        courses, columns, users = zip(*places, strict=True) if places else ((), (), ())
        return self.filter(
            among("course_id", set(courses)), among("column_name", set(columns)), among("learn_user_id", set(users))
        )

    def in_columns(self, columns: Collection[GradeColumn]) -> GradeInLearnQuerySet:
        """What is in these columns of Learn; where names cross over courses, a few more."""
        return self.in_learn().filter(
            among("course_id", {column.course.course_id for column in columns}),
            among("column_name", {column.name for column in columns}),
        )

    def in_column(self, column: GradeColumn) -> GradeInLearnQuerySet:
        return self.in_learn().filter(course_id=column.course.course_id, column_name=column.name)

    def with_calls(self) -> GradeInLearnQuerySet:
        """Each with `is_called`: whether a call with another person's grade is on its way to its place."""
        calls = Delivery.objects.filter(
            course_id=OuterRef("course_id"),
            column_name=OuterRef("column_name"),
            learn_user_id=OuterRef("learn_user_id"),
            state=Delivery.State.SENDING,
        ).exclude(participant=OuterRef("participant"))
        return self.annotate(is_called=Exists(calls))


class GradeInLearn(models.Model):
    """One grade at one place: a Learn user in a column of a course."""

    class Certainty(models.TextChoices):
        CONFIRMED = "CONFIRMED", "Confirmed"  # Learn has confirmed it: nothing to do
        DOUBTFUL = "DOUBTFUL", "Not certain"  # it may have arrived: retry, the same grade is only set again

    class Ending(models.TextChoices):
        """Why a grade is no longer what is known to be at its place."""

        OVERWRITTEN = "OVERWRITTEN", "Replaced by another person's grade"  # see whose; give one another place
        CORRECTED = "CORRECTED", "Replaced by a newer grade of the person"  # nothing to do
        CONFIRMED = "CONFIRMED", "Sent again"  # nothing to do: the next row at the place says the same
        DOUBTED = "DOUBTED", "An overwrite may have arrived"  # retry what was not confirmed
        COLUMN_DELETED = "COLUMN_DELETED", "Deleted with its column"  # retry once the column is there, or another
        COLUMN_DOUBTED = "COLUMN_DOUBTED", "Its column may have been deleted"  # look in Learn
        DEALT_WITH = "DEALT_WITH", "Dealt with in Learn"  # nothing to do: somebody has looked and says so

    course_id = models.CharField("course", max_length=NAME_LENGTH)
    column_name = models.CharField("column", max_length=NAME_LENGTH)
    learn_user_id = models.CharField("Learn user", max_length=NAME_LENGTH)
    # No constraint in the database on the two that are written by the ten thousand: it would be checked row by row, and
    # a participant or delivery is only deleted by Django, which takes the rows along or lets them go.
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="grades", db_constraint=False)
    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )  # which wrote it: gone, once old deliveries are purged
    source_code = models.CharField(max_length=255, blank=True)

    value = models.CharField(max_length=NAME_LENGTH)
    mark = models.CharField(max_length=NAME_LENGTH, blank=True)
    alternative_grade = models.CharField(max_length=NAME_LENGTH, blank=True)
    certainty = models.CharField(max_length=9, choices=Certainty, default=Certainty.CONFIRMED)
    since = models.DateTimeField()

    # The one mark a row gets while it is in Learn: its person leads to another place now.
    left_behind_at = models.DateTimeField(null=True, blank=True)

    # Null, and never false, once it has ended: a unique constraint over it lets a place have many that have ended. An
    # index with a condition would do as well, but PostgreSQL takes it for empty while its statistics are old.
    is_in_learn = models.BooleanField(null=True, default=True, editable=False)
    until = models.DateTimeField(null=True, blank=True)
    ended_as = models.CharField(max_length=14, choices=Ending, blank=True)
    ended_by = models.ForeignKey(
        Participant,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )  # whose grade came after it
    dealt_with_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )  # who has looked in Learn and says that it is no longer there; `until` says when

    objects = GradeInLearnQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "grade in Learn"
        verbose_name_plural = "grades in Learn"
        permissions = [("deal_with_grade", "Can mark grades left behind in Learn as dealt with")]
        indexes = [
            models.Index(
                fields=["-id"],
                condition=Q(left_behind_at__isnull=False, is_in_learn=True),
                name="grade_left_behind",
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
            models.CheckConstraint(name="grade_has_value", condition=~Q(value="")),
            models.CheckConstraint(
                name="grade_dealt_with_by_somebody",
                condition=Q(ended_as="DEALT_WITH", dealt_with_by__isnull=False)
                | (~Q(ended_as="DEALT_WITH") & Q(dealt_with_by__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} for {self.learn_user_id} in {self.place_name}"

    @property
    def place(self) -> tuple[str, str, str]:
        return self.course_id, self.column_name, self.learn_user_id

    @property
    def place_name(self) -> str:
        return f"column {self.column_name} of course {self.course_id}"

    @property
    def place_of_person(self) -> str:
        return f"Learn user {self.learn_user_id} in {self.place_name}"

    @property
    def is_certain(self) -> bool:
        return self.certainty == self.Certainty.CONFIRMED

    @property
    def is_left_behind(self) -> bool:
        return self.left_behind_at is not None
