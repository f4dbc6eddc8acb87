"""Requests that the API refused as a whole: who, what, why. Never a body, never a key."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exports.models.api_client import ApiClient

KEPT = timedelta(days=90)
ID_LENGTH = 255  # of a flow id
REASON_LENGTH = 300


class RefusedRequestQuerySet(models.QuerySet["RefusedRequest"]):
    def older_than(self, moment: datetime) -> RefusedRequestQuerySet:
        """Those that did not happen again since then."""
        return self.filter(last_at__lt=moment)


class RefusedRequest(models.Model):
    """Equal refusals within the same ten minutes are one row, which counts them."""

    at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    count = models.PositiveIntegerField(_("times"), default=1)
    client = models.ForeignKey(
        ApiClient,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("API client"),
    )  # null: its credentials were not good
    address = models.CharField(_("address"), max_length=100, blank=True)
    method = models.CharField(_("method"), max_length=20, blank=True)
    path = models.CharField(_("path"), max_length=300, blank=True)  # without the query
    status = models.PositiveSmallIntegerField(_("status"))
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH, blank=True)  # as it was answered
    size = models.BigIntegerField(_("size"), null=True, blank=True)  # bytes, of the latest, as it said
    flow_id = models.CharField(_("flow id"), max_length=ID_LENGTH, blank=True)  # as far as it is known
    # What makes refusals equal, in their ten minutes: the database itself lets there be one row.
    likeness = models.CharField(max_length=64, unique=True, editable=False)

    objects = RefusedRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at", "-pk"]
        verbose_name = _("refused request")
        verbose_name_plural = _("refused requests")
        indexes = [
            models.Index(fields=["-last_at", "-id"], name="refusal_latest"),
            models.Index(fields=["flow_id", "-last_at"], condition=~Q(flow_id=""), name="refusal_of_flow"),
            # How many rows an address, or a client, has made of late.
            models.Index(fields=["address", "at"], condition=Q(client__isnull=True), name="refusal_by_address"),
            models.Index(fields=["client", "at"], condition=Q(client__isnull=False), name="refusal_by_client"),
        ]

    def __str__(self) -> str:
        return gettext("%(status)s for %(method)s %(path)s") % {
            "status": self.status,
            "method": self.method,
            "path": self.path,
        }
