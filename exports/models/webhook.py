"""Webhooks: other systems that are sent events, and the messages to them."""

from __future__ import annotations

import base64
import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses.learn_http.addresses import is_loopback
from courses.models import Spelled
from exports.models.event import Event, validate_kinds
from exports.models.outgoing import Outgoing, OutgoingQuerySet


def new_seed() -> str:
    return secrets.token_hex(16)


def refuse_unsafe_url(url: str) -> None:
    """https alone; plain http is for this machine. Raises ValidationError."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port  # a port that is no number raises ValueError
    except ValueError:
        raise ValidationError(_("This is not an address such as https://example.edu/gradebridge.")) from None
    if parts.scheme not in ("http", "https") or not host or any(map(str.isspace, url)) or not url.isascii():
        raise ValidationError(_("This is not an address such as https://example.edu/gradebridge."))
    if parts.username or parts.password or parts.fragment:
        raise ValidationError(_("The address cannot contain a user name, a password or a fragment (#)."))
    if parts.scheme == "http" and not is_loopback(host):
        raise ValidationError(_("Messages would be sent unencrypted. Use https."))


class Webhook(Spelled):
    """One receiver of events. Every message to it is signed with its secret.

    The secret is not stored: it is derived from SECRET_KEY and the seed, so that neither the database nor a copy of it
    is enough to sign. A new SECRET_KEY gives every webhook a new secret.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.CharField(
        _("address"),
        max_length=500,
        validators=[refuse_unsafe_url],
        help_text=_("Where events are posted to, such as https://example.edu/gradebridge."),
    )
    kinds = models.JSONField(_("kinds of events"), default=list, validators=[validate_kinds])
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off to post nothing there."))
    seed = models.CharField(max_length=32, default=new_seed, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    history = HistoricalRecords(excluded_fields=["seed", "created_at"])

    class Meta:
        ordering = ["name"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> bytes:
        """The 32 bytes that sign."""
        return salted_hmac("exports.webhook", self.seed, algorithm="sha256").digest()

    @property
    def secret(self) -> str:
        """The same as the receiver enters it."""
        return f"whsec_{base64.b64encode(self.key).decode()}"

    def set_new_secret(self) -> str:
        """The old one stops signing once this is saved."""
        self.seed = new_seed()
        self._change_reason = "New secret."  # for the history, which has no seed to compare
        return self.secret


class WebhookMessageQuerySet(OutgoingQuerySet):
    def send_again(self, pk: Any) -> bool:
        """Make a finished message wait for another try, for a day more. False: it is waiting or being sent already."""
        now = timezone.now()
        finished = self.filter(pk=pk).exclude(state__in=Outgoing.OPEN)
        return bool(
            finished.update(
                state=Outgoing.State.WAITING, created_at=now, next_try_at=now, finished_at=None, tries=0, reason={}
            )
        )


class WebhookMessage(Outgoing):
    """One event for one webhook. However often it is sent, its id is the same."""

    id = models.UUIDField(_("id"), primary_key=True, default=uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="messages", verbose_name=_("webhook"))
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="messages", verbose_name=_("event"))
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)  # of the last try
    seconds = models.FloatField(_("seconds"), null=True, blank=True)  # that the last try took

    objects = WebhookMessageQuerySet.as_manager()

    class Meta(Outgoing.Meta):
        ordering = ["-created_at"]
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        indexes = [*Outgoing.Meta.indexes, models.Index(fields=["webhook", "-created_at"], name="message_of_webhook")]
        constraints = [
            *Outgoing.Meta.constraints,
            models.UniqueConstraint(name="message_once_an_event", fields=["webhook", "event"]),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.webhook}"
