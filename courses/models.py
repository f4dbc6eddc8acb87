"""Where grades land: Learn's courses, grade columns and grade schemas, as GradeBridge knows them."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

NAME_LENGTH = 333  # characters of a course id, user id, column name or value in Grades Journey


class Course(models.Model):
    """A course in Learn, known by its batch uid."""

    class Experience(models.TextChoices):
        ULTRA = "ULTRA", "Ultra"
        ORIGINAL = "ORIGINAL", "Original"

    course_id = models.CharField(
        "course id", max_length=NAME_LENGTH, unique=True, help_text="The course's batch uid in Learn."
    )
    title = models.CharField(max_length=NAME_LENGTH, blank=True)
    experience = models.CharField(max_length=8, choices=Experience, default=Experience.ULTRA)

    history = HistoricalRecords()

    class Meta:
        ordering = ["course_id"]
        constraints = [
            models.CheckConstraint(
                name="course_experience_known", condition=models.Q(experience__in=["ULTRA", "ORIGINAL"])
            )
        ]

    def __str__(self) -> str:
        return self.course_id


class GradeSchema(models.Model):
    """A grading schema as it stands in Learn: the symbols a column may show."""

    title = models.CharField(max_length=NAME_LENGTH, unique=True, help_text="The schema's name as it stands in Learn.")
    symbols = models.CharField(
        max_length=2000,
        blank=True,
        help_text="SYMBOL=lower bound, joined by colons, such as P=80:F=0. Empty: the symbols are known to Learn only.",
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    @property
    def symbol_names(self) -> frozenset[str]:
        """Empty where they are known to Learn only."""
        return frozenset(pair.partition("=")[0] for pair in self.symbols.split(":") if pair)

    @property
    def has_lower_bounds(self) -> bool:
        """Whether Learn turns numbers into the symbols."""
        return not self.symbols or "=" in self.symbols


class GradeColumn(models.Model):
    """A grade column of a course in Learn."""

    class ItemType(models.TextChoices):
        """Grades Journey's `itemType`, in its wire spelling."""

        ASSIGNMENT = "ASSIGNMENT", "Assignment"
        TEST = "TEST", "Test"
        MANUAL_COLUMN = "MANUAL_COLUMN", "Manual column"
        WEIGHTED_COLUMN = "WEIGHTED_COLUMN", "Weighted column"
        SURVEY = "SURVEY", "Survey (Original)"
        DISCUSSION_BOARD = "DISCUSSION_BOARD", "Discussion board (Original)"
        WIKI = "WIKI", "Wiki (Original)"
        BLOG = "BLOG", "Blog (Original)"
        JOURNAL = "JOURNAL", "Journal (Original)"
        SELF_AND_PEER_TEST = "SELF_AND_PEER_TEST", "Self and peer test (Original)"
        TOTAL_COLUMN = "TOTAL_COLUMN", "Total column (Original)"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="grade_columns")
    name = models.CharField(max_length=NAME_LENGTH, help_text="The column's name as it stands in Learn.")
    item_type = models.CharField(max_length=20, choices=ItemType, default=ItemType.MANUAL_COLUMN)
    points = models.FloatField(
        "points possible",
        default=100.0,
        validators=[MinValueValidator(0.0001), MaxValueValidator(1_000_000)],
    )
    grade_schema = models.ForeignKey(
        GradeSchema, on_delete=models.PROTECT, null=True, blank=True, related_name="grade_columns"
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["course__course_id", "name"]
        constraints = [
            models.UniqueConstraint(name="grade_column_once_a_course", fields=["course", "name"]),
            models.CheckConstraint(name="grade_column_points_positive", condition=models.Q(points__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.course} · {self.name}"


class ServiceCall(models.Model):
    """One call to a service of Learn: counts and times, nothing of a person. The quota is counted from these."""

    service = models.CharField(max_length=40)
    items = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)  # None: no answer came
    ok_count = models.PositiveIntegerField("OK")
    error_count = models.PositiveIntegerField("errors")
    seconds = models.FloatField()
    started_at = models.DateTimeField(db_index=True)
    error = models.CharField(max_length=40, blank=True)  # the error's class, where the call did not end in results
    rate_limit = models.PositiveIntegerField("quota a day", null=True, blank=True)  # as Learn said in its answer
    rate_remaining = models.PositiveIntegerField("calls left", null=True, blank=True)
    lifts_at = models.DateTimeField("quota lifts", null=True, blank=True)  # Learn takes no more calls before then

    class Meta:
        ordering = ["-pk"]
        verbose_name = "call to Learn"
        verbose_name_plural = "calls to Learn"
        indexes = [
            models.Index(fields=["lifts_at"], condition=models.Q(lifts_at__isnull=False), name="service_call_lifts_at")
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.pk}"
