"""What GradeBridge can create in Learn, and the status of each."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from common.spelled import Spelled
from courses.sentences import sentence

NOT_SENT = _("It is in Learn already. Changes made here are not sent to Learn.")
OF_PROVISIONING = ("status", "provisioned_at", "provisioning_reason")  # no configuration: kept out of its history


class Provisioned(Spelled):
    """A row that can be created in Learn."""

    class Status(models.TextChoices):
        # GradeBridge has not created it: an administrator provisions it, or marks it as in Learn if it is there.
        NOT_PROVISIONED = "NOT_PROVISIONED", _("Not provisioned")
        # Learn has confirmed it: nothing to do.
        PROVISIONED = "PROVISIONED", _("In Learn")
        # Learn rejected it, or it did not reach Learn: an administrator corrects what the message says, then provisions
        # it again.
        FAILED = "FAILED", _("Failed")
        # It may be in Learn: an administrator checks there, then marks it as in Learn or as not in Learn.
        UNCONFIRMED = "UNCONFIRMED", _("Not confirmed")
        # The deletion is in progress, and no grade is sent there: nothing to do.
        DELETING = "DELETING", _("Being deleted")
        # Learn has confirmed the deletion, and no grade is sent there: an administrator creates it again, or maps its
        # flows to another column.
        DELETED = "DELETED", _("Deleted in Learn")

    status = models.CharField(
        _("status"), max_length=15, choices=Status, default=Status.NOT_PROVISIONED, editable=False
    )
    provisioned_at = models.DateTimeField(_("in Learn since"), null=True, blank=True, editable=False)
    # Why the last try failed.
    provisioning_reason = models.JSONField(_("why it failed"), default=dict, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_status_known",
                condition=Q(
                    status__in=["NOT_PROVISIONED", "PROVISIONED", "FAILED", "UNCONFIRMED", "DELETING", "DELETED"]
                ),
            ),
            models.CheckConstraint(
                name="%(class)s_provisioned_and_when",
                condition=~Q(status="PROVISIONED") | Q(provisioned_at__isnull=False),
            ),
        ]

    def forget(self) -> None:
        """It names something else in Learn now. It is not saved."""
        self.status, self.provisioned_at, self.provisioning_reason = self.Status.NOT_PROVISIONED, None, {}

    @property
    def provisioning_message(self) -> str:
        """Why the last try failed, and what to do."""
        return sentence(self.provisioning_reason)

    @property
    def is_provisioned(self) -> bool:
        return self.status == self.Status.PROVISIONED


def mark_as_not_in_learn(rows: models.QuerySet[Any]) -> int:
    """Record that someone has checked and these are not in Learn, so that they can be created."""
    return not_known_to_be_gone(rows).update(
        status=Provisioned.Status.NOT_PROVISIONED, provisioned_at=None, provisioning_reason={}
    )


def not_known_to_be_gone(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those that are in Learn, as far as is known, or may be. What was never provisioned may have been made by hand."""
    return rows.exclude(status__in=[Provisioned.Status.DELETING, Provisioned.Status.DELETED])


def mark_as_in_learn(rows: models.QuerySet[Any]) -> int:
    """Record that these are in Learn, whoever created them there, so that they are not created a second time."""
    known = [Provisioned.Status.PROVISIONED, Provisioned.Status.DELETING]
    return rows.exclude(status__in=known).update(
        status=Provisioned.Status.PROVISIONED, provisioned_at=timezone.now(), provisioning_reason={}
    )
