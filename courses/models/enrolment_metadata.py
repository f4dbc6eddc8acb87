"""Keys and values for one user's enrolment in Learn."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses import wire
from courses.grades_journey.items import EnrolmentData
from courses.models.course import NAME_LENGTH, Course
from courses.models.provisioned import OF_PROVISIONING, Provisioned
from courses.sentences import Reason, reason_of, sentence


class EnrolmentMetadata(Provisioned):
    """What Learn is to keep of one user's enrolment in one course. Setting it twice is setting it once."""

    course = models.ForeignKey(
        Course, on_delete=models.PROTECT, related_name="enrolment_metadata", verbose_name=_("course")
    )
    user_id = models.CharField(
        _("Learn user"),
        max_length=NAME_LENGTH,
        help_text=_("The user's batch uid, the ID in Learn's data integration."),
    )
    optional_data = models.CharField(
        _("keys and values"), max_length=2000, help_text=_("Separated by colons, such as EnrollType=Audit:Room=B12.")
    )

    history = HistoricalRecords(excluded_fields=OF_PROVISIONING)

    class Meta(Provisioned.Meta):
        ordering = ["course__course_id", "user_id"]
        verbose_name = _("enrolment metadata")
        verbose_name_plural = _("enrolment metadata")
        constraints = [
            *Provisioned.Meta.constraints,
            models.UniqueConstraint(name="enrolment_metadata_once_a_user", fields=["course", "user_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.course} · {self.user_id}"

    def clean(self) -> None:
        """Whether Learn's format can carry it."""
        if problems := self.problems():
            raise ValidationError({field: sentence(reason) for field, reason in problems.items()})

    def problems(self) -> dict[str, Reason]:
        """By field: why Learn would not take it."""
        try:
            wire.read_options(self.optional_data)
        except wire.WireError as error:
            return {"optional_data": reason_of(error)}
        return {}

    def item(self) -> EnrolmentData:
        """What sets it in Learn. Raises InvalidItem or WireError."""
        return EnrolmentData(
            course_id=self.course.course_id,
            user_id=self.user_id,
            optional_data=wire.write_options(wire.read_options(self.optional_data)),
        )
