"""Runs of the purge: when, and how much each has deleted."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class PurgeRun(models.Model):
    """One run that deleted old data. Without `finished_at` it is in progress, or was killed: the next one goes on."""

    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    is_scheduled = models.BooleanField(_("started by the clock"), default=False)
    # {kind of data: rows that were deleted}
    deleted: models.JSONField[dict[str, Any]] = models.JSONField(_("deleted"), default=dict, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("purge")
        verbose_name_plural = _("purges")

    def __str__(self) -> str:
        return gettext("Purge %(number)s") % {"number": self.pk}
