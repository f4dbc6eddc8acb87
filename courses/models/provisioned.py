"""What GradeBridge can create in Learn, and where each of it stands."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from common.spelled import Spelled

OF_PROVISIONING = ("standing", "provisioned_at", "provisioning_message")  # no configuration: kept out of its history


class Provisioned(Spelled):
    """A row that can be created in Learn."""

    class Standing(models.TextChoices):
        NOT_PROVISIONED = "NOT_PROVISIONED", "Not provisioned"  # unless it was made by hand: provision
        PROVISIONED = "PROVISIONED", "In Learn"  # Learn confirmed it: nothing to do
        FAILED = "FAILED", "Failed"  # Learn said no, or nothing arrived: repair the cause, then provision again
        UNCONFIRMED = "UNCONFIRMED", "Unconfirmed"  # it may stand in Learn: look there first
        DELETING = "DELETING", "Being deleted"  # a deletion is on its way: no grade is sent there
        DELETED = "DELETED", "Deleted in Learn"  # Learn confirmed the deletion: no grade is sent there

    standing = models.CharField(
        "in Learn", max_length=15, choices=Standing, default=Standing.NOT_PROVISIONED, editable=False
    )
    provisioned_at = models.DateTimeField(null=True, blank=True, editable=False)
    provisioning_message = models.TextField("last message", blank=True, editable=False)  # of the last try, if it failed

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_standing_known",
                condition=Q(
                    standing__in=["NOT_PROVISIONED", "PROVISIONED", "FAILED", "UNCONFIRMED", "DELETING", "DELETED"]
                ),
            ),
            models.CheckConstraint(
                name="%(class)s_provisioned_and_when",
                condition=~Q(standing="PROVISIONED") | Q(provisioned_at__isnull=False),
            ),
        ]

    def forget(self) -> None:
        """It names something else in Learn now. It is not saved."""
        self.standing, self.provisioned_at, self.provisioning_message = self.Standing.NOT_PROVISIONED, None, ""

    @property
    def is_provisioned(self) -> bool:
        return self.standing == self.Standing.PROVISIONED


def mark_as_not_in_learn(rows: models.QuerySet[Any]) -> int:
    """Say that somebody has looked and these do not stand in Learn, so that they can be created."""
    return not_known_to_be_gone(rows).update(
        standing=Provisioned.Standing.NOT_PROVISIONED, provisioned_at=None, provisioning_message=""
    )


def not_known_to_be_gone(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those that are in Learn, as far as is known, or may be. What was never provisioned may have been made by hand."""
    return rows.exclude(standing__in=[Provisioned.Standing.DELETING, Provisioned.Standing.DELETED])


def mark_as_in_learn(rows: models.QuerySet[Any]) -> int:
    """Say that these stand in Learn, whoever made them there, so that they are not created a second time."""
    known = [Provisioned.Standing.PROVISIONED, Provisioned.Standing.DELETING]
    return rows.exclude(standing__in=known).update(
        standing=Provisioned.Standing.PROVISIONED, provisioned_at=timezone.now(), provisioning_message=""
    )
