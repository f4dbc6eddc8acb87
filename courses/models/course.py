"""Learn's courses, as GradeBridge knows them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from common.spelled import Spelled

NAME_LENGTH = 333  # characters of a course id, user id, column name or value in Grades Journey


class Course(Spelled):
    """A course in Learn, known by its batch uid."""

    class Experience(models.TextChoices):
        ULTRA = "ULTRA", _("Ultra")
        ORIGINAL = "ORIGINAL", _("Original")

    course_id = models.CharField(
        _("course id"),
        max_length=NAME_LENGTH,
        unique=True,
        help_text=_("The course's batch uid, its ID in Learn's data integration."),
    )
    title = models.CharField(_("title"), max_length=NAME_LENGTH, blank=True)
    experience = models.CharField(_("experience"), max_length=8, choices=Experience, default=Experience.ULTRA)

    history = HistoricalRecords()

    class Meta:
        ordering = ["course_id"]
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        constraints = [
            models.CheckConstraint(
                name="course_experience_known", condition=models.Q(experience__in=["ULTRA", "ORIGINAL"])
            )
        ]

    def __str__(self) -> str:
        return self.course_id

    @property
    def is_ultra(self) -> bool:
        return self.experience == self.Experience.ULTRA
