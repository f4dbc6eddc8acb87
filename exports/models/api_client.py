"""Who may call the endpoint."""

import hashlib
import ipaddress
import secrets

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses.models import Spelled
from exports.models.request_profile import RequestProfile


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
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    history = HistoricalRecords(excluded_fields=["key_hash"])

    is_authenticated = True  # what Django REST framework asks of a caller

    class Meta:
        ordering = ["name"]
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.allowed_networks = self.allowed_networks or []  # an emptied field is null
        if ":" in self.name:
            raise ValidationError(
                {"name": _("The name cannot contain a colon, which separates name and key in HTTP Basic (NAME:KEY).")}
            )

    def set_new_key(self) -> str:
        """Give the client a new key; the old one stops working once saved. Returns the key: it is not kept."""
        key = secrets.token_urlsafe(32)
        self.key_hash = hash_key(key)
        if self.pk:
            self._change_reason = "New key."  # for the history, which has no hash to compare
        return key

    def allows(self, address: str) -> bool:
        """Whether the client may call from `address`."""
        if not self.allowed_networks:
            return True
        try:
            caller = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped:
            caller = caller.ipv4_mapped
        return any(caller in ipaddress.ip_network(network) for network in self.allowed_networks)
