"""What was last read of a column in Learn's gradebook, so that the next look costs one call while nothing has moved."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from courses.models.course import NAME_LENGTH


class ColumnReading(models.Model):
    """The last reading of one column: by its names here, with Learn's own ids."""

    course_id = models.CharField(_("course"), max_length=NAME_LENGTH)
    column_name = models.CharField(_("column"), max_length=NAME_LENGTH)
    read_at = models.DateTimeField(_("last read"))
    # Learn's own ids: empty where the course or the column was not found. Of a merged course the parent's.
    learn_course = models.CharField(_("course in Learn"), max_length=64, blank=True)
    learn_column = models.CharField(_("column in Learn"), max_length=64, blank=True)
    # All changes up to this one have been read; null: all grades of the column must be read again.
    change_index = models.BigIntegerField(_("last change"), null=True, blank=True)
    # Why the column could not be read, as code and parameters; empty: it was read.
    problem: models.JSONField[dict[str, Any]] = models.JSONField(_("problem"), default=dict, blank=True)

    class Meta:
        ordering = ["course_id", "column_name"]
        verbose_name = _("column read in Learn")
        verbose_name_plural = _("columns read in Learn")
        constraints = [models.UniqueConstraint(name="column_reading_one_a_column", fields=["course_id", "column_name"])]

    def __str__(self) -> str:
        return f"{self.course_id}: {self.column_name}"
