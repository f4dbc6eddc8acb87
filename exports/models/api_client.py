"""Who may call the endpoint."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from common.addresses import is_within
from courses.models import Spelled
from exports.models.request_profile import RequestProfile
from exports.reading import flow_patterns

USE_NOTED_EVERY = timedelta(minutes=1)
ADDRESS_LENGTH = 100  # an IPv6 address has 39 characters; a proxy may forward what is none
# The same whether there is such a flow or not.
FLOW_REFUSED = _("This API client may not use this flow: none of its flow patterns is for it.")
KEY_MARK_LENGTH = 16  # characters of a key's hash that a bearer token names


def hash_key(key: str) -> str:
    """Keys are 256 random bits, so a fast hash keeps them safe; a password hash would cost 100 ms a call."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def validate_networks(value: object) -> None:
    """`value` is a list of CIDRs (a single address is one)."""
    if not isinstance(value, list):
        raise ValidationError(_('Enter a list of networks, such as ["192.0.2.0/24"].'))
    for network in value:
        try:
            ipaddress.ip_network(network if isinstance(network, str) else "")  # a number would be taken for an address
        except ValueError:
            raise ValidationError(
                _("'%(network)s' is not a network such as 192.0.2.0/24."), params={"network": network}
            ) from None


def validate_flow_patterns(value: object) -> None:
    try:
        flow_patterns.refuse_patterns(value)
    except ValueError as reason:
        raise ValidationError(str(reason)) from None


class ApiClientQuerySet(models.QuerySet["ApiClient"]):
    def able_to_call(self, now: datetime) -> ApiClientQuerySet:
        """Active and not expired."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), is_active=True)

    def with_key(self, key_hash: str, now: datetime) -> ApiClientQuerySet:
        """Whose key it is, or whose previous one that still works."""
        return self.filter(Q(key_hash=key_hash) | Q(previous_key_hash=key_hash, previous_key_ends_at__gt=now))

    def expiring(self, now: datetime, within: timedelta) -> ApiClientQuerySet:
        """Active ones that have expired, or will within that time."""
        return self.filter(is_active=True, expires_at__lte=now + within).order_by("expires_at")

    def note_use(self, client: ApiClient, address: str, now: datetime) -> None:
        """Keep when and from where it called. One row, no history; nothing where another process has just done so."""
        due = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
        self.filter(due, pk=client.pk).update(last_used_at=now, last_used_address=address[:ADDRESS_LENGTH])


class ApiClient(Spelled):
    """One caller of the API, WISEflow first of all. Its key is shown once, when it is made; only its hash is kept."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off to block this client."))
    may_export = models.BooleanField(
        _("may export"), default=True, help_text=_("Switch off to let this client read states only.")
    )
    allowed_networks = models.JSONField(
        _("allowed networks"),
        default=list,
        blank=True,
        validators=[validate_networks],
        help_text=_('Networks that it may call from, such as ["192.0.2.0/24"]. Leave empty to allow every network.'),
    )
    profile = models.ForeignKey(
        RequestProfile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="api_clients",
        verbose_name=_("request profile"),
        help_text=_("The format of the body that it sends. Leave empty for the documented format."),
    )
    flow_patterns = models.JSONField(
        _("flow patterns"),
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[validate_flow_patterns],
        help_text=_(
            "Flows that it may export and read, one a line: 4711 is one flow, EX-* is every flow whose id begins with "
            "EX-. Capital and small letters differ. Leave empty to allow every flow."
        ),
    )
    expires_at = models.DateTimeField(
        _("expires"),
        null=True,
        blank=True,
        help_text=_("From then on this client is refused. Leave empty for a client that does not expire."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    # A second key that works until then, so that a new one can be entered at the caller while it exports.
    previous_key_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001  unique
    previous_key_ends_at = models.DateTimeField(_("previous key ends"), null=True, editable=False)

    # At most a minute behind. Kept by an UPDATE of these columns alone, so the history has no part in it.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    last_used_address = models.CharField(
        _("last used from"), max_length=ADDRESS_LENGTH, blank=True, db_default="", default="", editable=False
    )

    objects = ApiClientQuerySet.as_manager()

    history = HistoricalRecords(excluded_fields=["key_hash", "previous_key_hash", "last_used_at", "last_used_address"])

    is_authenticated = True  # what Django REST framework asks of a caller
    shown_hash = ""  # of the key with which it has called, if it has

    class Meta:
        ordering = ["name"]
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints = [
            models.CheckConstraint(
                name="api_client_previous_key_has_an_end",
                condition=Q(previous_key_hash__isnull=True, previous_key_ends_at__isnull=True)
                | Q(previous_key_hash__isnull=False, previous_key_ends_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.allowed_networks = self.allowed_networks or []  # an emptied field is null
        self.flow_patterns = self.flow_patterns or []
        if ":" in self.name:
            raise ValidationError(
                {"name": _("The name cannot contain a colon, which separates name and key in HTTP Basic (NAME:KEY).")}
            )

    def set_new_key(self, *, keep_old_until: datetime | None = None) -> str:
        """Give the client a new key. The old one works until `keep_old_until`; without it, and for the one before it,
        no longer than until this is saved. Returns the key: it is not kept.
        """
        if keep_old_until is None:
            self.previous_key_hash = self.previous_key_ends_at = None
        else:
            self.previous_key_hash, self.previous_key_ends_at = self.key_hash, keep_old_until
        key = secrets.token_urlsafe(32)
        self.key_hash = hash_key(key)
        if self.pk:
            self._change_reason = "New key."  # for the history, which has no hash to compare
        return key

    def end_previous_key(self) -> None:
        """The previous key stops working once saved, and with it the bearer tokens made for it."""
        self.previous_key_hash = self.previous_key_ends_at = None
        self._change_reason = "The old key was ended."

    def has_previous_key(self, now: datetime) -> bool:
        return self.previous_key_ends_at is not None and self.previous_key_ends_at > now

    @property
    def key_mark(self) -> str:
        """What a bearer token names of the key that was shown for it."""
        return (self.shown_hash or self.key_hash)[:KEY_MARK_LENGTH]

    def has_key_of(self, mark: str, now: datetime) -> bool:
        """Whether a bearer token that names this was made for a key that still works."""
        hashes = [self.key_hash, self.previous_key_hash if self.has_previous_key(now) else None]
        return len(mark) == KEY_MARK_LENGTH and any(known and known.startswith(mark) for known in hashes)

    def is_use_due(self, now: datetime) -> bool:
        """Whether it was last noted so long ago that this call is to be."""
        return self.last_used_at is None or self.last_used_at <= now - USE_NOTED_EVERY

    def may_use(self, flow_id: str) -> bool:
        """Whether it may export and read this flow, be there one or not."""
        return not self.flow_patterns or flow_patterns.matches(self.flow_patterns, flow_id)

    def allows(self, address: str) -> bool:
        """Whether the client may call from `address`."""
        return not self.allowed_networks or is_within(address, map(ipaddress.ip_network, self.allowed_networks))
