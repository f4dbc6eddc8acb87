"""When each part of the site that no one sees last gave a sign of life, and what is done now and then was last done."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def beat(self, name: Heartbeat.Name) -> None:
        """Note that it is so now."""
        self.bulk_create(
            [Heartbeat(name=name, at=timezone.now())],
            update_conflicts=True,
            update_fields=["at"],
            unique_fields=["name"],
        )

    def moments(self) -> dict[str, datetime]:
        """By name, those that ever were."""
        return dict(self.values_list("name", "at"))


class Heartbeat(models.Model):
    """One row for each name. Written every minute, so it has no history."""

    class Name(models.TextChoices):
        CLOCK = "CLOCK", _("Clock")
        WORKER = "WORKER", _("Task worker")
        SWEEP = "SWEEP", _("Sweep")
        PURGE = "PURGE", _("Purge")

    name = models.CharField(_("name"), max_length=20, choices=Name, primary_key=True)
    at = models.DateTimeField(_("at"))

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.get_name_display()} {self.at:%Y-%m-%d %H:%M:%S}"
