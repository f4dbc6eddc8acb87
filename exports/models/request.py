"""What corrections, decisions and exemptions have in common: one person requests them, another person decides."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from courses.models import Spelled


class RequestState(models.TextChoices):
    # Nothing is done yet: another person approves or declines it, or whoever requested it withdraws it.
    ASKED = "ASKED", _("Waiting for approval")
    # What it is for has been done, or was sent: its page shows whether it has arrived.
    APPROVED = "APPROVED", _("Approved")
    # Nothing is done, and everything stays as it is: nothing to do.
    DECLINED = "DECLINED", _("Declined")


class RequestQuerySet(models.QuerySet[Any]):
    def waiting_for(self, user: User) -> Self:
        """Not decided yet, and requested by others: `user` may decide them, given the permission."""
        return self.filter(state=RequestState.ASKED).exclude(requested_by=user)

    def waiting_of(self, user: User) -> Self:
        """Requested by `user`, and not decided yet."""
        return self.filter(state=RequestState.ASKED, requested_by=user)

    def exists_asked(self) -> bool:
        """Whether one of these is not decided yet."""
        return self.filter(state=RequestState.ASKED).exists()


class Requested(Spelled):
    """Stored permanently: what and why, both people and both times."""

    State = RequestState

    state = models.CharField(_("state"), max_length=8, choices=RequestState, default=RequestState.ASKED)
    reason = models.TextField(_("reason"), max_length=2000)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decline_reason = models.TextField(_("reason for declining"), max_length=2000, blank=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]


DECIDED_BY_AND_WHEN = Q(state="ASKED", decided_by__isnull=True, decided_at__isnull=True) | (
    ~Q(state="ASKED") & Q(decided_by__isnull=False, decided_at__isnull=False)
)
# Whoever requested it may withdraw it, which declines it, but never approve it.
APPROVED_BY_ANOTHER = ~Q(state="APPROVED") | ~Q(decided_by=F("requested_by"))
