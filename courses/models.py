"""Where grades land: Learn's courses, grade columns and grade schemas, as GradeBridge knows them."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

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

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


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

    class Meta:
        ordering = ["course__course_id", "name"]
        constraints = [
            models.UniqueConstraint(name="grade_column_once_a_course", fields=["course", "name"]),
            models.CheckConstraint(name="grade_column_points_positive", condition=models.Q(points__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.course} · {self.name}"
